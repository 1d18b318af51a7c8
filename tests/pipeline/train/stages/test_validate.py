"""The contract against tables that break it: all violations are counted and located; values are shown on request."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from pipeline.core import files
from pipeline.core.errors import PipelineError
from pipeline.core.params import TaskSection
from pipeline.data.contract import check as contract
from pipeline.data.contract.check import Violation
from pipeline.data.contract.schema import ContractColumn, Schema
from pipeline.train.stages import validate
from tests.pipeline.conftest import FROZEN

SCHEMA = Schema(
    columns={
        "id": ContractColumn(type="integer", nullable=False, unique=True, min=1),
        "town": ContractColumn(type="category", nullable=True, allowed=("Bergen", "Oslo")),
        "share": ContractColumn(type="number", nullable=True, min=0, max=1),
        "outcome": ContractColumn(type="integer", nullable=False, allowed=(0, 1)),
    }
)
GOOD = pd.DataFrame(
    {"id": [1, 2, 3, 4], "town": ["Oslo", "Bergen", None, "Oslo"], "share": [0, 0.5, 1, None], "outcome": [0, 1, 1, 0]}
)
BINARY = TaskSection(type="binary", target="outcome", positive=1)


def violations(table: pd.DataFrame, schema: Schema = SCHEMA, task: TaskSection = BINARY) -> list[tuple[Any, ...]]:
    return [(item.check, item.column, item.count, item.rows) for item in contract.violations(table, schema, task)]


def test_a_table_that_keeps_the_contract_has_no_violations() -> None:
    assert violations(GOOD) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"id": [1, 2, 2, 4]}, ("unique", "id", 2, (2, 3))),
        ({"id": [0, 2, 3, 4]}, ("min", "id", 1, (1,))),
        ({"id": [1, 2, None, 4]}, ("missing value", "id", 1, (3,))),
        ({"id": [1, 2, 3.5, 4]}, ("type", "id", 1, (3,))),
        ({"town": ["Oslo", "Rome", None, "Rome"]}, ("allowed", "town", 2, (2, 4))),
        ({"id": [None] * 4}, ("missing value", "id", 4, (1, 2, 3, 4))),
        ({"share": ["0", "half", "1", None]}, ("type", "share", 1, (2,))),
        ({"share": [0, 0.5, 1.5, None]}, ("max", "share", 1, (3,))),
        ({"share": [0, 0.5, np.inf, None]}, ("type", "share", 1, (3,))),
        ({"share": [True, False, True, False]}, ("type", "share", 4, (1, 2, 3, 4))),
        ({"extra": [1, 2, 3, 4]}, ("extra column", "extra", 4, ())),
    ],
)
def test_a_violation_has_its_rows(change: dict[str, list[Any]], expected: tuple[Any, ...]) -> None:
    assert violations(GOOD.assign(**change)) == [expected]


def test_a_missing_column_is_a_violation() -> None:
    assert violations(GOOD.drop(columns="town")) == [("missing column", "town", 4, ())]


def test_every_violation_is_reported_at_once_by_column() -> None:
    table = GOOD.drop(columns="town").assign(id=[1, 1, -2, 4], outcome=[0, 1, 2, 9], more=1)
    assert [(check, column) for check, column, *_ in violations(table)] == [
        ("unique", "id"),
        ("min", "id"),
        ("missing column", "town"),
        ("allowed", "outcome"),
        ("extra column", "more"),
    ]


def test_the_first_ten_rows_are_named_and_all_are_counted() -> None:
    table = pd.concat([GOOD] * 10, ignore_index=True).assign(id=range(1, 41))
    assert violations(table.assign(share=[2.0] * 40)) == [("max", "share", 40, tuple(range(1, 11)))]


def test_text_of_a_csv_file_is_compared_as_its_type() -> None:
    schema = Schema(columns=dict(SCHEMA.columns) | {"since": ContractColumn.model_validate(DATE)})
    texts: dict[str, list[Any]] = {
        "share": ["0.1", "7", None, "1"],
        "since": ["2020-01-31", "1999-01-01", "31/1/2020", None],
    }
    assert violations(GOOD.assign(**texts), schema) == [
        ("max", "share", 1, (2,)),
        ("type", "since", 1, (3,)),
        ("min", "since", 1, (2,)),
    ]


DATE = {"type": "date", "nullable": True, "min": pd.Timestamp("2000-01-01").date()}


def test_a_target_without_a_value_is_a_violation_though_the_contract_allows_it() -> None:
    schema = Schema(columns=dict(SCHEMA.columns) | {"outcome": ContractColumn(type="integer", nullable=True)})
    assert violations(GOOD.assign(outcome=list[Any]([0, 1, None, 0])), schema) == [
        ("missing value", "outcome", 1, (3,))
    ]


def test_a_column_without_any_value_keeps_a_contract_that_allows_missing_values() -> None:
    assert violations(GOOD.assign(town=list[Any]([None] * 4))) == []


def test_a_target_that_is_no_column_is_a_violation() -> None:
    task = TaskSection(type="binary", target="nothing", positive=1)
    assert violations(GOOD, SCHEMA, task) == [("missing column", "nothing", 4, ())]


def test_the_table_is_not_changed() -> None:
    texts: dict[str, list[Any]] = {"share": ["0", "x", "1", None]}
    table = GOOD.assign(**texts)
    before = table.copy()
    contract.violations(table, SCHEMA, BINARY)
    pd.testing.assert_frame_equal(table, before)


def test_the_printed_table_is_aligned_and_shows_values_only_on_request() -> None:
    examples = [
        Violation("allowed", "town", "Bergen, Oslo", 2000, (2, 4), ("'Rome'",)),
        Violation("extra column", "x", "no", 4),
    ]
    lines = validate.violations_table(examples, False).splitlines()
    assert lines == [
        "check         column  rows   expected      first rows",
        "allowed       town    2,000  Bergen, Oslo  2, 4, …",
        "extra column  x       4      no            all",
    ]
    assert validate.violations_table(examples, True).splitlines()[1].endswith("2, 4, …     'Rome'")


def run(folder: Path, table: pd.DataFrame, *options: str, allow: str = "{}") -> Result:
    text = (FROZEN / "params.yaml").read_text().replace("allow: {}", f"allow: {allow}")
    (folder / "params.yaml").write_text(text.replace("default_next_month", "outcome"))
    lines = [f"  {name}: {column.model_dump_json(exclude_defaults=True)}" for name, column in SCHEMA.columns.items()]
    (folder / "schema.yaml").write_text("\n".join(["columns:", *lines]))
    table.to_parquet(folder / "table.parquet")
    paths = ["--table", "table.parquet", "--schema", "schema.yaml", "--report", "report.json"]
    return CliRunner().invoke(validate.command, [*paths, *options])


def test_the_command_reports_and_fails_where_the_contract_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(tmp_path, GOOD.assign(town=["Oslo", "Rome", "Oslo", "Rome"]))
    assert isinstance(result.exception, PipelineError)
    assert "1 violation of schema.yaml" in str(result.exception)
    written = Path("report.json").read_text()
    assert "Rome" not in result.output + written + str(result.exception)
    assert files.read_json(Path("report.json")) == {
        "rows": 4,
        "columns": 4,
        "missing": {"share": 1},
        "violations": [
            {"check": "allowed", "column": "town", "expected": "Bergen, Oslo", "count": 2, "rows": [2, 4]},
        ],
    }
    assert "Rome" in run(tmp_path, GOOD.assign(town=["Oslo", "Rome", "Oslo", "Rome"]), "--show-values").output


def test_the_command_says_that_the_contract_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(tmp_path, GOOD)
    assert result.output == "validate: 4 rows keep the contract of 4 columns\n"
    assert files.read_json(Path("report.json"))["violations"] == []


def test_a_task_that_does_not_fit_the_target_is_said_by_its_key_and_blames_neither_data_nor_contract(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(tmp_path, GOOD.assign(outcome=[0, 0, 0, 0]))
    assert str(result.exception) == (
        "target outcome: has one class only (0); a model needs at least two: add rows of another, or choose "
        "another task.target\n"
        "params.yaml: task.positive: is 1, which outcome never is: its rows hold 0; set it to the one whose "
        "probability is predicted"
    )
    assert files.read_json(Path("report.json"))["violations"] == []


def test_a_column_that_gives_the_target_away_on_held_out_rows_is_named_until_it_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    outcome = (rng.random(600) < 0.5).astype(int)
    table = pd.DataFrame(
        {
            "id": np.arange(600) + 1,
            "town": pd.Series(rng.choice(["Bergen", "Oslo"], 600)).where(outcome == 0),
            "share": outcome * 0.8 + rng.random(600) * 0.1,
            "outcome": outcome,
        }
    )
    result = run(tmp_path, table)
    assert "validate: warning: column town: whether it is missing tells the target: ROC AUC 1.000 on" in result.output
    assert "validate: warning: column share alone predicts the target: ROC AUC 1.000 on" in result.output
    assert "held-out rows; name it in features.exclude, or in features.allow with the reason" in result.output
    written = files.read_json(Path("report.json"))
    assert written["leaks"] == ["town", "share"]
    assert written["leak_kinds"] == {"town": "missing", "share": "alone"}
    (other := tmp_path / "other").mkdir()
    monkeypatch.chdir(other)
    result = run(other, table, allow="{town: asked before, share: known at the till}")
    assert result.output == "validate: 600 rows keep the contract of 4 columns\n"
    assert "leaks" not in files.read_json(Path("report.json"))


def test_values_that_look_the_same_are_said_without_showing_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    columns = SCHEMA.columns | {"town": ContractColumn(type="category", nullable=True)}
    monkeypatch.setattr(sys.modules[__name__], "SCHEMA", Schema(columns=dict(columns)))
    result = run(tmp_path, GOOD.assign(town=["Z\u00fcrich", "Rome", "Zu\u0308rich", "Z\u00fcrich"]))
    assert result.output == (
        "validate: warning: column town: 2 values look the same and are written with other characters (composed or "
        "decomposed letters, odd spaces), in 3 rows, such as rows 1 and 3; they count as different; write them one way "
        "in the source\nvalidate: 4 rows keep the contract of 4 columns\n"
    )
    assert files.read_json(Path("report.json"))["lookalikes"] == [
        {"column": "town", "values": 2, "rows": [1, 3], "count": 3}
    ]


def test_a_column_whose_name_only_looks_like_the_one_of_the_contract_is_told_apart() -> None:
    schema = Schema(columns=dict(SCHEMA.columns) | {"\u00e4": ContractColumn(type="number", nullable=True)})
    first, second = contract.violations(
        GOOD.rename(columns=str).assign(a=1.0).rename(columns={"a": "a\u0308"}), schema, BINARY
    )
    assert (first.check, second.check) == ("missing column", "extra column")
    assert "one that looks the same is written 'a\\u0308', not '\\xe4'" in first.expected
