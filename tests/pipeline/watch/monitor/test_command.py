"""`pipeline monitor` in a project, on a log as the service writes it: exit statuses, files, past periods."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.watch.monitor.result import Result, read
from tests.pipeline.conftest import Project
from tests.pipeline.core.test_pipelines import add
from tests.pipeline.trained import trained

pytestmark = pytest.mark.engine

START = datetime(2024, 5, 6, tzinfo=UTC)
DAYS, ROWS = 8, 120


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A trained project with a log of eight days, the last four of them shifted, and all labels."""
    project = trained(tmp_path_factory.mktemp("monitor"), "binary")
    project.configure(monitor={"min_rows": 100, "min_labels": 100, "labels": "logs/labels.csv", "window": "1 day"})
    test = pd.read_parquet(project.folder / "data/split/test.parquet")
    lines, labels = list[Any](), list[tuple[str, str]]()
    for day in range(DAYS):
        rows = test.sample(ROWS, replace=True, random_state=day)
        lines += _lines(rows, day, shifted=day >= 4)
        labels += [(line["id"], label) for line, label in zip(lines[-ROWS:], rows["outcome"], strict=True)]
    folder = project.folder / "logs/predictions"
    folder.mkdir(parents=True)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "predictions.w1.20240506T000000.000000Z.jsonl").write_text(f"{text}half a li\n")
    pd.DataFrame(labels, columns=["id", "label"]).to_csv(project.folder / "logs/labels.csv", index=False)
    return project


def _lines(rows: pd.DataFrame, day: int, shifted: bool) -> list[dict[str, Any]]:
    rng, step = np.random.default_rng(day), timedelta(days=1) / ROWS
    shifted_rows = rows.assign(age=rows["age"] / 2) if shifted else rows
    features = json.loads(shifted_rows.drop(columns=["id", "outcome"]).to_json(orient="records", date_format="iso"))
    scores = rows["outcome"].map({"yes": 0.8, "no": 0.2}).to_numpy() + rng.uniform(-0.4, 0.2, ROWS)
    return [
        {
            "id": f"d{day}-{number}",
            "time": (START + timedelta(days=day) + number * step).isoformat(timespec="microseconds"),
            "release": "one",
            "ms": 0.5,
            "score": round(float(np.clip(score, 0, 1)), 6),
            "label": "yes" if score > 0.5 else "no",
            "features": row | {"age": int(row["age"])},
        }
        for number, (row, score) in enumerate(zip(features, scores, strict=True))
    ]


def monitor(project: Project, *options: str, status: int, **env: str) -> tuple[Result, str]:
    done = project.run("pipeline", "monitor", *options, **env)
    assert done.returncode == status, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("monitor: ")
    assert done.stdout.splitlines()[-1].endswith(f"(status {status})")
    assert "Traceback" not in done.stderr
    return read(project.folder / "reports/monitor/monitor.json"), done.stdout + done.stderr


def state(result: Result, name: str) -> str:
    return next(signal.state for signal in result.signals if signal.name == name)


def test_a_shift_is_an_alarm_with_exit_status_1_and_a_report(project: Project) -> None:
    result, output = monitor(project, "--since", "2024-05-06", "--html", "drift.html", status=1)
    assert state(result, "data_drift") == "alarm"
    assert result.columns[0].column == "age"
    assert state(result, "performance") in ("ok", "watching", "alarm")
    assert result.damage["lines"] == 1
    assert "damage: lines 1" in output
    assert "🔴" in project.read("reports/monitor/monitor.md").splitlines()[0]
    assert "mermaid" in project.read("reports/monitor/monitor.html")
    assert "age" in project.read("drift.html")


def test_a_past_period_is_judged_from_the_log_alone(project: Project) -> None:
    """The result at the end of the fourth day can be computed again."""
    result, _ = monitor(project, "--since", "2024-05-06", "--until", "2024-05-10T00:00:00Z", status=0)
    assert state(result, "data_drift") in ("ok", "watching")
    assert len(result.windows) == 4
    assert result.until == START + timedelta(days=4)


def test_windows_may_have_a_number_of_rows(project: Project) -> None:
    result, _ = monitor(project, "--window", "120 rows", "--since", "2024-05-06", status=1)
    assert {window.rows for window in result.windows if window.judged} == {120}


