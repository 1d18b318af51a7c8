"""A value that depends on more than its row is refused by name, with the reason in one sentence."""

import pytest

from pipeline.core.errors import PipelineError
from pipeline.data.contract.schema import Schema
from pipeline.features import contract_columns, parity
from tests.pipeline.features.made import ROWS, code, columns, fitted

GOOD = """
import numpy as np
def share(amount, limit): return np.cbrt(amount) / np.maximum(limit, 1)
def place(city, member): return np.where(member, city, None)
def relative(amount, state): return amount / state["mean"]
def fit_relative(amount): return {"mean": np.nanmean(amount)}
def risk(city, state): return state.lookup(city)
def fit_risk(city, target): return {c: target[city == c].mean() for c in set(city)}
def month(since): return since.astype("datetime64[M]").astype(int) % 12 + 1
"""


def test_good_features_pass() -> None:
    parity.check(fitted(GOOD), columns(), ROWS)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("return limit - limit.mean()", parity.OTHER_ROWS),
        ("return np.sort(limit)", parity.OTHER_ROWS),
        ("return limit / limit.max() * 1.0000001", parity.OTHER_ROWS),
        ("return np.arange(len(limit))", parity.OTHER_ROWS),
        ("return np.where(np.arange(len(limit)) == 3, limit * (1 + 1e-7), limit)", parity.MATRIX),
        ("calls.append(1); return limit + len(calls)", parity.REPEATED),
        ("return limit if len(limit) > 5 else limit > 2", "it returns numbers for many rows and booleans for few"),
        ("return 1 / limit", "it is infinite, or beyond float32, for some rows"),
        ("limit *= 2; return limit", "it changes its arguments in place"),
        ("return limit[1:]", r"it returned an array of shape \(39,\) for 40 rows; allowed: \(40,\)"),
        ("return limit + 1j", "it returned complex128; allowed: numbers, booleans, text"),
    ],
)
def test_a_function_that_depends_on_more_than_its_row_is_refused(body: str, problem: str) -> None:
    made = code(f"import numpy as np\ncalls = []\ndef fine(limit): return limit\ndef wrong(limit, fine):\n    {body}")
    with pytest.raises(PipelineError, match="^src/project/features/money.py:4: wrong: ") as refusal:
        parity.check(made, columns(), ROWS)
    assert problem.replace("\\", "") in str(refusal.value)


def test_every_refused_function_is_listed_and_none_for_what_another_did() -> None:
    made = code(
        "def a(limit): return limit - limit.mean()\ndef b(a): return a * 2\ndef c(limit): return limit - limit.min()"
    )
    with pytest.raises(PipelineError) as refusal:
        parity.check(made, columns(), ROWS)
    assert [line.split(": ")[1] for line in str(refusal.value).splitlines()] == ["a", "c"]


def test_an_error_names_feature_file_line_and_an_example_row() -> None:
    source = """
    import numpy as np
    def half(amount): return amount / 2
    def a(city, half):
        return np.array([c[0] for c in city], dtype=object)
    """
    made = code(source)
    with pytest.raises(PipelineError) as refusal:
        parity.check(made, columns(), ROWS)
    line = str(refusal.value)
    assert line.startswith(
        "src/project/features/money.py:3: a: TypeError: 'NoneType' object is not subscriptable "
        "(src/project/features/money.py:4); example row: city missing, amount "
    )


def test_made_rows_are_of_each_type_within_the_bounds_of_the_contract() -> None:
    contract = Schema.model_validate(
        {
            "columns": {
                "n": {"type": "number", "nullable": True, "min": 2},
                "i": {"type": "integer", "nullable": False, "min": -3, "max": 3},
                "b": {"type": "boolean", "nullable": True},
                "c": {"type": "category", "nullable": False, "allowed": ["x", "y"]},
                "t": {"type": "text", "nullable": True},
                "d": {"type": "date", "nullable": True},
            }
        }
    )
    made = contract_columns.make(contract, contract_columns.inputs_of(contract, contract.columns), 500)
    kinds = {name: values.dtype.str for name, values in made.items()}
    assert kinds == {"n": "<f8", "i": "<f8", "b": "<f8", "c": "|O", "t": "|O", "d": "<M8[us]"}
    assert made["n"][made["n"] == made["n"]].min() == 2
    assert {*made["i"]} == {-3, -2, -1, 0, 1, 2, 3}
    assert {*made["c"]} == {"x", "y"}
    assert None in made["t"]
