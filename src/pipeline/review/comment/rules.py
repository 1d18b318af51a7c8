"""The gate's rules in words and figures."""

from collections.abc import Sequence
from typing import Any

from pipeline.markup.markdown import TOO_FEW, Markdown, cut, escape, interval, number, table
from pipeline.review.comment.facts import Facts, finite
from pipeline.review.comment.few_rows import enough_for
from pipeline.review.gate.verdict import Kind, Rule

ICONS = {"pass": "✅", "note": "▫️", "warn": "⚠️", "fail": "❌"}
SENTENCE = 260  # characters
# Which of two failures leads; kinds that are not named come last.
LEADING: tuple[tuple[Kind, ...], ...] = (
    ("stages",),
    ("judge",),
    ("regression", "reference_regression"),
    ("floor",),
    ("model_tests",),
    ("data_contract", "data_drift"),
    ("slice",),
    ("fairness",),
)


def by_weight(rules: Sequence[Rule]) -> list[Rule]:
    """The rules that fail or warn, failures first, then by what they are about, then by how far from the bound."""

    def weight(rule: Rule) -> tuple[bool, int, float]:
        place = next((place for place, kinds in enumerate(LEADING) if rule.kind in kinds), len(LEADING))
        return rule.verdict != "fail", place, -distance(rule)

    return sorted((rule for rule in rules if rule.verdict in ("fail", "warn")), key=weight)


def distance(rule: Rule) -> float:
    """How far beyond its bound the figure lies; negative where it keeps it, lowest where that is unknown."""
    value, bound = finite(rule.value), finite(rule.bound)
    if value is None or bound is None:
        return -float("inf") if value is None or not rule.is_gain else -value
    return bound - value if rule.at_least else value - bound


def signed(rule: Rule) -> Markdown:
    return change_of(rule.value) if rule.is_gain else number(finite(rule.value))


def between_of(rule: Rule, facts: Facts) -> Markdown:
    if not enough_for(rule, facts) and rule.lower is not None:
        return unbroken(TOO_FEW)
    ends = finite(rule.lower), finite(rule.upper)
    return between(*ends) if rule.is_gain else unbroken(interval({"lower": ends[0], "upper": ends[1]}))


def unbroken(text: str) -> Markdown:
    """Text that stays on one line in a table."""
    return Markdown(text.replace(" ", "\u00a0"))


def change_of(value: float | None) -> Markdown:
    """A change with its sign."""
    found = finite(value)
    if found is None:
        return Markdown("–")
    text = f"{found:+.4f}" if abs(found) < 100 else f"{found:+,.0f}"
    return Markdown("0" if float(text.replace(",", "")) == 0 else text.replace("-", "−"))


def between(lower: Any, upper: Any) -> Markdown:
    """An interval of a change."""
    if finite(lower) is None or finite(upper) is None:
        return Markdown("–")
    return unbroken(f"{change_of(lower)} to {change_of(upper)}")


def rule_rows(rules: Sequence[Rule], facts: Facts) -> Markdown:
    """Rules with figure, interval, bound and what they say."""
    rows = [
        (
            Markdown(ICONS[rule.verdict]),
            Markdown(f"{escape(rule.title)}<br><sub>{escape(cut(rule.sentence, SENTENCE))}</sub>"),
            signed(rule),
            between_of(rule, facts),
            _bound(rule),
        )
        for rule in rules
    ]
    return table(["", "rule", "figure", f"{facts.confidence} interval", "bound"], rows, "llrrr")


def _bound(rule: Rule) -> Markdown:
    bound = finite(rule.bound)
    if bound is None:
        return Markdown("–")
    sign = "≥" if rule.at_least else "≤"
    return unbroken(f"{sign} {bound:g}".replace("-", "−"))
