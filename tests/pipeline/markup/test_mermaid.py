"""Charts take any numbers and names, and their source is valid Mermaid."""

import json
import math
import re

import pytest

from pipeline.markup import mermaid
from pipeline.markup.mermaid import (
    CANDIDATE,
    MAIN,
    MAX_NAMES,
    bars,
    clean,
    flow,
    grid,
    intervals,
    labels,
    lines,
    vertical_bars,
)


def axis(chart: str) -> list[str]:
    names: list[str] = json.loads(re.findall(r"x-axis (\[.*\])", chart)[0])
    return names


def rows(chart: str) -> list[list[float]]:
    return [json.loads(f"[{values}]") for values in re.findall(r"(?:bar|line) \[(.*)\]", chart)]


def test_the_bars_of_two_models_are_side_by_side() -> None:
    chart = bars(["a", "b"], [(MAIN, [0.1, 0.2]), (CANDIDATE, [0.3, 0])], 0.5)
    assert rows(chart) == [[0.1, -0.5, -0.5, 0.2, -0.5, -0.5], [-0.5, 0.3, -0.5, -0.5, -0.5, -0.5]]


def test_an_interval_has_three_rows_around_its_name_and_a_line_at_0() -> None:
    chart = intervals(["a", "b"], [(-1, 1, 3), (0, 0.5, 1)], "gain")
    assert rows(chart) == [[0] * 6, [-1] * 3 + [0] * 3, [3] * 3 + [1] * 3, [1] * 3 + [0.5] * 3]
    assert [name for name in axis(chart) if name.strip("\u200b")] == ["a", "b"]
    assert len(set(axis(chart))) == 6
    assert '"gain" -1.2 --> 3.2' in chart
    assert '"gain" -1 --> 1' in intervals(["a"], [(0, 0, 0)], "gain")


def test_labels_are_unique() -> None:
    names = ["x", "x 3", "x", "x", "", "`", '"', "a" * 99, "a" * 98 + "b"]
    chart = bars(names, [(MAIN, [1.0] * len(names)), (CANDIDATE, [1.0] * len(names))], 1)
    assert len(set(axis(chart))) == len(axis(chart)) == 3 * len(names)
    assert len(set(labels(names))) == len(names)


def test_vertical_bars_have_a_place_each_and_a_bar_of_0_is_not_drawn() -> None:
    chart = vertical_bars(["a", "b"], [(CANDIDATE, [0.5, 0]), (MAIN, [0, 2])], [1, 1], "loss")
    assert rows(chart) == [[0.5, -2.1], [-2.1, 2], [1, 1]]
    assert axis(chart) == ["a", "b"]


def test_a_time_axis_shows_some_of_its_names_and_its_labels_are_unique() -> None:
    names = [f"05-{day:02}" for day in range(31)]
    axis_labels = axis(vertical_bars(names, [(CANDIDATE, [1.0] * 31)], [1.0] * 31, "loss"))
    assert len(set(axis_labels)) == 31
    assert 1 < sum(name in names for name in axis_labels) <= MAX_NAMES


@pytest.mark.parametrize(
    "name", ['a"]', "%%{init: {}}%%", "a\nb", "<b>", "`x`", "#quot;", "\u202ex", "a|b", "@x", "---", "\\"]
)
def test_labels_hold_no_markup(name: str) -> None:
    assert not re.search(r"[\"%{}<>`#;|@\\\[\]\n\u202e]", clean(name))


def test_names_of_any_language_are_kept() -> None:
    assert clean("Tromsø 北京 возраст") == "Tromsø 北京 возраст"


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.0476, 0.9399), (-3e6, 7e6), (1e-7, 2e-7), (1e6, 1e6 + 1)])
def test_a_grid_adds_up_exactly(low: float, high: float) -> None:
    places = grid(low, high)
    step = places[1] - places[0]
    assert low <= places[0] <= places[-1] <= high
    assert 30 <= len(places) <= 66
    total = places[0]
    for place in places:  # as Mermaid does
        assert total == place
        total += step


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        lines(("x", [0.0, 1.0]), ("y", 0, 1), [(MAIN, [0.5, value])])


def test_numbers_have_no_exponent() -> None:
    chart = lines(("x", [0.0, 2.0**-40]), ("y", 1e-9, 1e12), [(MAIN, [1e-9, 1e12])])
    assert not re.search(r"\de[-+]?\d", chart)


def test_an_axis_without_extent_gets_one() -> None:
    assert "0.5 --> 1.5" in lines(("x", [0.0, 1.0]), ("y", 0.5, 0.5), [(MAIN, [0.5, 0.5])])


def test_a_graph_has_a_class_for_each_state() -> None:
    chart = flow([("a", "ran"), ("b", "failed")], [(0, 1)], {"ran": "#111111", "failed": "#222222"})
    assert 'n1["b"]:::failed' in chart
    assert "n0 --> n1" in chart


def test_colours_have_enough_contrast_on_light_and_dark_pages() -> None:
    for colour in (mermaid.MAIN, mermaid.CANDIDATE, mermaid.GREY):
        assert min(contrast(colour, page) for page in ("#ffffff", "#0d1117")) >= 3  # WCAG 1.4.11, of graphics


def contrast(first: str, second: str) -> float:
    low, high = sorted(luminance(colour) for colour in (first, second))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
