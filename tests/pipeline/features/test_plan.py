"""Names, order and refusals, read off the syntax tree: no file is imported."""

import pytest

from pipeline.core.errors import PipelineError
from pipeline.features import plan
from tests.pipeline.features.made import NAMES, code, package

SHARE = '''
def share(amount, limit):
    """Amount over limit.

    Longer text that is no description.
    """
    return amount / limit
'''


def test_a_function_is_a_feature_that_reads_columns_by_its_parameters() -> None:
    (function,) = code(SHARE).plan.order
    assert (function.name, function.reads, function.outputs) == ("share", ("amount", "limit"), ("share",))
    assert (function.description, function.file, function.line) == ("Amount over limit.", "money.py", 1)


def test_a_default_names_a_column_that_is_no_identifier() -> None:
    made = code('def bill(bill="BILL AMT", amount=("amount")):\n    return bill + amount')
    assert made.plan.inputs == ("BILL AMT", "amount")


def test_a_dict_gives_several_features() -> None:
    made = code('def two(amount):\n    return {"low": amount < 1, "high": amount > 1}')
    assert made.features == ("low", "high")


def test_functions_come_after_those_that_they_read_whatever_the_order_of_the_files() -> None:
    made = code(
        a_py="def last(first, second): return first + second",
        b_py="def second(first): return first",
        c_py=SHARE.replace("share", "first"),
    )
    assert [function.name for function in made.plan.order] == ["first", "second", "last"]
    assert made.plan.columns["last"] == ("amount", "limit")


def test_helpers_are_no_features_and_may_lie_in_another_file() -> None:
    made = code(
        "from .tools import _half\ndef half(amount): return _half(amount)", tools_py="def _half(x): return x / 2"
    )
    assert made.features == ("half",)


def test_a_feature_that_is_off_is_computed_only_where_another_needs_it() -> None:
    source = "def a(amount): return amount\ndef b(a): return a\ndef c(limit): return limit"
    made = code(source, off=("a", "c"))
    assert made.features == ("b",)
    assert [function.name for function in made.plan.order] == ["a", "b"]
    assert made.plan.inputs == ("amount",)


def test_what_depends_on_the_target_is_known() -> None:
    made = code(
        """
        def risk(city, state): return state.lookup(city)
        def fit_risk(city, target): return {}
        def scaled(risk, amount): return risk * amount
        def plain(amount): return amount
        """
    )
    assert made.plan.fitted == {"risk"}
    assert made.plan.from_target == {"risk", "scaled"}


RISK = "def risk(city, state): return state.lookup(city)\ndef fit_risk(city, target): return {}\n"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (
            "def a(amont): return amont",
            "money.py:1: a: amont is no column of the data and no feature; did you mean amount?",
        ),
        ("def a(b): return b\ndef b(a): return a", "a -> b -> a: a feature can't depend on itself"),
        ("def a(a): return a", "a -> a: a feature can't depend on itself"),
        ("def a(key): return key", "a: reads key, the key, which identifies rows"),
        (
            "def a(target): return target",
            r"a: reads target, the target, which no request has; only a fit may \(fit_a\)",
        ),
        ("def amount(limit): return limit", "amount: is the name of a column of the data as well"),
        ("def a(): return 1", "a: has no parameter"),
        ("def a(*amount): return amount", r"a: has a parameter with \*"),
        ("def a(amount=1): return amount", "a: the default of amount is no text"),
        (
            "def a(amount):\n  if 1:\n    return {'x': amount}\n  return {'y': amount}",
            "a: several features are returned as",
        ),
        ("def a(amount):\n  return {'x': amount, **{}}", "a: several features are returned as"),
        ("def a(amount, state): return amount", "a: reads `state`, and there is no fit_a"),
        ("def a(amount): return amount\ndef fit_a(amount): return {}", "a: has no parameter `state`; add it"),
        ("def fit_a(amount): return {}", "fit_a: there is no function a that it could be the fit of"),
        (
            "def a(amount): return amount\ndef a(limit): return limit",
            "money.py:2: a: is defined in .*money.py:1 as well",
        ),
        ("def a(amount): return {'b': amount}\ndef b(amount): return amount", "gives a feature of this name as well"),
        (
            RISK + "def c(amount, state): return amount\ndef fit_c(risk): return {}",
            "fit_c: reads risk, fitted on the target",
        ),
        ("async def a(amount): return amount", "a: is asynchronous"),
        ("def a(amount) return amount", "money.py:1: .*; correct the syntax"),
        ("x = '\0'", "money.py:?1?: .*"),
        ("x = " + "-" * 100_000 + "1", "money.py: can't be parsed as Python"),
    ],
)
def test_a_refusal_names_file_line_and_remedy(source: str, problem: str) -> None:
    with pytest.raises(PipelineError, match=problem) as refusal:
        code(source)
    assert str(refusal.value).startswith("src/project/features/money.py:")
    assert "\n" not in str(refusal.value)


def test_an_unknown_feature_can_not_be_switched_off() -> None:
    with pytest.raises(PipelineError, match=r"features\.off: shar is no feature of .*; did you mean share\?"):
        plan.make(package(SHARE), NAMES, ["shar"])


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"city_json": "{}"}, "city.json: is the name of a column as well"),
        ({"rates_json": "[1]"}, "rates.json: no JSON object"),
        ({"rates_json": "{"}, "rates.json: not JSON"),
    ],
)
def test_a_look_up_table_that_can_not_be_used_is_refused(files: dict[str, str], problem: str) -> None:
    with pytest.raises(PipelineError, match=problem):
        code(SHARE, **files)
