"""The gate's rules in words and figures."""

from collections.abc import Sequence
from typing import Any

from pipeline.markup.markdown import TOO_FEW, Markdown, cut, escape, interval, number, table
from pipeline.review.comment.facts import Facts, finite
from pipeline.review.comment.few_rows import enough_for
from pipeline.review.gate.verdict import Kind, Rule

ICONS = {"pass": "✅", "note": "▫️", "warn": "⚠️", "fail": "❌"}
SENTENCE = 260  # characters
# Which of two failures comes first; kinds that are not named come last.
PRECEDENCE: tuple[tuple[Kind, ...], ...] = (
    ("stages",),
    ("judge",),
    ("regression", "reference_regression"),
    ("floor",),
    ("model_tests",),
    ("data_contract", "data_drift"),
    ("slice",),
    ("fairness",),
)


def worst_first(rules: Sequence[Rule]) -> list[Rule]:
    """The rules that fail or warn, failures first, then by kind, then by how far beyond the bound."""

    def rank(rule: Rule) -> tuple[bool, int, float]:
        index = next((index for index, kinds in enumerate(PRECEDENCE) if rule.kind in kinds), len(PRECEDENCE))
        return rule.verdict != "fail", index, -distance(rule)

    return sorted((rule for rule in rules if rule.verdict in ("fail", "warn")), key=rank)


def distance(rule: Rule) -> float:
    """How far beyond its bound the figure lies; negative within the bound, lowest where that is unknown."""
    value, bound = finite(rule.value), finite(rule.bound)
    if value is None or bound is None:
        return -float("inf") if value is None or not rule.is_gain else -value
    return bound - value if rule.at_least else value - bound


def figure_of(rule: Rule) -> Markdown:
    return signed_change(rule.value) if rule.is_gain else number(finite(rule.value))


def interval_of(rule: Rule, facts: Facts) -> Markdown:
    if not enough_for(rule, facts) and rule.lower is not None:
        return no_wrap(TOO_FEW)
    ends = finite(rule.lower), finite(rule.upper)
    return change_interval(*ends) if rule.is_gain else no_wrap(interval({"lower": ends[0], "upper": ends[1]}))


def no_wrap(text: str) -> Markdown:
    """Text that stays on one line in a table."""
    return Markdown(text.replace(" ", "\u00a0"))


def signed_change(value: float | None) -> Markdown:
    """A change with its sign."""
    change = finite(value)
    if change is None:
        return Markdown("–")
    text = f"{change:+.4f}" if abs(change) < 100 else f"{change:+,.0f}"
    return Markdown("0" if float(text.replace(",", "")) == 0 else text.replace("-", "−"))


def change_interval(lower: Any, upper: Any) -> Markdown:
    """An interval of a change."""
    if finite(lower) is None or finite(upper) is None:
        return Markdown("–")
    return no_wrap(f"{signed_change(lower)} to {signed_change(upper)}")


def rule_table(rules: Sequence[Rule], facts: Facts) -> Markdown:
    """A table of rules with sentence, figure, interval and bound."""
    rows = [
        (
            Markdown(ICONS[rule.verdict]),
            Markdown(f"{escape(rule.title)}<br><sub>{escape(cut(rule.sentence, SENTENCE))}</sub>"),
            figure_of(rule),
            interval_of(rule, facts),
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
    return no_wrap(f"{sign} {bound:g}".replace("-", "−"))
