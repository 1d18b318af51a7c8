"""The log is split into windows: by time on a UTC grid or by a number of rows, bounded, and the same in any order."""

import os
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.core.errors import PipelineError
from pipeline.predictions.damage import InputUnreadableError
from tests.pipeline.conftest import FROZEN
from tests.pipeline.predictions import logged
from tests.pipeline.predictions.logged import DAY, START


def test_windows_lie_on_a_utc_grid_and_empty_ones_in_between_count(tmp_path: Path) -> None:
    east = "2024-05-06T23:30:00+02:00"  # 21:30 UTC
    logged.write(tmp_path, [*logged.rows(10), logged.row(90, time=START) | {"time": east}])
    logged.write(tmp_path, logged.rows(5, START + 2 * DAY, first=20), "b.jsonl")
    windows = logged.read(tmp_path).windows
    assert [(window.start, window.end, window.rows) for window in windows] == [
        (START, START + DAY, 11),
        (START + DAY, START + 2 * DAY, 0),
        (START + 2 * DAY, START + 3 * DAY, 5),
    ]
    assert windows[1].sample.empty
    assert windows[1].latency is None


def test_a_row_at_an_edge_belongs_to_the_window_that_begins_there(tmp_path: Path) -> None:
    logged.write(tmp_path, [logged.row(0, START + DAY - timedelta(microseconds=1)), logged.row(1, START + DAY)])
    assert [window.rows for window in logged.read(tmp_path, until=START + 2 * DAY).windows] == [1, 1]


def test_only_the_latest_windows_are_kept_and_the_one_still_filling_is_not_complete(tmp_path: Path) -> None:
    logged.write(tmp_path, logged.rows(240, span=10 * DAY))
    windows = logged.read(tmp_path, until=START + 9.5 * DAY, history=4).windows
    assert [window.start for window in windows] == [START + day * DAY for day in (6, 7, 8, 9)]
    assert [window.complete for window in windows] == [True, True, True, False]
    assert windows[-1].rows == 12


