"""Whether the figures of the comment rest on enough rows for an interval."""

from typing import Any

from pipeline.core.tasks import has_interval
from pipeline.markup.parts import UNREADABLE
from pipeline.review.comment.facts import Facts, finite
from pipeline.review.gate.verdict import Rule


def enough_for(rule: Rule, facts: Facts) -> bool:
    """Whether a rule's figure has enough rows. Fairness has intervals of its own, which hold in small groups too."""
    metric = rule.subject.metric
    if metric is None or rule.kind == "fairness":
        return True
    if rule.kind != "slice":
        return enough_in_all(metric, facts.verdict.compared if rule.is_gain else facts.verdict.rows, facts)
    return enough_in_slice(metric, facts.slices.get((rule.subject.column, rule.subject.value)))


def enough_in_all(metric: str, rows: float, facts: Facts) -> bool:
    """Whether a metric has enough rows with this many test rows."""
    return has_interval(metric, rows, facts.rarer_class_rows)


def enough_in_slice(metric: str, item: Any) -> bool:
    """Whether a metric of a slice has enough rows, by its entry in slices.json; True where that does not say."""
    try:
        rows, share = item["rows"], finite(item["metrics"].get("positive_rate", {}).get("value"))
        return has_interval(metric, rows, None if share is None else round(rows * min(share, 1 - share)))
    except UNREADABLE:
        return True
