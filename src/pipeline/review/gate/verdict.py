"""The verdict as data: what each rule found, and what follows from all of them."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Outcome = Literal["pass", "warn", "fail"]
Mark = Literal["pass", "note", "warn", "fail"]  # note: shown, not judged


@dataclass(frozen=True)
class Rule:
    """What one rule found: its figure with interval, the bound it was held to, and one sentence for people."""

    name: str
    verdict: Mark
    sentence: str
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    bound: float | None = None


@dataclass(frozen=True)
class Change:
    """One metric of both models on the same rows; the change is candidate minus champion, with its paired interval."""

    metric: str
    candidate: float | None
    champion: float | None = None
    change: float | None = None
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True)
class Verdict:
    """The worst of the rules, the rules, and what informs; `rows` were tested, `compared` by both models."""

    verdict: Outcome
    rows: int
    compared: int
    champion: str
    rules: tuple[Rule, ...]
    metrics: tuple[Change, ...] = ()

    def data(self) -> dict[str, Any]:
        """Plain dictionaries and lists for JSON; a figure that is undefined is null."""
        plain = _without_nan(asdict(self))
        assert isinstance(plain, dict)
        return plain


def from_data(data: dict[str, Any]) -> Verdict:
    """The verdict that `Verdict.data` wrote."""
    rules = tuple(Rule(**rule) for rule in data["rules"])
    metrics = tuple(Change(**change) for change in data["metrics"])
    return Verdict(**{**data, "rules": rules, "metrics": metrics})


def worst(rules: Iterable[Rule]) -> Outcome:
    """The worst verdict among the rules; notes count as a pass."""
    found = {rule.verdict for rule in rules}
    return "fail" if "fail" in found else "warn" if "warn" in found else "pass"


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
