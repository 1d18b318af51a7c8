from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.core.errors import PipelineError
from pipeline.core.params import Split
from pipeline.demo import shifts
from pipeline.demo.shifts import ShiftedColumns, shift
from pipeline.models.signature import Feature, Signature

ROWS = 4000


def clients(rows: int = ROWS) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "limit": rng.integers(1, 50, rows) * 10_000,
            "months_late": rng.integers(-2, 5, rows),
            "paid": rng.integers(0, 9000, rows),
            "bill": rng.integers(-100, 90_000, rows),
            "job": rng.choice(["clerk", "nurse"], rows),
            "owner": rng.random(rows) < 0.5,
            "income": np.where(rng.random(rows) < 0.1, np.nan, rng.lognormal(10, 1, rows)),
            "defaults": rng.choice(["no", "yes"], rows, p=[0.8, 0.2]),
        }
    )


COLUMNS = ShiftedColumns(broken="months_late", category="job", nullable=frozenset({"income"}))


@pytest.fixture(autouse=True)
def empty_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in a repository whose project has no shifts."""
    monkeypatch.chdir(tmp_path)


def write_project_shifts(text: str) -> None:
    Path("src/project").mkdir(parents=True)
    Path("src/project/__init__.py").touch()
    Path("src/project/shifts.py").write_text(text)


@pytest.mark.parametrize("name", shifts.SHIFTS)
def test_the_same_seed_gives_the_same_rows_and_the_input_is_not_changed(name: str) -> None:
    table, before = clients(), clients()
    first, second, other = (shift(table, name, COLUMNS, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(table, before)
    pd.testing.assert_frame_equal(first, second)
    assert name == "none" or not first.equals(other) or name == "broken_feature"  # changes all rows, whatever the seed


@pytest.mark.parametrize("name", shifts.SHIFTS)
def test_columns_keep_their_types_and_strength_0_changes_nothing(name: str) -> None:
    assert shift(clients(), name, COLUMNS).dtypes.equals(clients().dtypes)
    pd.testing.assert_frame_equal(shift(clients(), name, COLUMNS, strength=0), clients())


@pytest.mark.parametrize(
    ("column", "default"), [("months_late", "0"), ("job", "clerk"), ("owner", "True"), ("income", "nan")]
)
def test_a_broken_feature_is_null_where_training_saw_nulls_and_constant_otherwise(column: str, default: str) -> None:
    table = clients()
    table["job"], table["owner"] = table.job.where(table.index % 2 == 0, "clerk"), table.owner | (table.index % 2 == 0)
    after = shift(table, "broken_feature", replace(COLUMNS, broken=column))
    assert {str(value) for value in after[column]} == {default}
    pd.testing.assert_frame_equal(after.drop(columns=column), table.drop(columns=column))


def test_a_broken_feature_of_half_strength_breaks_half_of_the_rows() -> None:
    after = shift(clients(), "broken_feature", COLUMNS, strength=0.5)
    assert 0.45 < (after.months_late != clients().months_late).mean() / (clients().months_late != 0).mean() < 0.55


def test_a_new_category_is_unknown_to_training_and_labels_stay() -> None:
    after = shift(clients(), "new_category", COLUMNS)
    assert set(after.job) == {"clerk", "nurse", shifts.NEW_CATEGORY}
    assert 0.25 < (after.job == shifts.NEW_CATEGORY).mean() < 0.35
    assert after.defaults.equals(clients().defaults)


def test_fewer_rows_are_some_of_the_rows() -> None:
    after = shift(clients(), "fewer_rows", COLUMNS)
    assert 0.25 * ROWS < len(after) < 0.35 * ROWS
    assert len(after.merge(clients().drop_duplicates())) == len(after)


@pytest.mark.parametrize(
    ("category", "message"),
    [(None, "the data has no column of text"), ("paid", "paid is not a column of text; name one with --column")],
)
def test_a_new_category_needs_a_column_of_text(category: str | None, message: str) -> None:
    with pytest.raises(PipelineError, match=f"^new_category: {message}"):
        shift(clients(), "new_category", replace(COLUMNS, category=category))


def test_a_function_of_the_project_is_a_shift_by_its_name() -> None:
    write_project_shifts(
        "from math import ceil\n\n"
        "def thrift(rows, strength, rng):\n"
        '    """People pay more."""\n'
        "    rows['paid'] += ceil(100 * strength)\n"
        "    return rows\n\n"
        "def _helper():\n    pass\n"
    )
    table = clients()
    pd.testing.assert_frame_equal(shift(table, "thrift", COLUMNS, strength=0.5), clients().assign(paid=table.paid + 50))
    pd.testing.assert_frame_equal(table, clients())
    assert shifts.description("thrift") == "People pay more."
    assert list(shifts.of_project()) == ["thrift"]


def test_an_unknown_shift_lists_those_of_the_template_and_the_project() -> None:
    with pytest.raises(PipelineError, match=r"^flood: no such shift; allowed: none, .*shifts\.py: none yet$"):
        shifts.find("flood")
    write_project_shifts("def thrift(rows, strength, rng):\n    return rows\n")
    with pytest.raises(PipelineError, match=r"^flood: .* fewer_rows, and the functions of .*shifts\.py: thrift$"):
        shifts.find("flood")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return rows.no_column", r"src/project/shifts\.py:2: AttributeError: .*'no_column'"),
        ("return None", r"src/project/shifts\.py: thrift did not return a table with the columns"),
        ("return rows.drop(columns='paid')", r"src/project/shifts\.py: thrift did not return a table with the columns"),
    ],
)
def test_a_shift_of_the_project_that_fails_is_one_line(body: str, message: str) -> None:
    write_project_shifts(f"def thrift(rows, strength, rng):\n    {body}\n")
    with pytest.raises(PipelineError, match=f"^{message}") as raised:
        shift(clients(), "thrift", COLUMNS)
    assert "\n" not in str(raised.value)


def test_a_shift_with_a_name_of_the_templates_is_refused() -> None:
    write_project_shifts("def fewer_rows(rows, strength, rng):\n    return rows\n")
    with pytest.raises(PipelineError, match="fewer_rows: the template has a shift of this name"):
        shifts.find("none")


def test_the_default_columns_are_the_strongest_and_the_one_with_the_most_categories() -> None:
    kinds = {"age": ("number", ()), "sex": ("category", ("f", "m")), "town": ("category", ("a", "b", "c"))}
    features = tuple(
        Feature(name=name, source=name, kind=kind, categories=categories, nullable=name == "age")  # type: ignore[arg-type]
        for name, (kind, categories) in kinds.items()
    )
    model = Signature(
        task="binary", target="y", key=None, positive=1, classes=("0", "1"), threshold=0.5, quantile=0.5, device="cpu",
        features=features, split=Split(test=0.2, validation=0.2, seed=0, time=None),
    )  # fmt: skip
    importance = [{"feature": "town", "shap": 0.1}, {"feature": "sex", "shap": 0.3}]
    columns = shifts.shifted_columns(model, importance)
    assert (columns.broken, columns.category, columns.nullable) == ("sex", "town", frozenset({"age"}))
    named = shifts.shifted_columns(model, importance, "age")
    assert (named.broken, named.category) == ("age", "age")
    with pytest.raises(PipelineError, match="--column: nowhere is not a column of the model; allowed: age, sex, town"):
        shifts.shifted_columns(model, importance, "nowhere")
