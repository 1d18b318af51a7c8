"""The comment as parts: one that can't be read becomes a note, and the least important go where space is short."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.markup.markdown import Markdown

# Errors that a file of the wrong structure causes.
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
REQUIRED = 0


@dataclass(frozen=True)
class Part:
    """A part and how soon it is left out: `REQUIRED` never, else the highest number first."""

    name: str
    text: str
    order: int = REQUIRED


def part(name: str, write: Callable[..., str | None], *arguments: Any, order: int = REQUIRED) -> Part:
    """The part with the text that `write` returns; a note where its input has the wrong structure; empty for None."""
    try:
        return Part(name, write(*arguments) or "", order)
    except UNREADABLE:
        return Part(name, f"*{name}: can't be read from this measurement.*")


def folded(title: str, *texts: str | None, opened: bool = False) -> Markdown | None:
    """Texts under a title that unfolds on a click; None without texts. The title is HTML: no text from data."""
    inner = "\n\n".join(text for text in texts if text)
    mark = "<details open>" if opened else "<details>"
    return Markdown(f"{mark}<summary><b>{title}</b></summary>\n\n{inner}\n\n</details>") if inner else None


def fit(parts: Sequence[Part], limit: int) -> str:
    """The parts in their order, without those that do not fit into `limit` characters, and a note that names these."""
    remaining, dropped = [part for part in parts if part.text], list[str]()
    while len(text := _joined(remaining, dropped)) > limit:
        part_to_drop = max(remaining, key=lambda part: (part.order, len(part.text)))
        remaining.remove(part_to_drop)
        dropped.append(part_to_drop.name)
    return text


def _joined(remaining: Sequence[Part], dropped: Sequence[str]) -> str:
    note = [f"*Left out, because the comment would be too long: {', '.join(dropped)}.*"] if dropped else []
    return "\n\n".join([*(part.text for part in remaining), *note]) + "\n"
