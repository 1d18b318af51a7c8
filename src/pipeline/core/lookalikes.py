"""Texts that look the same and are different: composed and decomposed letters, odd spaces, invisible characters."""

import difflib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from pipeline.core.errors import listed

# Zero-width space, word joiner, byte order mark, soft hyphen.
INVISIBLE = dict.fromkeys(map(ord, "\u200b\u2060\ufeff\u00ad"))


def appearance(text: str) -> str:
    """The text that stands for all that look like this one: composed (NFC), with single plain spaces."""
    if text.isascii() and "  " not in text and text.isprintable() and text == text.strip():
        return text
    return " ".join(unicodedata.normalize("NFC", text).translate(INVISIBLE).split())


def groups(texts: Iterable[str]) -> list[list[str]]:
    """Texts that look the same, each group sorted; a text that looks like no other is in none."""
    by_look = defaultdict[str, set[str]](set)
    for text in texts:
        by_look[appearance(text)].add(text)
    return [sorted(same) for same in by_look.values() if len(same) > 1]


def twin(name: str, names: Iterable[str]) -> str | None:
    """Of the names the one that looks like this one and is another; None where there is none."""
    return next((other for other in names if other != name and appearance(other) == appearance(name)), None)


def suggestion(name: str, names: Iterable[str], kind: str = "columns") -> str:
    """What to say of a name that is none of these: the nearest one, but none that only looks like what was written."""
    candidates = [*names]
    if (same := twin(name, candidates)) is not None:
        return f"one that looks the same is written {same!a} (this one is {name!a}): copy it"
    close = difflib.get_close_matches(name, candidates, n=1)
    return f"did you mean {close[0]}?" if close else f"{kind}: {listed(candidates)}"