def test_without_a_complete_window_the_output_suggests_a_smaller_one(project: Project) -> None:
    result, output = monitor(project, "--window", "9000 rows", "--since", "2024-05-06", status=0)
    assert result.state == "not_enough_data"
    assert "no window of 9000 rows is complete yet; --window '500 rows' judges" in output


def test_windows_with_too_few_rows_are_not_enough_data_and_no_alarm(project: Project) -> None:
    result, output = monitor(project, "--window", "6 hours", "--since", "2024-05-06", status=0)
    assert result.state == "not_enough_data"
    assert "30 rows, 100 are needed: longer windows hold more" in output


@pytest.mark.parametrize(
    ("options", "kind", "reason"),
    [
        (["--log", "nowhere"], "log", "nowhere"),
        (["--log", "s3://"], "log", "s3://"),
        (["--until", "2023-01-01"], "log", "none from 2022-12-02"),
    ],
)
def test_an_unreadable_log_is_exit_status_2_and_stated_in_the_files(
    project: Project, options: list[str], kind: str, reason: str
) -> None:
    result, output = monitor(project, *options, status=2)
    assert result.state == "blind"
    assert result.blind is not None
    assert result.blind.kind == kind
    assert reason in result.blind.reason
    assert [line for line in output.splitlines() if line.startswith("error: ")] == [f"error: {result.blind.reason}"]
    assert "can’t read" in project.read("reports/monitor/monitor.md").splitlines()[0]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "does not exist"), ("id,label\n", "no label in 0 rows"), ("id,label\nd0-1,maybe\n", "one of")],
)
def test_drift_is_judged_even_without_the_labels(project: Project, content: str | None, reason: str) -> None:
    if content:
        (project.folder / "later.csv").write_text(content)
    name = "later.csv" if content else "nowhere.csv"
    result, output = monitor(project, "--since", "2024-05-06", "--labels", name, status=2)
    assert result.blind is not None
    assert result.blind.kind == "labels"
    assert name in result.blind.reason
    assert reason in result.blind.reason
    assert "monitor: alarm: data drift; the labels can’t be read (status 2)" in output
    assert [line for line in output.splitlines() if line.startswith("error: ")] == [f"error: {result.blind.reason}"]
    assert (state(result, "data_drift"), state(result, "performance")) == ("alarm", "not_enough_data")


def test_a_damaged_reference_is_exit_status_2(project: Project) -> None:
    path = project.folder / "reports/scores.parquet"
    content = path.read_bytes()
    try:
        path.write_bytes(content[:100])
        result, _ = monitor(project, status=2)
    finally:
        path.write_bytes(content)
    assert result.blind is not None
    assert result.blind.kind == "reference"


def test_a_run_that_breaks_off_leaves_no_former_verdict(project: Project) -> None:
    monitor(project, "--since", "2024-05-06", status=1)
    done = project.run("pipeline", "monitor", "--since", "0001-01-01", "--window", "1 minute")
    assert done.returncode == 2
    assert not (project.folder / "reports/monitor/monitor.json").exists()


def test_the_variables_override_params_yaml(project: Project) -> None:
    result, _ = monitor(project, status=2, PIPELINE_LOG_URL="elsewhere")
    assert result.blind is not None
    assert "elsewhere" in result.blind.reason


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--since", "0001-01-01T00:00:00+05:00"], "is out of the range of dates in UTC"),
        (["--since", "0001-01-01", "--window", "1 minute"], "more than 1,000,000 windows"),
        (["--since", "yesterday"], "yesterday is not a time"),
        (["--window", "2 weeks"], "2 weeks"),
    ],
)
def test_an_invalid_option_is_an_error_of_one_line(project: Project, options: list[str], message: str) -> None:
    done = project.run("pipeline", "monitor", *options)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr


def test_a_variable_that_gives_two_pipelines_one_log_is_a_log_that_can_not_be_read(project: Project) -> None:
    add(project.folder, "churn/", "churn")
    url = str(project.folder / "logs/predictions")
    result, output = monitor(project, status=2, PIPELINE_LOG_URL=url)
    shutil.rmtree(project.folder / "churn")
    assert result.blind
    assert result.blind.kind == "log"
    assert "write {deploy.name} in it" in result.blind.reason
    assert "Traceback" not in output
