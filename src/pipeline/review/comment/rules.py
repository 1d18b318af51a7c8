"""The gate's rules in words and figures."""

from collections.abc import Sequence
from typing import Any

from pipeline.core.tasks import higher_is_better
from pipeline.markup.markdown import Markdown, escape, interval, number, table
from pipeline.review.comment.facts import PRIMARY, cut, finite
from pipeline.review.gate.verdict import Rule
from pipeline.train.card.tables import label

ICONS = {"pass": "✅", "note": "▫️", "warn": "⚠️", "fail": "❌"}
SENTENCE = 260  # characters
# Which of two failures leads.
FIRST = ("stages", "judge", PRIMARY, "floor ", "model tests", "data ", "slice ", "fairness ")


def by_weight(rules: Sequence[Rule]) -> list[Rule]:
    """The rules that fail or warn, failures first, then by what they are about, then by how far from the bound."""

    def weight(rule: Rule) -> tuple[bool, int, float]:
        kind = next((place for place, name in enumerate(FIRST) if rule.name.startswith(name)), len(FIRST))
        return rule.verdict != "fail", kind, -distance(rule)

    return sorted((rule for rule in rules if rule.verdict in ("fail", "warn")), key=weight)


def distance(rule: Rule) -> float:
    """How far beyond its bound the figure lies; negative where it keeps it, lowest where that is unknown."""
    value, bound = finite(rule.value), finite(rule.bound)
    if value is None or bound is None:
        return -float("inf") if value is None or not is_change(rule) else -value
    return bound - value if at_least(rule) else value - bound


def rises(rule: Rule) -> bool:
    """Whether the metric of a rule is one where more is better, so that its gain is its change."""
    metric = rule.name.removeprefix(PRIMARY).partition(" since ")[0]
    try:
        return higher_is_better(metric)
    except StopIteration:
        return True


def at_least(rule: Rule) -> bool:
    """Whether the bound is the lowest figure that passes."""
    if rule.name.startswith("floor "):
        try:
            return higher_is_better(rule.name.removeprefix("floor "))
        except StopIteration:
            return True
    return is_change(rule) or rule.name.endswith("disparate_impact")


def is_change(rule: Rule) -> bool:
    return rule.name.startswith((PRIMARY, "slice "))


def title_of(rule: Rule) -> str:
    """The rule's name for people."""
    kind, _, rest = rule.name.partition(" ")
    if rule.name.startswith(PRIMARY):
        metric, _, since = rule.name.removeprefix(PRIMARY).partition(" since ")
        return f"{label(cut(metric))} since {cut(since)}" if since else f"{label(cut(metric))} against main"
    if kind == "floor":
        return f"Floor of {label(cut(rest))}"
    if kind == "fairness":
        column, _, figure = rest.rpartition(": ")
        return f"Fairness of {cut(column)}: {label(figure).lower()}" if column else f"Fairness of {cut(rest)}"
    return "This pull request" if kind == "judge" else cut(rule.name[:1].upper() + rule.name[1:])


def signed(rule: Rule) -> Markdown:
    return change_of(rule.value) if is_change(rule) else number(finite(rule.value))


def between_of(rule: Rule) -> Markdown:
    ends = finite(rule.lower), finite(rule.upper)
    return between(*ends) if is_change(rule) else unbroken(interval({"lower": ends[0], "upper": ends[1]}))


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


def rule_rows(rules: Sequence[Rule], confidence: str) -> Markdown:
    """Rules with figure, interval, bound and what they say."""
    rows = [
        (
            Markdown(ICONS[rule.verdict]),
            Markdown(f"{escape(title_of(rule))}<br><sub>{escape(cut(rule.sentence, SENTENCE))}</sub>"),
            signed(rule),
            between_of(rule),
            _bound(rule),
        )
        for rule in rules
    ]
    return table(["", "rule", "figure", f"{confidence} interval", "bound"], rows, "llrrr")


def _bound(rule: Rule) -> Markdown:
    bound = finite(rule.bound)
    if bound is None:
        return Markdown("–")
    sign = "≥" if at_least(rule) else "≤"
    return unbroken(f"{sign} {bound:g}".replace("-", "−"))
