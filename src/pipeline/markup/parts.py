"""The comment as parts that can be left out: hostile ones become a note, and folded ones go where space is short."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.markup.markdown import Markdown

# What a file of the wrong shape raises.
UNREADABLE = (
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    IndexError,
    ArithmeticError,
    RecursionError,
    PipelineError,
)
MUST = 0


@dataclass(frozen=True)
class Part:
    """A part and how soon it is left out: `MUST` never, else the highest number first."""

    name: str
    text: str
    order: int = MUST


def part(name: str, write: Callable[..., str | None], *arguments: Any, order: int = MUST) -> Part:
    """The part that `write` gives; a note in its place where what it reads has the wrong shape; empty for None."""
    try:
        return Part(name, write(*arguments) or "", order)
    except UNREADABLE:
        return Part(name, f"*{name}: can't be read from this measurement.*")


def folded(title: str, *texts: str | None, opened: bool = False) -> Markdown | None:
    """Texts under a title that opens by a click; None where there is none. The title is HTML, so no text from data."""
    inner = "\n\n".join(text for text in texts if text)
    mark = "<details open>" if opened else "<details>"
    return Markdown(f"{mark}<summary><b>{title}</b></summary>\n\n{inner}\n\n</details>") if inner else None


def fit(parts: Sequence[Part], limit: int) -> str:
    """The parts in their order, without those that must go for `limit` characters, and a note that names them."""
    kept, gone = [part for part in parts if part.text], list[str]()
    while len(text := _joined(kept, gone)) > limit:
        last = max(kept, key=lambda part: (part.order, len(part.text)))
        kept.remove(last)
        gone.append(last.name)
    return text


def _joined(kept: Sequence[Part], gone: Sequence[str]) -> str:
    note = [f"*Left out, for the comment would be too long: {', '.join(gone)}.*"] if gone else []
    return "\n\n".join([*(part.text for part in kept), *note]) + "\n"
