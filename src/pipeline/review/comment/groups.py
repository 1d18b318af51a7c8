"""Slices and fairness, worst first."""

from collections.abc import Mapping
from typing import Any

from pipeline.core.tasks import label
from pipeline.markup.markdown import Markdown, cut, interval, number, table
from pipeline.review.comment.facts import Facts, finite
from pipeline.review.comment.rules import ICONS, between, change_of, distance, rule_rows
from pipeline.review.gate.verdict import Rule

SHOWN = 20
ORDER = {"fail": 0, "warn": 1, "pass": 2, "note": 3}


def slices(facts: Facts) -> str | None:
    """The primary metric for each slice: this pull request's figure, the change against main, the verdict."""
    rules = [rule for rule in facts.verdict.rules if rule.kind == "slice"]
    measured = facts.bundle.json("slices.json") or []
    metric = facts.primary or ""
    own = {(item["column"], item["value"]): item for item in measured}
    if not rules:
        return _figures(measured, facts)
    rules.sort(key=lambda rule: (ORDER[rule.verdict], -distance(rule)))
    rows = [_slice(rule, own.get((rule.subject.column, rule.subject.value)), metric) for rule in rules[:SHOWN]]
    head = ["", "slice", "rows", f"{label(metric)} here", "better by", "interval"]
    return f"**Slices**, worst first\n\n{table(head, rows, 'llrrrr')}{more(len(rules))}"


def _slice(rule: Rule, item: Any, metric: str) -> tuple[Any, ...]:
    figures = item["metrics"].get(metric, {}) if isinstance(item, dict) else {}
    return (
        Markdown(ICONS[rule.verdict]),
        f"{cut(rule.subject.column)}={cut(rule.subject.value)}",
        int(item["rows"]) if isinstance(item, dict) else None,
        number(finite(figures.get("value"))),
        change_of(rule.value),
        between(rule.lower, rule.upper),
    )


def _figures(measured: Any, facts: Facts) -> str | None:
    """Slices by their own figures, lowest first, where there is no change to show."""
    pairs = [(item, _metric(item["metrics"], facts.primary)) for item in measured]
    found = [(item, figure) for item, figure in pairs if finite(figure.get("value")) is not None]
    if not found:
        return None
    found.sort(key=lambda pair: float(pair[1]["value"]))
    rows = [
        (f"{cut(item['column'])}={cut(item['value'])}", int(item["rows"]), *_estimate(figure))
        for item, figure in found[:SHOWN]
    ]
    return (
        f"**Slices**, lowest first\n\n{table(['slice', 'rows', 'figure', 'interval'], rows, 'lrrr')}{more(len(found))}"
    )


def _metric(metrics: Mapping[str, Any], primary: str | None) -> Mapping[str, Any]:
    found: Any = metrics.get(primary or "") or next(iter(metrics.values()), None)
    return found if isinstance(found, Mapping) else {}


def _estimate(figure: Mapping[str, Any]) -> tuple[Markdown, Markdown]:
    ends = {end: finite(figure.get(end)) for end in ("lower", "upper")}
    return number(finite(figure.get("value"))), interval(ends)


def fairness(facts: Facts) -> str | None:
    """The judged figures of each sensitive column against their bounds; without bounds, the figures alone."""
    rules = [rule for rule in facts.verdict.rules if rule.kind == "fairness"]
    if rules:
        rules.sort(key=lambda rule: (ORDER[rule.verdict], -distance(rule)))
        shown = rule_rows(rules[:SHOWN], facts.confidence)
        return f"**Fairness**, worst first\n\n{shown}{more(len(rules))}"
    columns = facts.bundle.json("fairness.json") or {}
    rows = [
        (cut(column), label(cut(name)), *_estimate(figure))
        for column, figures in columns.items()
        for name, figure in figures.items()
        if isinstance(figure, Mapping)
    ]
    head = ["column", "figure", "value", "interval"]
    return f"**Fairness**, shown, not judged\n\n{table(head, rows[:SHOWN], 'llrr')}{more(len(rows))}" if rows else None


def more(count: int, shown: int = SHOWN) -> str:
    return f"\n\n*and {count - shown:,} more*" if count > shown else ""
