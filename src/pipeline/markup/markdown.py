"""GitHub Markdown from unchecked text: column names, categories, parameters."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.core import figures

BREAK = "&#8203;"  # a zero-width space: GitHub recognizes mentions, references and links in the rendered text
SPECIAL = re.compile(r"[\\`*_\[\]|~]|:(?=\S)")
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;"}
MAX_CELL = 80  # characters of a table's cell


class Markdown(str):
    """Text that is Markdown already: `escape` leaves it alone."""

    __slots__ = ()


TOO_FEW = Markdown(figures.FEW)  # in place of an interval


def escape(value: Any) -> Markdown:
    """Markdown that renders as exactly this text, on one line: no markup, HTML, mention, reference, link or formula."""
    if isinstance(value, Markdown):
        return value
    text = "".join(" " if unicodedata.category(char) in INVISIBLE else char for char in str(value))
    text = re.sub(r"[&<>$]", lambda match: ENTITIES[match[0]], " ".join(text.split()))
    text = SPECIAL.sub(lambda match: f"\\{match[0]}", text)
    text = re.sub(r"(?<!&)#(?=\w)", f"#{BREAK}", text)
    text = re.sub(r"@(?=\S)", f"@{BREAK}", text)
    text = re.sub(r"\b(www|GH)(?=[.-])", rf"\1{BREAK}", text, flags=re.IGNORECASE)
    return Markdown(re.sub(r"^(\d*)(?=[-+=#.\)])", r"\1\\", text) if LIST_MARK.match(text) else text)


# Controls, formats (bidi overrides, zero-width characters), surrogates and line separators.
INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
LIST_MARK = re.compile(r"[-+=#]|\d+[.)]")  # at the start of a line: a list, a heading


def code(value: Any) -> Markdown:
    """Text in a fixed-width font; valid in a table, too."""
    return Markdown(f"<code>{escape(value)}</code>")


def fenced(text: str, language: str) -> Markdown:
    """A block of code, shown as it is and copied as it is; a fence within the text does not end it."""
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", text))])
    return Markdown(f"{fence}{language}\n{text}\n{fence}")


def bold(value: Any) -> Markdown:
    return Markdown(f"<b>{escape(value)}</b>")


def table(header: Sequence[Any], rows: Iterable[Sequence[Any]], align: str = "") -> Markdown:
    """A table; cells are escaped (and cut to 80 characters) unless they are `Markdown`. `align`: l or r by column."""
    marks = ["---:" if mark == "r" else "---" for mark in align.ljust(len(header), "l")]
    lines = [[_cell(cell) for cell in header], marks, *([_cell(cell) for cell in row] for row in rows)]
    return Markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))


def _cell(value: Any) -> str:
    if isinstance(value, Markdown):
        return value
    if value is None or isinstance(value, int | float):
        return number(value)
    return escape(cut(value))


def cut(value: Any, length: int = MAX_CELL) -> str:
    """The value as text of at most `length` characters."""
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= length else f"{text[: length - 1]}…"


def number(value: float | bool | None) -> Markdown:
    """A figure for people, as `figures.number` writes it; – for none."""
    if value is None or value != value:
        return Markdown("–")
    if isinstance(value, bool):
        return Markdown("yes" if value else "no")
    return Markdown(f"{value:,}" if isinstance(value, int) else figures.number(value))


def interval(estimate: Any, enough: bool = True) -> Markdown:
    """`0.7801 to 0.7902` of {"lower", "upper"}; – where there is none, and a note where there are too few rows."""
    lower, upper = estimate.get("lower"), estimate.get("upper")
    if not enough:
        return TOO_FEW
    return Markdown("–" if lower is None or upper is None else f"{number(lower)} to {number(upper)}")
