"""Mermaid as GitHub draws it: bars, lines and a flow chart, in colours with enough contrast on light and dark pages."""

import json
import math
from collections.abc import Iterable, Sequence
from decimal import Decimal

from pipeline.markup.markdown import Markdown

MAIN, CANDIDATE, GREY = "#d97706", "#3b82f6", "#8b949e"
LEGEND = {MAIN: "🟧 main", CANDIDATE: "🟦 this pull request"}
WIDTH = 800
BAR = 13  # pixels
MAX_NAMES = 10  # names along a time axis
Series = tuple[str, Sequence[float]]  # colour, values


def clean(name: str, length: int = 26) -> str:
    """A name as a label: characters that Mermaid could read as markup are removed."""
    text = " ".join("".join(char if char.isalnum() or char in " _.,+=/:()-–…" else " " for char in name[:200]).split())
    return text if len(text) <= length else f"{text[: length - 1]}…"


def labels(names: Iterable[str]) -> list[str]:
    """Clean names, made unique: Mermaid draws equal ones in one place."""
    unique: list[str] = []
    for name in names:
        label, suffix = clean(name) or "?", len(unique)
        while label in unique:
            suffix += 1
            label = f"{clean(name, 20)} {suffix}"
        unique.append(label)
    return unique


def bars(names: Sequence[str], series: Sequence[Series], top: float, line: float | None = None) -> Markdown:
    """Horizontal bars, those of one name side by side; `line`: a bound across all bars. Values are 0 or more."""
    top = top if top > 0 else 1.0
    group = len(series) + (len(series) > 1)  # with an empty row between the names
    axis = [text for i, name in enumerate(labels(names)) for text in (name, *_blanks(i * group, group - 1))]
    chart_lines = []
    for position, (_, values) in enumerate(series):
        rows = [-top] * len(axis)  # outside the axis: Mermaid draws the bars of several series over each other
        rows[position::group] = [min(value, top) if value > 0 else -top for value in values]
        chart_lines.append(f"  bar [{_listed(rows)}]")
    if line is not None:
        chart_lines.append(f"  line [{_listed([line] * len(axis))}]")
    colours = [*(colour for colour, _ in series), GREY]
    head = _head(colours, 60 + (BAR if group > 1 else 2 * BAR) * max(4, len(axis)), ticks=False)
    names_axis = f"  x-axis [{', '.join(json.dumps(text, ensure_ascii=False) for text in axis)}]"
    return _block([*head, "xychart-beta horizontal", names_axis, f"  y-axis 0 --> {_number(top)}", *chart_lines])


def intervals(names: Sequence[str], series: Sequence[tuple[float, float, float]], title: str) -> Markdown:
    """For each name the two ends of its interval and the value between them (lower, value, upper), beside a line at 0.

    Mermaid draws no intervals: each name takes three rows, and lines step from those of one name to those of the next.
    """
    axis = [text for i, name in enumerate(labels(names)) for text in (_blank(2 * i), name, _blank(2 * i + 1))]
    curves = [[0.0] * len(axis), *([ends[part] for ends in series for _ in range(3)] for part in (0, 2, 1))]
    low, high = min(map(min, curves)), max(map(max, curves))
    margin = 0.05 * (high - low) or 1.0
    axes = [
        f"  x-axis [{', '.join(json.dumps(text, ensure_ascii=False) for text in axis)}]",
        f'  y-axis "{clean(title, 60)}" {_number(low - margin)} --> {_number(high + margin)}',
    ]
    head = _head([MAIN, GREY, GREY, CANDIDATE], 90 + BAR * len(axis), ticks=False)
    return _block([*head, "xychart-beta horizontal", *axes, *(f"  line [{_listed(values)}]" for values in curves)])


