"""One setting of the repository: what it is, what it should be, and how to write that."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any


@dataclass(frozen=True)
class Setting:
    """A setting that GitHub has as `current` (None: not at all) and that should be `wanted`; `write` makes it so."""

    name: str
    current: Any
    wanted: Any
    write: Callable[[], object]

    @property
    def difference(self) -> str:
        """What writing it would change, as a diff of JSON; empty where nothing would."""
        before = [] if self.current is None else _lines(comparable(self.current, self.wanted))
        labels = (f"{self.name} (GitHub)", f"{self.name} (wanted)")
        return "\n".join(unified_diff(before, _lines(self.wanted), *labels, lineterm=""))


def comparable(current: Any, wanted: Any) -> Any:
    """The current value without what GitHub adds to each object, in the order of the wanted one.

    Items that only the current list has are kept: writing the wanted one removes them.
    """
    if isinstance(current, dict) and isinstance(wanted, dict):
        return {key: comparable(current[key], value) for key, value in wanted.items() if key in current}
    if isinstance(current, list) and isinstance(wanted, list):
        rest, ordered = list(current), []
        for item in wanted:
            match = next((other for other in rest if _identity(other) == _identity(item)), None)
            if match is not None:
                rest.remove(match)
                ordered.append(comparable(match, item))
        return ordered + rest
    return current


def _identity(item: Any) -> Any:
    """What tells one item of a list from another: a rule's type, a check's context, an actor; else itself."""
    if not isinstance(item, dict):
        return item
    return next((item[name] for name in ("type", "context", "actor_id") if name in item), item)


def _lines(value: Any) -> list[str]:
    return json.dumps(value, indent=2, ensure_ascii=False).splitlines()