def test_without_an_end_the_period_lasts_until_now(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    logged.write(tmp_path, logged.rows(10, now - 3 * DAY, DAY / 2) + logged.rows(3, now - DAY / 1e4, DAY / 1e5, 50))
    windowed = logged.read(tmp_path, until=None)
    assert windowed.windows[-1].start <= windowed.until <= windowed.windows[-1].end
    assert now <= windowed.until <= datetime.now(UTC)
    assert not windowed.windows[-1].complete
    assert windowed.rows == 13


def test_a_service_that_stopped_logging_gives_empty_windows(tmp_path: Path) -> None:
    logged.write(tmp_path, logged.rows(50, datetime.now(UTC) - 4 * DAY, DAY))
    assert [window.rows for window in logged.read(tmp_path, until=None).windows][-2:] == [0, 0]


def test_a_past_period_without_an_end_lasts_until_the_newest_row(tmp_path: Path) -> None:
    logged.write(tmp_path, logged.rows(240, span=10 * DAY))
    windowed = logged.read(tmp_path, since=START + 7.5 * DAY, until=None)
    assert [(window.rows, window.complete) for window in windowed.windows] == [(12, False), (24, True), (24, True)]
    assert windowed.until == START + 10 * DAY - DAY / 24 + timedelta(microseconds=1)


def test_a_past_period_may_have_more_windows_than_the_history_but_not_any_number(tmp_path: Path) -> None:
    logged.write(tmp_path, logged.rows(240, span=10 * DAY))
    assert len(logged.read(tmp_path, since=START, until=START + 10 * DAY, history=2).windows) == 10
    with pytest.raises(PipelineError, match="more than 366 windows; name a later one, or a longer window"):
        logged.read(tmp_path, since=START, until=START + 10 * DAY, window="15 minutes")
    with pytest.raises(PipelineError, match="since: 2024-05-07T00:00:00Z is not before until"):
        logged.read(tmp_path, since=START + DAY, until=START + DAY)


def test_windows_of_a_number_of_rows_are_counted_back_from_the_newest(tmp_path: Path) -> None:
    logged.write(tmp_path, logged.rows(47))
    logged.write(tmp_path, logged.rows(48, first=100), "b.jsonl")
    windowed = logged.read(tmp_path, window="20 rows", history=3)
    assert [(window.rows, window.complete) for window in windowed.windows] == [(20, True)] * 3
    assert windowed.windows[-1].end == START + DAY * (47 / 48) + timedelta(microseconds=1)
    assert [window.rows for window in logged.read(tmp_path, window="20 rows").windows] == [20] * 4
    assert [(window.rows, window.complete) for window in logged.read(tmp_path, window="200 rows").windows] == [
        (95, False)
    ]


def test_rows_with_the_same_time_stay_in_one_window(tmp_path: Path) -> None:
    logged.write(tmp_path, [logged.row(number, START + DAY / 10 * (number // 30)) for number in range(90)])
    assert [window.rows for window in logged.read(tmp_path, window="20 rows").windows] == [30, 30, 30]


def test_windows_of_too_many_rows_are_refused(tmp_path: Path) -> None:
    logged.write(tmp_path, logged.rows(5))
    with pytest.raises(PipelineError, match="30 windows of 1,000,000 rows are above 10,000,000 rows"):
        logged.read(tmp_path, window="1000000 rows")


@pytest.mark.parametrize("text", ["0 rows", "1 week", "day", "1.5 days", "-1 days", "", "1 days rows"])
def test_an_invalid_window_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(PipelineError, match="allowed: a number of minutes, hours, days or rows"):
        logged.read(tmp_path, window=text)


def test_a_window_of_many_years_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="window: is '9999999 days'; allowed: at most 366 days"):
        logged.read(tmp_path, window="9999999 days")


def test_the_sample_is_the_same_in_any_order_and_however_it_is_split_into_files(tmp_path: Path) -> None:
    lines = [row | {"features": {"income": number}} for number, row in enumerate(logged.rows(3000))]
    logged.write(tmp_path / "single", lines)
    random.Random(1).shuffle(lines)  # noqa: S311
    for number in range(7):
        logged.write(tmp_path / "many", lines[number::7], f"{number}.jsonl")
    single, many = (logged.read(tmp_path / name).windows[0] for name in ("single", "many"))
    assert single.rows == many.rows == 3000
    assert len(single.sample) == 100
    pd.testing.assert_frame_equal(single.sample, many.sample)
    pd.testing.assert_frame_equal(single.answers, many.answers)


def test_the_sample_is_drawn_evenly(tmp_path: Path) -> None:
    """The mean of 400 of the numbers below 20,000: within four standard errors of the middle."""
    logged.write(tmp_path, [row | {"features": {"income": number}} for number, row in enumerate(logged.rows(20_000))])
    mean = logged.read(tmp_path, max_rows=400).windows[0].sample["income"].mean()
    assert abs(mean - 10_000) < 4 * 20_000 / np.sqrt(12 * 400)


def test_columns_have_the_types_of_training_and_answers_are_a_separate_table(tmp_path: Path) -> None:
    odd = {"income": None, "score": 1.5, "town": "Paris", "member": None, "since": "2024-03-01T01:00:00+02:00"}
    logged.write(tmp_path, [logged.row(0), logged.row(1, features=odd, label="1", score=0.75)])
    window = logged.read(tmp_path).windows[0]
    sample = window.sample.loc[window.answers["id"] == "r-1"].iloc[0]
    assert {name: str(kind) for name, kind in window.sample.dtypes.items()} == {
        "income": "float64",
        "score": "float64",
        "town": "str",
        "member": "boolean",
        "since": "datetime64[us]",
    }
    assert (sample["score"], sample["town"], sample["since"]) == (1.5, "Paris", pd.Timestamp("2024-02-29T23:00"))
    assert sample.isna().tolist() == [True, False, False, True, False]
    answer = window.answers[window.answers["id"] == "r-1"].iloc[0]
    assert answer[["release", "score", "label"]].tolist() == ["a", 0.75, "1"]
    assert answer["time"] == pd.Timestamp(START)


def test_two_releases_in_a_window_are_counted_separately(tmp_path: Path) -> None:
    logged.write(tmp_path / "log/a", logged.rows(30, release="a"))
    logged.write(tmp_path / "log/b", logged.rows(20, first=100, release="b"))
    window = logged.read(tmp_path / "log").windows[0]
    assert window.releases == {"a": 30, "b": 20}
    assert window.answers["release"].value_counts().to_dict() == {"a": 30, "b": 20}


def test_flags_of_the_service_are_counted_over_all_rows(tmp_path: Path) -> None:
    flags = [{"missing": ["income"]}, {"missing": ["income"], "unseen": ["town"]}, {"outside": ["score"]}, None]
    logged.write(tmp_path, [row | {"flags": flags[number % 4]} for number, row in enumerate(logged.rows(2000))])
    window = logged.read(tmp_path).windows[0]
    assert (window.missing, window.unseen) == ({"income": 1000}, {"town": 500})


def test_a_column_that_is_not_logged_is_absent_and_one_that_is_always_missing_is_present(tmp_path: Path) -> None:
    fields: dict[str, Any] = {
        "features": {"score": 1, "income": None, "town": "Oslo"},
        "flags": {"missing": ["income", "since"]},
    }
    logged.write(tmp_path, logged.rows(10, **fields))
    assert list(logged.read(tmp_path).windows[0].sample) == ["income", "score", "town", "since"]


@pytest.mark.parametrize("scale", [0.01, 1, 1000])
def test_the_latency_is_within_a_percent_of_the_p99(tmp_path: Path, scale: float) -> None:
    drawn = np.random.default_rng(0).lognormal(0, 1, 5000) * scale
    logged.write(tmp_path, [row | {"ms": ms} for row, ms in zip(logged.rows(5000), drawn, strict=True)])
    assert logged.read(tmp_path).windows[0].latency == pytest.approx(np.quantile(drawn, 0.99), rel=0.02)


def test_progress_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.core import params
    from pipeline.watch.monitor import windowing

    ticks = iter(range(0, 1000, 10))
    monkeypatch.setattr("pipeline.watch.monitor.windowing.time.monotonic", lambda: next(ticks))
    logged.write(tmp_path, logged.rows(10))
    lines: list[str] = []
    settings = params.section(params.Monitor, FROZEN / "params.yaml")
    windowing.read(str(tmp_path), logged.SIGNATURE, settings, until=START + DAY, progress=lines.append)
    assert lines == ["10 rows, file 1 of 1, 0 of 0 MB"]


def unreadable(*args: Any, **options: Any) -> str:
    with pytest.raises(InputUnreadableError) as caught:
        logged.read(*args, **options)
    assert caught.value.kind == "log"
    return str(caught.value)


def test_a_log_without_rows_is_an_error_and_never_an_empty_result(tmp_path: Path) -> None:
    named_by = "the prediction log is named by --log, PIPELINE_LOG_URL or monitor.log in params.yaml"
    assert unreadable(tmp_path / "none") == f"{tmp_path}/none: does not exist; {named_by}"
    assert unreadable(tmp_path) == f"{tmp_path}: holds no files; {named_by}"
    (tmp_path / "notes.txt").write_text("hello")
    assert unreadable(tmp_path).endswith(f"holds no file of a log (*.jsonl, *.jsonl.gz, *.parquet); {named_by}")
    path = logged.write(tmp_path, [])
    assert unreadable(tmp_path).endswith("no row in 1 file")
    path.write_bytes(b"\0" * 100 + b"\n")
    assert unreadable(tmp_path).endswith(
        f"no row in 1 file; {logged.NAME}:1: JSON is malformed: invalid character (byte 0)"
    )


def test_the_error_for_a_period_without_rows_states_the_newest_row(tmp_path: Path) -> None:
    path = logged.write(tmp_path, logged.rows(10, span=DAY))
    assert (
        "no row from 2024-05-26T00:00:00Z to 2024-06-25T00:00:00Z; the newest is from 2024-05-06T21:36:00Z"
        in unreadable(tmp_path, until=START + 50 * DAY)
    )
    os.utime(path, (START.timestamp(), START.timestamp()))
    assert unreadable(tmp_path, until=START + 50 * DAY).endswith(
        "holds files, but none from 2024-05-26T00:00:00Z to 2024-06-25T00:00:00Z; look whether the service still logs "
        "there, or name another --since"
    )
