"""The report decides on its first screen, keeps hostile text as text, fits into an issue, and its charts are drawn."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.markup import preview
from pipeline.watch.monitor import report, signal_charts
from pipeline.watch.monitor.result import Blind, ColumnDrift, Labels, Reference, Scored
from tests.pipeline.conftest import require
from tests.pipeline.markup.test_preview import drawn
from tests.pipeline.watch.monitor.factories import result, signal

HOSTILE = 'a"] | <script>x</script> `%%{init}%%` @octocat #1 ![x](http://x.org)\u202e'


def column(name: str, score: float = 0.4) -> ColumnDrift:
    figures: dict[str, Any] = {"missing_before": 0.0, "missing": 0.1, "unseen": 0.0, "before": "1", "now": HOSTILE}
    return ColumnDrift(column=name, test="Wasserstein distance (normed)", score=score, bound=0.1, **figures)


def test_the_first_lines_name_the_alarm_the_release_and_since_when() -> None:
    text = report.render(result("alarm"))
    first = text[:700]
    assert first.startswith("### 🔴 Data drift: alarm\n")
    assert "<code>a</code>" in first
    assert "2024-05-09" in first


@pytest.mark.parametrize(
    ("state", "told"), [("ok", "🟢 No alarm"), ("not_enough_data", "⚪ Not enough data to judge drift")]
)
def test_the_headline_is_the_state(state: str, told: str) -> None:
    assert told in report.render(result(state)).splitlines()[0]


@pytest.mark.parametrize("kind", ["log", "reference"])
def test_a_blind_monitor_says_that_it_is_not_no_drift(kind: Any) -> None:
    text = report.render(
        result("blind", windows=0, signals=(), blind=Blind(kind=kind, reason="s3://x: no such *folder*"))
    )
    assert "can’t see" in text.splitlines()[0]
    assert "no such \\*folder\\*" in text
    assert "not “no drift”" in text
    assert "No alarm" not in text


def test_without_its_labels_the_rest_is_shown_below_a_warning() -> None:
    text = report.render(result("ok", blind=Blind(kind="labels", reason="s3://x: no such *folder*")))
    assert text.splitlines()[0] == "### 🟢 No alarm; the labels can’t be read"
    assert "⚠️ Performance was not judged: s3\\://x: no such \\*folder\\*" in text
    assert "| data drift |" in text


def test_columns_that_moved_are_shown_the_furthest_first_and_the_rest_is_folded() -> None:
    names = [f"column {at}" for at in range(8)]
    text = report.render(result("alarm", columns=tuple(column(name) for name in names)))
    shown, _, folded = text.partition("<details>")
    assert [name for name in names if name in shown] == names[:5]
    assert "The other 3 beyond are below" in shown
    assert all(name in folded for name in names)


def test_two_releases_are_warned_of() -> None:
    text = report.render(result(releases={"a": 900, HOSTILE: 100}))
    assert "2 releases answered" in text
    assert "100 rows are of others" in text


def test_damage_is_counted_and_named() -> None:
    damage = {"lines": 3, "types": 0, "places": [f"x.jsonl:7: {HOSTILE}"]}
    text = report.render(result(damage=damage, labels=Labels(rows=10, joined=6, unknown=4)))
    assert "| lines | 3 |" in text
    assert "| labels for unknown ids | 4 |" in text
    assert "x.jsonl\\:7" in text
    assert "| types |" not in text


def test_what_data_wrote_stays_text() -> None:
    told = result(
        "alarm",
        release=HOSTILE,
        columns=(column(HOSTILE),),
        not_logged=(HOSTILE,),
        reference=Reference(train=1, test=1, newest=0),
        signals=(signal(state="alarm", sentence=HOSTILE, since=datetime(2024, 5, 9, tzinfo=UTC)),),
        damage={"lines": 1, "places": [HOSTILE]},
    )
    text = report.render(told)
    assert "<script>" not in text
    assert not re.search(r"@octocat|(?<!\\)!\[x\]\(|\u202e", text)


def test_a_report_of_everything_fits_into_an_issue() -> None:
    wide = tuple(column(f"{HOSTILE} {at} " + "x" * 200) for at in range(500))
    long = [f"file:{at}: {HOSTILE * 20}" for at in range(10)]
    text = report.render(result("alarm", 366, columns=wide, damage={"lines": 10, "places": long}))
    assert len(text) <= report.LIMIT
    assert "Data drift: alarm" in text


def test_a_window_is_beyond_above_its_bound_and_volume_below() -> None:
    shown = result("alarm").windows
    assert [signal_charts.is_beyond(window, "data_drift") for window in shown] == [False] * 3 + [True] * 3
    low = shown[0].model_copy(update={"values": {"volume": 0.2}})
    assert signal_charts.is_beyond(low, "volume")
    assert not signal_charts.is_beyond(low, "data_drift")


def test_windows_of_one_day_are_told_apart_by_their_time() -> None:
    first = result().windows[0]
    later = first.model_copy(update={"start": first.start.replace(hour=6)})
    assert signal_charts.times([first, later]) == ["05-06 00:00", "05-06 06:00"]
    assert (
        signal_charts.times([first, first.model_copy(update={"start": first.start.replace(second=9)})])[1] == "00:00:09"
    )
    assert signal_charts.times([first]) == ["05-06"]


def test_windows_of_days_are_named_by_the_day_and_those_of_one_second_by_its_thousandths() -> None:
    first = result().windows[0]

    def after(**time: float) -> Scored:
        return first.model_copy(update={"start": first.start + timedelta(**time)})

    assert signal_charts.times([after(hours=16), after(days=1, hours=16)]) == ["05-06", "05-07"]
    close = [after(milliseconds=120), after(milliseconds=950)]
    assert signal_charts.times(close) == ["00:00:00.120", "00:00:00.950"]


def test_a_signal_that_was_never_judged_has_no_picture() -> None:
    assert signal_charts.chart(result(), "performance") is None


@pytest.mark.engine
@pytest.mark.parametrize("windows", [1, 6, 30])
def test_the_picture_has_a_bar_for_each_judged_window_and_the_bound(tmp_path: Path, windows: int) -> None:
    require("chromium")
    told = result("alarm", windows)
    gap = told.windows[0].model_copy(update={"values": {}, "bounds": {}})
    chart = signal_charts.chart(told.model_copy(update={"windows": (*told.windows, gap)}), "data_drift")
    assert chart is not None
    preview.write(chart, tmp_path / "page.html")
    article = drawn(tmp_path / "page.html")
    found = re.findall(r'<rect [^>]*height="(-?[\d.]+)"[^>]*fill="#(d97706|3b82f6)"', article)
    colours = [colour for height, colour in found if float(height) > 0]
    late = min(3, windows)
    assert (colours.count("3b82f6"), colours.count("d97706")) == (windows - late, late)
    grey = re.findall(r'<path d="([^"]*)"[^>]*stroke="#8b949e"', article)  # the axes as well
    assert max(len(re.findall(r"[ML][\d.]+,", path)) for path in grey) == windows + 1
