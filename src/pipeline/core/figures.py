"""Figures for people: as many digits as say something, whatever the unit."""

import math
from typing import TypeGuard

FEW = "too few rows"  # in place of an interval
DIGITS = 4  # significant ones


def number(value: float) -> str:
    """Four significant digits, thousands apart: 0.7853, 0.0005913, 12,346."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:#.{DIGITS}g}".rstrip(".") if value else "0"


def pluralized(count: int, noun: str) -> str:
    """`1 column`, `2 columns`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def estimate(value: float | None, lower: float | None, upper: float | None) -> str:
    """A figure with its interval, as `0.7853 (0.7702 to 0.8011)`; `undefined` where there is none."""
    if not _is_known(value):
        return "undefined"
    if not (_is_known(lower) and _is_known(upper)):
        return f"{number(value)} ({FEW} for an interval)"
    return f"{number(value)} ({number(lower)} to {number(upper)})"


def changes(*values: float | None) -> tuple[str, ...]:
    """Changes that are read together, each with its sign and all with the same decimals; "" for one that is unknown.

    Four decimals, but three digits of the largest where they show too little or too much of it, and up to two more
    where the smallest would read as 0.
    """
    sizes = [math.floor(math.log10(abs(value))) for value in values if _is_known(value) and value]
    largest, smallest = (max(sizes), min(sizes)) if sizes else (0, 0)
    if largest < -6:
        return tuple(f"{value:+.3g}" if _is_known(value) else "" for value in values)
    decimals = 4 if -3 <= largest < 1 else max(0, 2 - largest)
    decimals = max(decimals, min(decimals + 2, -smallest)) if largest < 1 else decimals
    texts = (f"{value:+,.{decimals}f}" if _is_known(value) else "" for value in values)
    return tuple("0" if text and not text.strip("+-0.,") else text for text in texts)


def _is_known(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)
