"""The gate's rules in words and figures."""

from collections.abc import Sequence
from typing import Any

from pipeline.core import figures
from pipeline.markup.markdown import TOO_FEW, Markdown, cut, escape, interval, number, table
from pipeline.review.comment.facts import Facts, finite
from pipeline.review.gate.verdict import Kind, Rule

ICONS = {"pass": "✅", "note": "▫️", "warn": "⚠️", "fail": "❌"}
SENTENCE = 260  # characters
# Which of two failures comes first; kinds that are not named come last.
PRECEDENCE: tuple[tuple[Kind, ...], ...] = (
    ("stages",),
    ("first_model",),
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
    return change(rule.value, rule.lower, rule.upper)[0] if rule.is_gain else number(finite(rule.value))


def interval_of(rule: Rule) -> Markdown:
    """The rule's interval; a note where its rows are too few for one, – where it has a figure that needs none."""
    if rule.lower is not None and finite(rule.value) is not None and finite(rule.lower) is None:
        return no_wrap(TOO_FEW)
    if rule.is_gain:
        return change(rule.value, rule.lower, rule.upper)[1]
    return no_wrap(interval({"lower": finite(rule.lower), "upper": finite(rule.upper)}))


def no_wrap(text: str) -> Markdown:
    """Text that stays on one line in a table."""
    return Markdown(text.replace(" ", "\u00a0"))


def change(value: Any, lower: Any, upper: Any) -> tuple[Markdown, Markdown]:
    """A change with its sign, and its interval, both with the same decimals; – where one is unknown."""
    texts = [text.replace("-", "−") for text in figures.changes(finite(value), finite(lower), finite(upper))]
    between = f"{texts[1]} to {texts[2]}" if texts[1] and texts[2] else "–"
    return Markdown(texts[0] or "–"), no_wrap(between)


def rule_table(rules: Sequence[Rule], facts: Facts) -> Markdown:
    """A table of rules with sentence, main's figure on the same rows, figure, interval and bound."""
    rows = [
        (
            Markdown(ICONS[rule.verdict]),
            Markdown(f"{escape(rule.title)}<br><sub>{escape(cut(rule.sentence, SENTENCE))}</sub>"),
            Markdown("–") if rule.is_gain else number(finite(rule.champion)),
            figure_of(rule),
            interval_of(rule),
            _bound(rule),
        )
        for rule in rules
    ]
    return table(["", "rule", "main", "figure", f"{facts.confidence} interval", "bound"], rows, "llrrrr")


def _bound(rule: Rule) -> Markdown:
    bound = finite(rule.bound)
    if bound is None:
        return Markdown("–")
    sign = "≥" if rule.at_least else "≤"
    return no_wrap(f"{sign} {bound:g}".replace("-", "−"))
