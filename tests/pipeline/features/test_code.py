"""Computing: what functions get and may return, how versions stay apart, and what is written and read."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.core.errors import PipelineError
from pipeline.features import code as codes
from pipeline.features import package as packages
from pipeline.features.code import FunctionError
from tests.pipeline.features.made import code, columns, fitted, values


def test_numbers_are_rounded_to_float32_and_infinity_is_missing() -> None:
    made = code("import numpy as np\ndef third(limit): return np.where(limit > 4, np.inf, limit / 3)")
    data = columns()
    expected = np.where(data["limit"] > 4, np.nan, (data["limit"] / 3).astype(np.float32).astype(float))
    assert np.array_equal(values(made)["third"], expected, equal_nan=True)
    assert values(made)["third"].dtype == np.float64


def test_a_feature_reads_the_rounded_values_of_another() -> None:
    made = code("def a(limit): return limit / 3\ndef b(a): return a * 3 - 1")
    third = (columns()["limit"] / 3).astype(np.float32).astype(float)
    assert np.array_equal(values(made)["b"], (third * 3 - 1).astype(np.float32).astype(float))


def test_results_are_numbers_booleans_or_text() -> None:
    made = code(
        """
        import numpy as np
        def whole(limit): return limit.astype(int)
        def rich(limit): return limit > 3
        def label(limit): return np.where(limit > 3, "high", "low")
        def place(city): return city
        def year(since): return since.astype("datetime64[Y]").astype(int)
        """
    )
    kinds = {name: values(made)[name].dtype.kind for name in made.features}
    assert kinds == {"whole": "f", "rich": "b", "label": "O", "place": "O", "year": "f"}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("return amount[:1]", r"it returned an array of shape \(1,\) for 40 rows; allowed: \(40,\)"),
        ("return amount.mean()", "it returned a value of type float64; allowed: an array"),
        ("pass", "it returned None; allowed: an array"),
        ("return amount + 1j", "it returned complex128; allowed: numbers, booleans, text"),
        ("return np.full(len(amount), 1.5, dtype=object)", "it returned objects, among them a value of type float"),
    ],
)
def test_another_result_is_refused(body: str, problem: str) -> None:
    with pytest.raises(FunctionError, match=problem):
        values(code(f"import numpy as np\ndef a(amount): {body}"))


def test_arguments_can_not_be_changed_in_place() -> None:
    with pytest.raises(FunctionError) as error:
        values(code("def a(limit):\n    limit += 1\n    return limit"))
    assert "read-only" in str(error.value.cause)


def test_a_look_up_table_is_read_by_its_name() -> None:
    made = code(
        'def rate(city, rates): return rates["by_city"].lookup(city, default=rates["other"])\n'
        "def zone(limit, zones): return zones.lookup(limit)",
        rates_json='{"by_city": {"Rome": 2}, "other": 1}',
        zones_json='{"1": "a", "2": "b"}',
    )
    result = values(made)
    assert result["rate"].tolist() == [2.0 if city == "Rome" else 1.0 for city in columns()["city"]]
    assert result["zone"].tolist() == [{1.0: "a", 2.0: "b"}.get(limit) for limit in columns()["limit"]]


def test_two_versions_never_share_a_module_also_by_a_late_import() -> None:
    source = "def a(limit):\n    from .rates import RATE\n    return limit * RATE"
    old, new = (code(source, rates_py=f"RATE = {rate}") for rate in (2, 3))
    assert old.version != new.version
    for made, rate in ((old, 2), (new, 3), (old, 2)):
        assert np.array_equal(values(made)["a"], columns()["limit"] * rate)


def test_the_version_covers_every_file_and_the_state() -> None:
    source = "def a(limit, state): return limit * state['x']\ndef fit_a(limit): return {'x': %s}"
    versions = {fitted(source % 1).version, fitted(source % 2).version, fitted(source % 1, rates_json="{}").version}
    assert len(versions) == 3


def test_a_file_that_can_not_be_run_is_one_line() -> None:
    with pytest.raises(PipelineError, match=r"^src/project/features/money\.py:2: ZeroDivisionError: division by zero$"):
        code("# a\nX = 1 / 0\ndef a(limit): return limit").calls  # noqa: B018  # a cached property
    with pytest.raises(PipelineError, match=r"money\.py:1: ImportError: cannot import name 'nothing'"):
        code("from . import nothing\ndef a(limit): return limit").calls  # noqa: B018


def test_what_is_written_is_read_again_without_the_folds_where_a_release_has_none(tmp_path: Path) -> None:
    source = "def a(city, state): return state.lookup(city)\ndef fit_a(city, target): return {'Rome': target.sum() / 3}"
    made = fitted(source, np.arange(40) % 2, rates_json="{}")
    (tmp_path / "features").mkdir()
    (tmp_path / "features/former.py").touch()
    codes.write(made, tmp_path / "features", tmp_path / "folds.json")
    again = codes.read(tmp_path / "features", tmp_path / "folds.json")
    assert again.package.files == made.package.files
    assert (again.version, again.states, again.folds) == (made.version, made.states, made.folds)
    released = codes.read(tmp_path / "features")
    assert released.version == made.version
    assert released.folds == ()
    assert np.array_equal(values(released)["a"], values(made)["a"], equal_nan=True)


def test_what_is_off_stays_off_when_it_is_read_again(tmp_path: Path) -> None:
    made = code("def a(limit): return limit\ndef b(city): return city", off=("b",))
    codes.write(made, tmp_path / "features", tmp_path / "folds.json")
    assert codes.read(tmp_path / "features").features == ("a",)


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"format": 1}', '{"format": 1, "inputs": {"a": 3}, "target": "t", "states": {}, "off": []}']
)
def test_a_damaged_state_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "state.json").write_text(content)
    with pytest.raises(PipelineError, match="state.json: damaged"):
        codes.read(tmp_path)


def test_a_package_is_a_folder_of_plain_files_up_to_5_mb(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "a.py").write_text("x = 1")
    assert [*packages.read(tmp_path).files] == ["a.py"]
    (tmp_path / "b.json").write_bytes(b" " * 5_000_000)
    with pytest.raises(PipelineError, match="5.0 MB; allowed: 5 MB"):
        packages.read(tmp_path)
    (tmp_path / "inner").mkdir()
    with pytest.raises(PipelineError, match="inner: no plain file"):
        packages.read(tmp_path)
