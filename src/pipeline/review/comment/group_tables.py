"""Slices and fairness, worst first."""

from collections.abc import Mapping
from typing import Any

from pipeline.core.tasks import label
from pipeline.markup.markdown import Markdown, cut, interval, number, table
from pipeline.review.comment.facts import Facts, finite
from pipeline.review.comment.few_rows import enough_in_slice
from pipeline.review.comment.rules import ICONS, distance, figure_of, interval_of, rule_table
from pipeline.review.gate.verdict import Rule

MAX_ROWS = 20
ORDER = {"fail": 0, "warn": 1, "pass": 2, "note": 3}


def slices(facts: Facts) -> str | None:
    """The primary metric for each slice: this pull request's figure, the change against main, the verdict."""
    rules = [rule for rule in facts.verdict.rules if rule.kind == "slice"]
    measured = facts.bundle.json("slices.json") or []
    if not rules:
        return _figures(measured, facts)
    rules.sort(key=lambda rule: (ORDER[rule.verdict], -distance(rule)))
    head = ["", "slice", "rows", f"{label(facts.primary or '')}, main", "this PR", "better by", "interval"]
    rows = table(head, [_slice(rule) for rule in rules[:MAX_ROWS]], "llrrrrr")
    return f"**Slices**, worst first\n\n{rows}{more(len(rules))}"


def _slice(rule: Rule) -> tuple[Any, ...]:
    return (
        Markdown(ICONS[rule.verdict]),
        f"{cut(rule.subject.column)}={cut(rule.subject.value)}",
        rule.rows,
        number(finite(rule.champion)),
        number(finite(rule.candidate)),
        figure_of(rule),
        interval_of(rule),
    )


def _figures(measured: Any, facts: Facts) -> str | None:
    """Slices by their own figures, lowest first, where there is no change to show."""
    items = [(item, *_metric(item["metrics"], facts.primary)) for item in measured]
    items = [(item, name, figure) for item, name, figure in items if finite(figure.get("value")) is not None]
    if not items:
        return None
    items.sort(key=lambda entry: float(entry[2]["value"]))
    rows = [
        (
            f"{cut(item['column'])}={cut(item['value'])}",
            int(item["rows"]),
            *_estimate(figure, enough_in_slice(name, item)),
        )
        for item, name, figure in items[:MAX_ROWS]
    ]
    return (
        f"**Slices**, lowest first\n\n{table(['slice', 'rows', 'figure', 'interval'], rows, 'lrrr')}{more(len(items))}"
    )


def _metric(metrics: Mapping[str, Any], primary: str | None) -> tuple[str, Mapping[str, Any]]:
    """The primary metric of a slice, else its first one: name and figure."""
    name = primary if primary and metrics.get(primary) else next(iter(metrics), "")
    figure = metrics.get(name)
    return name, figure if isinstance(figure, Mapping) else {}


def _estimate(figure: Mapping[str, Any], enough: bool = True) -> tuple[Markdown, Markdown]:
    ends = {end: finite(figure.get(end)) for end in ("lower", "upper")}
    return number(finite(figure.get("value"))), interval(ends, enough)


def fairness(facts: Facts) -> str | None:
    """The figures of each sensitive column beside main's and, where they are judged, against their bounds."""
    rules = [rule for rule in facts.verdict.rules if rule.kind == "fairness"]
    if not rules:
        return None
    rules.sort(key=lambda rule: (ORDER[rule.verdict], -distance(rule)))
    order = ", worst first" if any(rule.verdict != "note" for rule in rules) else ""
    return f"**Fairness**{order}\n\n{rule_table(rules[:MAX_ROWS], facts)}{more(len(rules))}"


def more(count: int, shown: int = MAX_ROWS) -> str:
    return f"\n\n*and {count - shown:,} more*" if count > shown else ""
