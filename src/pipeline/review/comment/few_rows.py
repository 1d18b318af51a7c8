"""Whether figures of the comment rest on rows enough for an interval."""

from typing import Any

from pipeline.core.tasks import has_interval
from pipeline.markup.parts import UNREADABLE
from pipeline.review.comment.facts import Facts, finite
from pipeline.review.gate.verdict import Rule


def enough_for(rule: Rule, facts: Facts) -> bool:
    """Of a rule's figure. Fairness has intervals of its own, which hold in small groups too."""
    metric = rule.subject.metric
    if metric is None or rule.kind == "fairness":
        return True
    if rule.kind != "slice":
        return enough_in_all(metric, facts.verdict.compared if rule.is_gain else facts.verdict.rows, facts)
    return enough_in_slice(metric, facts.slices.get((rule.subject.column, rule.subject.value)))


def enough_in_all(metric: str, rows: float, facts: Facts) -> bool:
    """Of a metric of that many test rows."""
    return has_interval(metric, rows, facts.rarer)


def enough_in_slice(metric: str, item: Any) -> bool:
    """Of a metric of a slice as slices.json has it; where that says nothing, nothing is known against it."""
    try:
        rows, share = item["rows"], finite(item["metrics"].get("positive_rate", {}).get("value"))
        return has_interval(metric, rows, None if share is None else round(rows * min(share, 1 - share)))
    except UNREADABLE:
        return True
