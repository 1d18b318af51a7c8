"""What a fit returned, or a look-up table holds: JSON that can't be changed, with a look-up by column."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class Table(Mapping[str, Any]):
    """A JSON object. Objects in it are tables too, lists are tuples."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._content = {key: frozen(value) for key, value in content.items()}
        self._is_number = all(isinstance(value, int | float) for value in content.values())
        self._by_number: dict[float, Any] | None = None

    def __getitem__(self, key: object) -> Any:
        return self._content[key_text(key)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)

    def lookup(self, values: Array, default: Any = None) -> Array:
        """The entry of each value, (rows,): float64 with NaN where all entries are numbers, else objects with None.

        `default` stands where there is no entry. Values are text, numbers or booleans; a number's key is its text.
        """
        entries: Mapping[Any, Any] = self._content if values.dtype == object else self._numbers()
        if self._is_number:
            missing = np.nan if default is None else default
            return np.array([entries.get(value, missing) for value in values.tolist()], dtype=np.float64)
        result = np.empty(len(values), dtype=object)
        result[:] = [entries.get(value, default) for value in values.tolist()]
        return result

    def _numbers(self) -> dict[float, Any]:
        if self._by_number is None:
            texts = {"true": 1.0, "false": 0.0}
            self._by_number = {}
            for key, value in self._content.items():
                try:
                    self._by_number[texts[key] if key in texts else float(key)] = value
                except ValueError:
                    continue
        return self._by_number


def frozen(value: Any) -> Any:
    """JSON in a form that can't be changed."""
    if isinstance(value, Mapping):
        return Table(value)
    return tuple(map(frozen, value)) if isinstance(value, list | tuple) else value


def key_text(key: object) -> str:
    """The text of a key in JSON: 1, 1.0 and "1" are "1", true is "true"."""
    if isinstance(key, bool | np.bool_):
        return "true" if key else "false"
    if isinstance(key, float | np.floating):
        return str(int(key)) if float(key).is_integer() else repr(float(key))
    return str(key)
