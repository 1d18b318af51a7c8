"""`pipeline monitor` in a project, on a log as the service writes it: exit statuses, files, past periods."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.watch.monitor.result import Result, read
from tests.pipeline.conftest import Project
from tests.pipeline.trained import trained

pytestmark = pytest.mark.engine

START = datetime(2024, 5, 6, tzinfo=UTC)
DAYS, ROWS = 8, 120


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has run, with a log of eight days whose last four are shifted, and all labels."""
    made = trained(tmp_path_factory.mktemp("monitor"), "binary")
    made.configure(monitor={"min_rows": 100, "min_labels": 100, "labels": "logs/labels.csv", "window": "1 day"})
    test = pd.read_parquet(made.folder / "data/split/test.parquet")
    lines, labels = list[Any](), list[tuple[str, str]]()
    for day in range(DAYS):
        rows = test.sample(ROWS, replace=True, random_state=day)
        lines += _lines(rows, day, shifted=day >= 4)
        labels += [(line["id"], said) for line, said in zip(lines[-ROWS:], rows["outcome"], strict=True)]
    folder = made.folder / "logs/predictions"
    folder.mkdir(parents=True)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "predictions.w1.20240506T000000.000000Z.jsonl").write_text(f"{text}half a li\n")
    pd.DataFrame(labels, columns=["id", "label"]).to_csv(made.folder / "logs/labels.csv", index=False)
    return made


def _lines(rows: pd.DataFrame, day: int, shifted: bool) -> list[dict[str, Any]]:
    rng, step = np.random.default_rng(day), timedelta(days=1) / ROWS
    moved = rows.assign(age=rows["age"] / 2) if shifted else rows
    features = json.loads(moved.drop(columns=["id", "outcome"]).to_json(orient="records", date_format="iso"))
    known = rows["outcome"].map({"yes": 0.8, "no": 0.2}).to_numpy() + rng.uniform(-0.4, 0.2, ROWS)
    return [
        {
            "id": f"d{day}-{at}",
            "time": (START + timedelta(days=day) + at * step).isoformat(timespec="microseconds"),
            "release": "one",
            "ms": 0.5,
            "score": round(float(np.clip(score, 0, 1)), 6),
            "label": "yes" if score > 0.5 else "no",
            "features": row | {"age": int(row["age"])},
        }
        for at, (row, score) in enumerate(zip(features, known, strict=True))
    ]


def monitor(project: Project, *options: str, status: int, **env: str) -> tuple[Result, str]:
    done = project.run("pipeline", "monitor", *options, **env)
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return read(project.folder / "reports/monitor/monitor.json"), done.stdout + done.stderr


def state(found: Result, name: str) -> str:
    return next(signal.state for signal in found.signals if signal.name == name)


def test_a_shift_is_an_alarm_with_exit_status_1_and_a_report(project: Project) -> None:
    found, said = monitor(project, "--since", "2024-05-06", "--html", "drift.html", status=1)
    assert state(found, "data_drift") == "alarm"
    assert found.columns[0].column == "age"
    assert state(found, "performance") in ("ok", "watching", "alarm")
    assert found.damage["lines"] == 1
    assert "damage: lines 1" in said
    assert "🔴" in project.read("reports/monitor/monitor.md").splitlines()[0]
    assert "mermaid" in project.read("reports/monitor/monitor.html")
    assert "age" in project.read("drift.html")


def test_a_past_period_is_answered_from_the_log_alone(project: Project) -> None:
    """What was said at the end of the fourth day can be said again."""
    found, _ = monitor(project, "--since", "2024-05-06", "--until", "2024-05-10T00:00:00Z", status=0)
    assert state(found, "data_drift") in ("ok", "watching")
    assert len(found.windows) == 4
    assert found.until == START + timedelta(days=4)


def test_windows_of_rows_need_no_clock(project: Project) -> None:
    found, _ = monitor(project, "--window", "120 rows", "--since", "2024-05-06", status=1)
    assert {window.rows for window in found.windows if window.judged} == {120}


def test_without_a_complete_window_it_says_how_to_judge_what_is_there(project: Project) -> None:
    found, said = monitor(project, "--window", "9000 rows", "--since", "2024-05-06", status=0)
    assert found.state == "not_enough_data"
    assert "no window of 9000 rows is complete yet; --window '500 rows' judges" in said


def test_windows_with_too_few_rows_are_not_enough_data_and_no_alarm(project: Project) -> None:
    found, said = monitor(project, "--window", "6 hours", "--since", "2024-05-06", status=0)
    assert found.state == "not_enough_data"
    assert "30 rows, 100 are needed" in said


@pytest.mark.parametrize(
    ("options", "kind", "told"),
    [
        (["--log", "nowhere"], "log", "nowhere"),
        (["--log", "s3://"], "log", "s3://"),
        (["--until", "2023-01-01"], "log", "none of 2022-12-02"),
    ],
)
def test_what_can_not_be_seen_is_exit_status_2_and_said_in_the_files(
    project: Project, options: list[str], kind: str, told: str
) -> None:
    found, said = monitor(project, *options, status=2)
    assert found.state == "blind"
    assert found.blind is not None
    assert found.blind.kind == kind
    assert told in found.blind.reason
    assert [line for line in said.splitlines() if line.startswith("error: ")] == [f"error: {found.blind.reason}"]
    assert "can’t see" in project.read("reports/monitor/monitor.md").splitlines()[0]


def test_drift_is_judged_without_the_labels_too(project: Project) -> None:
    found, said = monitor(project, "--since", "2024-05-06", "--labels", "nowhere.csv", status=2)
    assert found.blind is not None
    assert found.blind.kind == "labels"
    assert "nowhere.csv" in found.blind.reason
    assert [line for line in said.splitlines() if line.startswith("error: ")] == [f"error: {found.blind.reason}"]
    assert (state(found, "data_drift"), state(found, "performance")) == ("alarm", "not_enough_data")


def test_a_damaged_reference_is_blindness(project: Project) -> None:
    path = project.folder / "reports/scores.parquet"
    kept = path.read_bytes()
    try:
        path.write_bytes(kept[:100])
        found, _ = monitor(project, status=2)
    finally:
        path.write_bytes(kept)
    assert found.blind is not None
    assert found.blind.kind == "reference"


def test_the_variables_go_before_params_yaml(project: Project) -> None:
    found, _ = monitor(project, status=2, PIPELINE_LOG_URL="elsewhere")
    assert found.blind is not None
    assert "elsewhere" in found.blind.reason


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--since", "0001-01-01T00:00:00+05:00"], "is beyond the calendar in UTC"),
        (["--since", "0001-01-01", "--window", "1 minute"], "more than 1,000,000 windows"),
        (["--since", "yesterday"], "yesterday is no time"),
        (["--window", "2 weeks"], "2 weeks"),
    ],
)
def test_a_wrong_option_is_one_line(project: Project, options: list[str], told: str) -> None:
    done = project.run("pipeline", "monitor", *options)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert told in done.stderr
