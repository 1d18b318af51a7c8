"""Windows are assessed as one result: states, the release that is judged, the columns of the latest window."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.predictions.damage import Damage
from pipeline.predictions.windows import Labels, Window, WindowedLog
from pipeline.watch.monitor import assessment, report
from pipeline.watch.monitor.reference_data import Reference
from pipeline.watch.monitor.result import Result, read
from tests.pipeline.watch.monitor.factories import DAY, START, reference, settings, table, window


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def assess(*windows: Window, size: str = "1 day", against: Reference | None = None) -> Result:
    windowed = WindowedLog(windows, Damage(lines=1, places=["x:1: y"]), 1234, 2, START + 9 * DAY, Labels(10, 8, 2))
    return assessment.assess(windowed, against or reference(), settings(), size, lambda _: None)


def shifted(day: int, **fields: Any) -> Window:
    return window(day, sample=table(400, day).assign(income=lambda rows: rows["income"] * 3), **fields)


def states(result: Result) -> dict[str, str]:
    return {signal.name: signal.state for signal in result.signals}


def test_no_drift_is_no_alarm() -> None:
    result = assess(*(window(day) for day in range(6)))
    assert result.state == "ok"
    assert set(states(result).values()) == {"ok"}
    assert [window.judged for window in result.windows] == [True] * 6
    assert result.labels.unknown == 2


def test_days_of_numbers_at_both_ends_of_double_precision_are_an_alarm_in_finite_figures() -> None:
    ends = table(400).assign(income=np.where(np.arange(400) % 2, 1.2e308, 1.1e308))
    ends.loc[:100, "income"] = -1.2e308
    result = assess(*(window(day) for day in range(4)), *(window(day, sample=ends) for day in range(4, 7)))
    assert states(result)["data_drift"] == "alarm"
    assert result.columns[0].column == "income"
    assert result.columns[0].now == "1.1e+308"
    text = report.render(result)
    assert "×1e+100" in text
    assert "inf" not in text


def test_columns_that_the_reference_can_not_judge_are_marked_and_said() -> None:
    uneven = table(3000)
    uneven.loc[0, "income"] = 1e15
    result = assess(*(window(day) for day in range(6)), against=replace(reference(), train=uneven))
    assert result.state == "ok"
    assert [column.column for column in result.columns if not column.judged] == ["income"]
    assert report.verdict(result) == "ok; the reference can’t show drift in 1 of 4 columns"
    text = report.render(result)
    assert "⚠️ The reference can’t show drift in 1 of 4 columns: it has too few rows" in text
    assert "can’t tell" in text


def test_three_shifted_windows_of_five_are_an_alarm_since_the_first_of_them() -> None:
    result = assess(*(window(day) for day in range(4)), *(shifted(day) for day in range(4, 7)))
    drift = result.signals[0]
    assert (result.state, drift.state, drift.since) == ("alarm", "alarm", START + 4 * DAY)
    assert drift.sentence.startswith(
        "3 of the last 5 judged windows beyond the bound; 1 of 4 columns beyond, furthest income"
    )
    assert result.columns[0].column == "income"
    assert result.columns[0].before != result.columns[0].now


def test_windows_with_too_few_rows_are_no_alarm_but_not_enough_data() -> None:
    result = assess(*(shifted(day, rows=50) for day in range(6)))
    assert result.state == "not_enough_data"
    assert states(result)["data_drift"] == "not_enough_data"
    assert result.signals[0].sentence == "not enough data: 50 rows, 100 are needed: longer windows hold more"


def test_the_sentence_says_that_the_newest_window_has_too_few_rows() -> None:
    result = assess(*(window(day) for day in range(5)), window(5, rows=90))
    assert "the newest window is not judged: 90 rows" in result.signals[0].sentence


def test_a_window_that_is_still_filling_is_shown_and_not_judged() -> None:
    result = assess(*(window(day) for day in range(5)), shifted(5, complete=False))
    assert result.state == "ok"
    assert not result.windows[-1].judged
    assert result.windows[-1].values == {}


def test_no_complete_window_is_not_enough_data() -> None:
    assert assess(window(0, complete=False)).state == "not_enough_data"


def test_windows_of_rows_have_no_volume_signal() -> None:
    assert "volume" not in states(assess(*(window(day) for day in range(5)), size="400 rows"))


def test_the_release_of_most_rows_in_the_latest_window_is_judged() -> None:
    old = window(0, releases={"a": 10, "b": 390})
    new = window(1, releases={"a": 300, "b": 100})
    assert assessment.main_release([old, new]) == "a"
    assert assessment.main_release([old, replace(new, releases={"b": 100}, complete=False)]) == "b"
    assert assessment.main_release([]) is None


def test_columns_that_are_not_logged_are_listed() -> None:
    result = assess(*(window(day, sample=table(400)[["town"]]) for day in range(3)))
    assert result.not_logged == ("income", "member", "since")


def test_a_result_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    result = assess(*(shifted(day) for day in range(4)))
    path = tmp_path / "monitor.json"
    path.write_text(result.model_dump_json())
    assert read(path) == result


@pytest.mark.parametrize(
    ("values", "kind", "text"),
    [
        ([1.0, 3.0, None], "number", "2"),
        (["a", "b", "b", None], "category", "b 67%"),
        ([True, True, False, True], "boolean", "true 75%"),
        (pd.to_datetime(["2024-01-01", "2024-01-03"]), "date", "2024-01-02"),
        ([None], "number", "–"),
    ],
)
def test_a_column_is_described_by_its_centre(values: Any, kind: Any, text: str) -> None:
    assert assessment.describe(pd.Series(values), kind) == text