def vertical_bars(names: Sequence[str], series: Sequence[Series], line: Sequence[float], title: str) -> Markdown:
    """Vertical bars along a time axis, the series over each other, and a line across them; values are 0 or more."""
    step = -(-len(names) // MAX_NAMES)  # there is no room for all names
    names_at = dict(zip(range(0, len(names), step), labels(names[::step]), strict=True))
    axis = [names_at.get(i, _blank(i)) for i in range(len(names))]
    top = 1.05 * max([*line, *(value for _, values in series for value in values)], default=1.0)
    bar_lines = [f"  bar [{_listed(value if value > 0 else -top for value in values)}]" for _, values in series]
    axes = [
        f"  x-axis [{', '.join(json.dumps(text, ensure_ascii=False) for text in axis)}]",
        f'  y-axis "{clean(title, 60)}" 0 --> {_number(top if top > 0 else 1.0)}',
    ]
    palette = [*(colour for colour, _ in series), GREY]
    return _block([*_head(palette, 280), "xychart-beta", *axes, *bar_lines, f"  line [{_listed(line)}]"])


def grid(low: float, high: float) -> list[float]:
    """33 to 65 evenly spaced values for `lines`: Mermaid adds up the step, so it is a power of two, which is exact."""
    step = 2.0 ** math.floor(math.log2((high - low) / 32))
    return [place * step for place in range(math.ceil(low / step), math.floor(high / step) + 1)]


def lines(x: tuple[str, Sequence[float]], y: tuple[str, float, float], series: Sequence[Series]) -> Markdown:
    """Lines over a grid; `x`: title and grid, `y`: title, lowest and highest value."""
    chart_lines = [f"  line [{_listed(values)}]" for _, values in series]
    title, places = x
    y = y if y[1] < y[2] else (y[0], y[1], y[1] + 1)
    axes = [
        f'  x-axis "{title}" {_exact(places[0])} --> {_exact(places[-1])}',
        f'  y-axis "{y[0]}" {_number(y[1])} --> {_number(y[2])}',
    ]
    return _block([*_head([colour for colour, _ in series], 420), "xychart-beta", *axes, *chart_lines])


def flow(nodes: Sequence[tuple[str, str]], edges: Iterable[tuple[int, int]], colours: dict[str, str]) -> Markdown:
    """A graph from left to right; a node is its label and the name of its colour."""
    body = [f'  n{position}["{label}"]:::{kind}' for position, (label, kind) in enumerate(nodes)]
    body += [f"  n{source} --> n{target}" for source, target in edges]
    body += [f"  classDef {kind} fill:{colour},stroke:{colour},color:#ffffff" for kind, colour in colours.items()]
    return _block(["flowchart LR", *body])


def _block(body: Iterable[str]) -> Markdown:
    return Markdown("\n".join(["```mermaid", *body, "```"]))


def _head(palette: Sequence[str], height: int, ticks: bool = True) -> list[str]:
    sides = [f"{side}Axis{part}Color" for side in "xy" for part in ("Label", "Title", "Tick", "Line")]
    return [
        "---",
        "config:",
        "  xyChart:",
        f"    width: {WIDTH}",
        f"    height: {height}",
        *([] if ticks else ["    xAxis:", "      showTick: false"]),
        "  themeVariables:",
        "    xyChart:",
        "      backgroundColor: transparent",
        f'      plotColorPalette: "{", ".join(palette)}"',
        *(f'      {name}: "{GREY}"' for name in sides),
        "---",
    ]


def _blanks(first: int, count: int) -> list[str]:
    """Labels that are invisible and differ from each other."""
    return [_blank(first + place) for place in range(count)]


def _blank(place: int) -> str:
    return "\u200b" * (place + 1)


def _listed(values: Iterable[float]) -> str:
    return ", ".join(map(_number, values))


def _number(value: float) -> str:
    """A number as Mermaid reads it: finite, no exponent."""
    value = float(value)
    if not math.isfinite(value):
        raise ValueError("not a finite number")
    return format(Decimal(f"{value:.6g}"), "f")


def _exact(value: float) -> str:
    return format(Decimal(value), "f")
