"""Drift: Evidently's figures for any two tables; columns that can't be compared are listed and are no error."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from pipeline.core.errors import PipelineError
from pipeline.core.params import Drift, Split
from pipeline.drift import compare as drift
from pipeline.models.signature import Feature
from pipeline.train.stages.drift import command
from tests.pipeline.conftest import FROZEN
from tests.pipeline.watch.monitor.factories import signature

KNOBS = Drift(max_rows=5000, threshold=None, share=0.5, seed=0)
ODD = 'a "b" | <c> & d\n[e]'


def table(rows: int = 1500, seed: int = 0, shift: float = 0.0) -> pd.DataFrame:
    """Every kind of column; `shift` moves all of them."""
    random = np.random.default_rng(seed)
    colour = random.choice(["red", "green", "blue"], rows, p=[0.2 + shift / 5, 0.3, 0.5 - shift / 5])
    return pd.DataFrame(
        {
            ODD: random.normal(shift, 1, rows),
            "count": random.integers(0, 40, rows) + round(10 * shift),
            "colour": colour,
            "flag": random.random(rows) < 0.3 + shift / 3,
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 100, rows) + int(50 * shift), "D"),
        }
    )


def by_column(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {column["column"]: column for column in result["columns"]}


def compare(reference: pd.DataFrame, current: pd.DataFrame, knobs: Drift = KNOBS) -> dict[str, Any]:
    return drift.compare(reference, current, drift.kinds(current) | drift.kinds(reference), knobs)


def reasons(result: dict[str, Any]) -> dict[str, str]:
    return {item["column"]: item["reason"] for item in result["skipped"]}


def test_two_samples_of_one_distribution_have_not_drifted() -> None:
    result = compare(table(), table(seed=1))
    assert result["drifted_columns"] == 0
    assert result["drifted"] is False
    assert result["skipped"] == []


def test_every_kind_of_column_shows_its_drift() -> None:
    result = compare(table(), table(seed=1, shift=1.0))
    assert {name for name, column in by_column(result).items() if column["drifted"]} == set(table().columns)
    assert result["share"] == 1.0
    assert result["drifted"] is True


@pytest.mark.engine
def test_the_figures_are_those_of_evidentlys_own_report() -> None:
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    reference, current = table().drop(columns="day"), table(700, seed=1, shift=0.2).drop(columns="day")
    roles = DataDefinition(numerical_columns=[ODD, "count"], categorical_columns=["colour", "flag"])
    report = Report([ValueDrift(column=name) for name in reference.columns], include_tests=False)
    run = report.run(Dataset.from_pandas(current, roles), Dataset.from_pandas(reference, roles))
    theirs = {
        m["config"]["column"]: (m["config"]["method"], m["value"], m["config"]["threshold"])
        for m in run.dict()["metrics"]
    }
    ours = by_column(compare(reference, current))
    for name, (test, score, threshold) in theirs.items():
        assert (ours[name]["test"], ours[name]["threshold"]) == (test, threshold)
        assert ours[name]["score"] == pytest.approx(float(score), abs=1e-8)


def test_small_references_are_tested_by_p_value() -> None:
    result = by_column(compare(table(400), table(300, seed=1, shift=1.0)))
    assert result["colour"]["test"].endswith("p_value")
    assert result["colour"]["score"] < result["colour"]["threshold"]
    assert result["colour"]["drifted"]


def test_the_threshold_of_the_parameters_replaces_evidentlys() -> None:
    strict = KNOBS.model_copy(update={"threshold": 1e-6})
    assert compare(table(), table(seed=1), strict)["drifted_columns"] == 5


def test_larger_tables_are_sampled_and_the_sample_is_the_same_each_time() -> None:
    small = KNOBS.model_copy(update={"max_rows": 200})
    first, second = compare(table(), table(seed=1), small), compare(table(), table(seed=1), small)
    assert first == second
    assert first["rows"] == {"reference": 1500, "current": 1500}
    assert first["compared_rows"] == {"reference": 200, "current": 200}


def test_columns_that_cant_be_compared_are_listed_with_the_reason() -> None:
    reference, current = table(1100), table(1100, seed=1)
    reference["gone"] = 1.0
    current["new"] = 1.0
    for frame in (reference, current):
        frame["flat"] = 7
        frame["void"] = None
        frame["prose"] = [f"text {row}" for row in range(len(frame))]
    assert reasons(compare(reference, current)) == {
        "gone": "not in the current table",
        "new": "not in the reference table",
        "flat": "constant: one value in both tables",
        "void": "no values in either table",
        "prose": "text with more than 1,000 different values",
    }


def test_a_number_that_became_text_is_not_compared() -> None:
    reference, current = table(300), table(300, seed=1)
    current["count"] = "many"
    assert reasons(compare(reference, current)).keys() == {"count"}


def test_a_column_that_lost_all_its_values_has_drifted() -> None:
    reference, current = table(300), table(300, seed=1)
    current["colour"] = None
    column = by_column(compare(reference, current))["colour"]
    assert column["drifted"]
    assert (column["test"], column["score"]) == ("difference of missing shares", 1.0)
    assert (column["missing_reference"], column["missing_current"]) == (0.0, 1.0)


def test_a_table_without_rows_has_not_drifted_and_has_a_reason() -> None:
    result = compare(table(300), table(300).iloc[:0])
    assert (result["columns"], result["share"], result["drifted"]) == ([], 0.0, False)
    assert set(reasons(result).values()) == {"the current table has no rows"}


def test_different_constants_missing_values_and_infinity_are_compared() -> None:
    reference, current = (
        pd.DataFrame({"x": [1.0] * 50, "y": [np.inf, 1, 2, 3, None] * 10}),
        pd.DataFrame({"x": [2.0] * 50}),
    )
    current["y"] = [1.0, 2, 3, 4, 5] * 10
    result = compare(reference, current)
    assert by_column(result)["x"]["drifted"]
    assert by_column(result)["y"]["missing_reference"] == 0.2


@pytest.mark.parametrize("rows", [300, 1500])
@pytest.mark.parametrize("value", [1e200, 1.7976931348623157e308, -1.7e308, np.inf])
def test_an_absurd_value_hides_no_drift_and_is_none_where_both_tables_have_it(rows: int, value: float) -> None:
    reference, current = table(rows)[[ODD]], table(rows, seed=1)[[ODD]] + 10
    same = table(rows, seed=2)[[ODD]]
    current.loc[0, ODD] = value
    found = by_column(compare(reference, current))[ODD]
    assert found["drifted"]
    assert np.isfinite(found["score"])
    reference.loc[0, ODD] = same.loc[0, ODD] = value
    assert not by_column(compare(reference, same))[ODD]["drifted"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two tables and the frozen params.yaml."""
    (tmp_path / "params.yaml").write_text((FROZEN / "params.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    table().to_parquet("reference.parquet")
    table(seed=1, shift=1.0).to_parquet("current.parquet")
    return tmp_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(command, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_the_command_names_the_drifted_columns(project: Path) -> None:
    output = run("--reference", "reference.parquet", "--current", "current.parquet", "--json", "drift.json")
    assert "drifted, 5 of 5 columns" in output
    assert json.loads(Path("drift.json").read_text())["drifted"] is True


def test_a_csv_table_is_compared_too(project: Path) -> None:
    name = {ODD: 'a "b" | <c> & d'}  # the header of a CSV file holds no line breaks
    table().rename(columns=name).to_parquet("reference.parquet")
    table(seed=1, shift=1.0).rename(columns=name).to_csv("current.csv", index=False)
    run("--reference", "reference.parquet", "--current", "current.csv", "--json", "drift.json")
    assert json.loads(Path("drift.json").read_text())["drifted_columns"] == 5


@pytest.mark.engine
def test_the_json_is_the_same_bytes_in_a_process_with_another_hash_seed(project: Path) -> None:
    arguments = ["drift", "--reference", "reference.parquet", "--current", "current.parquet", "--json"]
    contents = []
    for seed in ("1", "2"):
        program = [sys.executable, "-c", "from pipeline.cli import main; main()", *arguments, f"{seed}.json"]
        subprocess.run(program, check=True, env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True)
        contents.append(Path(f"{seed}.json").read_bytes())
    assert contents[0] == contents[1]


@pytest.mark.engine
def test_a_column_that_evidently_can_not_draw_is_named_and_the_rest_is_drawn(project: Path) -> None:
    reference, current = table(300).assign(huge=1.0), table(300, seed=1).assign(huge=1.7e308)
    reference.to_parquet("reference.parquet")
    current.to_parquet("current.parquet")
    arguments = ["--reference", "reference.parquet", "--current", "current.parquet", "--json", "d.json"]
    assert "drift: not in the report: huge: Evidently can't draw it" in run(*arguments, "--html", "d.html")
    assert by_column(json.loads(Path("d.json").read_text()))["huge"]["drifted"]
    assert "colour" in Path("d.html").read_text(encoding="utf-8")
    reference[["huge"]].to_parquet("reference.parquet")
    current[["huge"]].to_parquet("current.parquet")
    with pytest.raises(PipelineError, match="h.html: Evidently can draw none of the columns huge"):
        run(*arguments, "--html", "h.html")


@pytest.mark.engine
def test_the_html_has_the_columns_and_no_markup_from_their_names(project: Path) -> None:
    markup = "</script><script>alert(1)</script>"
    table(300).rename(columns={"count": markup}).to_parquet("reference.parquet")
    table(300, seed=1).rename(columns={"count": markup}).to_parquet("current.parquet")
    run("--reference", "reference.parquet", "--current", "current.parquet", "--json", "d.json", "--html", "d.html")
    page = Path("d.html").read_text(encoding="utf-8")
    assert "colour" in page
    assert markup not in page


def test_a_missing_or_damaged_table_is_an_error_of_one_line(project: Path) -> None:
    Path("cut.parquet").write_bytes(Path("reference.parquet").read_bytes()[:500])
    for name, problem in (("nowhere.parquet", "no such file"), ("cut.parquet", "cut off")):
        with pytest.raises(PipelineError, match=problem):
            run("--reference", "reference.parquet", "--current", name, "--json", "d.json")
    assert not Path("d.json").exists()


@pytest.mark.parametrize("kind", ["category", "number"])
def test_codes_of_which_one_is_missing_have_not_drifted(kind: drift.Kind) -> None:
    reference = pd.DataFrame({"code": [1, 2, 3] * 200})
    current = reference.astype(float)
    current.loc[0, "code"] = np.nan
    (column,) = drift.compare(reference, current, {"code": kind}, KNOBS)["columns"]
    assert not column["drifted"]
    assert column["missing_current"] == pytest.approx(1 / 600)


def test_truth_values_have_not_drifted_where_they_are_stored_as_text() -> None:
    reference = pd.DataFrame({"flag": [True, False, True] * 200})
    current = pd.DataFrame({"flag": ["true", "false", "true"] * 200})
    assert drift.compare(reference, current, {"flag": "boolean"}, KNOBS)["drifted_columns"] == 0


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"a,b\n1,2\n3\n", "data row 2 has 1 value, the header 2"),
        (b"a,b\n1,\xe9\n", "column b is not UTF-8 text"),
    ],
)
def test_an_unreadable_csv_is_an_error_of_one_line(project: Path, content: bytes, problem: str) -> None:
    Path("bad.csv").write_bytes(content)
    with pytest.raises(PipelineError, match=problem) as error:
        run("--reference", "reference.parquet", "--current", "bad.csv", "--json", "d.json")
    assert str(error.value).startswith("bad.csv: ")
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(("asked", "compared"), [(False, ["size"]), (True, ["size", "month"])])
def test_a_column_that_the_calendar_moves_is_named_and_judged_only_where_that_is_asked(
    asked: bool, compared: list[str], project: Path
) -> None:
    features = (
        Feature(name="size", source="size", kind="number", nullable=False),
        Feature(name="month", source="month", kind="number", nullable=False),
    )
    split = Split(test=0.2, validation=0.2, seed=0, time="time")
    Path("signature.json").write_text(
        signature().model_copy(update={"features": features, "split": split}).model_dump_json()
    )
    times = pd.Series(pd.date_range("2024-01-01", periods=366))
    rows = pd.DataFrame({"time": times, "month": times.dt.month, "size": np.random.default_rng(0).normal(size=366)})
    rows[:300].to_parquet("reference.parquet")
    rows[300:].to_parquet("current.parquet")
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("calendar: false", f"calendar: {str(asked).lower()}"))
    output = run(
        *("--reference", "reference.parquet", "--current", "current.parquet"),
        *("--signature", "signature.json", "--json", "drift.json"),
    )
    assert [column["column"] for column in json.loads(Path("drift.json").read_text())["columns"]] == compared
    assert ("not compared: month: is the month of time, which drifts by construction" in output) is not asked
