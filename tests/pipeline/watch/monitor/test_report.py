"""The report starts with the result, sanitizes untrusted text, fits into an issue, and draws its charts."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.markup import preview
from pipeline.watch.monitor import report, signal_charts
from pipeline.watch.monitor.result import ColumnDrift, Labels, Reference, Scored, Unreadable
from tests.pipeline.conftest import require
from tests.pipeline.markup.test_preview import rendered
from tests.pipeline.watch.monitor.factories import result, signal

UNTRUSTED = 'a"] | <script>x</script> `%%{init}%%` @octocat #1 ![x](http://x.org)\u202e'


def column(name: str, score: float = 0.4) -> ColumnDrift:
    figures: dict[str, Any] = {"missing_before": 0.0, "missing": 0.1, "unseen": 0.0, "before": "1", "now": UNTRUSTED}
    return ColumnDrift(column=name, test="Wasserstein distance (normed)", score=score, bound=0.1, **figures)


def test_the_first_lines_name_the_alarm_the_release_and_since_when() -> None:
    text = report.render(result("alarm"))
    first = text[:700]
    assert first.startswith("### 🔴 Data drift: alarm\n")
    assert "<code>a</code>" in first
    assert "2024-05-09" in first


@pytest.mark.parametrize(
    ("state", "headline"), [("ok", "🟢 No alarm"), ("not_enough_data", "⚪ Not enough data to judge drift")]
)
def test_the_headline_is_the_state(state: str, headline: str) -> None:
    assert headline in report.render(result(state)).splitlines()[0]


@pytest.mark.parametrize("kind", ["log", "reference"])
def test_an_unreadable_input_is_not_reported_as_no_drift(kind: Any) -> None:
    text = report.render(
        result("blind", windows=0, signals=(), blind=Unreadable(kind=kind, reason="s3://x: no such *folder*"))
    )
    assert "can’t read" in text.splitlines()[0]
    assert "no such \\*folder\\*" in text
    assert "does not mean “no drift”" in text
    assert "No alarm" not in text


def test_without_its_labels_the_rest_is_shown_below_a_warning() -> None:
    text = report.render(result("ok", blind=Unreadable(kind="labels", reason="s3://x: no such *folder*")))
    assert text.splitlines()[0] == "### 🟢 No alarm; the labels can’t be read"
    assert "⚠️ Performance was not judged: s3\\://x: no such \\*folder\\*" in text
    assert "| data drift |" in text


def test_drifted_columns_are_shown_furthest_first_and_the_rest_is_folded() -> None:
    names = [f"column {number}" for number in range(8)]
    text = report.render(result("alarm", columns=tuple(column(name) for name in names)))
    visible, _, folded = text.partition("<details>")
    assert [name for name in names if name in visible] == names[:5]
    assert "The other 3 columns beyond their bound are below" in visible
    assert all(name in folded for name in names)


def test_two_releases_are_a_warning() -> None:
    text = report.render(result(releases={"a": 900, UNTRUSTED: 100}))
    assert "2 releases answered" in text
    assert "100 rows are from others" in text


def test_damage_is_counted_and_its_places_listed() -> None:
    damage = {"lines": 3, "types": 0, "places": [f"x.jsonl:7: {UNTRUSTED}"]}
    text = report.render(result(damage=damage, labels=Labels(rows=10, joined=6, unknown=4)))
    assert "| lines | 3 |" in text
    assert "| labels for unknown ids | 4 |" in text
    assert "x.jsonl\\:7" in text
    assert "| types |" not in text


def test_text_from_the_data_is_escaped() -> None:
    untrusted = result(
        "alarm",
        release=UNTRUSTED,
        columns=(column(UNTRUSTED),),
        not_logged=(UNTRUSTED,),
        reference=Reference(train=1, test=1, newest=0),
        signals=(signal(state="alarm", sentence=UNTRUSTED, since=datetime(2024, 5, 9, tzinfo=UTC)),),
        damage={"lines": 1, "places": [UNTRUSTED]},
    )
    text = report.render(untrusted)
    assert "<script>" not in text
    assert not re.search(r"@octocat|(?<!\\)!\[x\]\(|\u202e", text)


def test_a_report_of_everything_fits_into_an_issue() -> None:
    wide = tuple(column(f"{UNTRUSTED} {number} " + "x" * 200) for number in range(500))
    long = [f"file:{number}: {UNTRUSTED * 20}" for number in range(10)]
    text = report.render(result("alarm", 366, columns=wide, damage={"lines": 10, "places": long}))
    assert len(text) <= report.LIMIT
    assert "Data drift: alarm" in text


def test_a_window_is_beyond_above_its_bound_and_volume_below() -> None:
    windows = result("alarm").windows
    assert [signal_charts.is_beyond(window, "data_drift") for window in windows] == [False] * 3 + [True] * 3
    low = windows[0].model_copy(update={"values": {"volume": 0.2}})
    assert signal_charts.is_beyond(low, "volume")
    assert not signal_charts.is_beyond(low, "data_drift")


def test_windows_of_one_day_are_labelled_with_their_time() -> None:
    first = result().windows[0]
    later = first.model_copy(update={"start": first.start.replace(hour=6)})
    assert signal_charts.times([first, later]) == ["05-06 00:00", "05-06 06:00"]
    assert (
        signal_charts.times([first, first.model_copy(update={"start": first.start.replace(second=9)})])[1] == "00:00:09"
    )
    assert signal_charts.times([first]) == ["05-06"]


def test_windows_of_days_are_labelled_with_the_date_and_those_of_one_second_with_milliseconds() -> None:
    first = result().windows[0]

    def after(**time: float) -> Scored:
        return first.model_copy(update={"start": first.start + timedelta(**time)})

    assert signal_charts.times([after(hours=16), after(days=1, hours=16)]) == ["05-06", "05-07"]
    close = [after(milliseconds=120), after(milliseconds=950)]
    assert signal_charts.times(close) == ["00:00:00.120", "00:00:00.950"]


def test_a_signal_that_was_never_judged_has_no_chart() -> None:
    assert signal_charts.chart(result(), "performance") is None


@pytest.mark.engine
@pytest.mark.parametrize("windows", [1, 6, 30])
def test_the_chart_has_a_bar_for_each_judged_window_and_the_bound(tmp_path: Path, windows: int) -> None:
    require("chromium")
    alarm = result("alarm", windows)
    gap = alarm.windows[0].model_copy(update={"values": {}, "bounds": {}})
    chart = signal_charts.chart(alarm.model_copy(update={"windows": (*alarm.windows, gap)}), "data_drift")
    assert chart is not None
    preview.write(chart, tmp_path / "page.html")
    article = rendered(tmp_path / "page.html")
    bars = re.findall(r'<rect [^>]*height="(-?[\d.]+)"[^>]*fill="#(d97706|3b82f6)"', article)
    colours = [colour for height, colour in bars if float(height) > 0]
    late = min(3, windows)
    assert (colours.count("3b82f6"), colours.count("d97706")) == (windows - late, late)
    grey = re.findall(r'<path d="([^"]*)"[^>]*stroke="#8b949e"', article)  # the axes as well
    assert max(len(re.findall(r"[ML][\d.]+,", path)) for path in grey) == windows + 1
