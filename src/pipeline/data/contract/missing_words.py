"""Words that other programs write where a value is missing. Here they are values, unless data.missing names them."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

WORDS = ("NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "None", "none", "-", ".", "?")


def found(values: "pd.Series[Any]") -> list[str]:
    """Those of the words that a column holds as text."""
    if not isinstance(values.dtype, pd.StringDtype):
        return []
    held = set(values[values.isin(WORDS)].unique())
    return [word for word in WORDS if word in held]


def hint(column: str, words: Iterable[str]) -> str:
    """What to do where they mean that a value is missing."""
    texts = ", ".join(f'"{word}"' for word in words)
    return (
        f"column {column}: {texts} is a value like any other; where it means missing in a CSV file: "
        f"data.missing: [{texts}] in params.yaml"
    )
