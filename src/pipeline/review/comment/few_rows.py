"""Whether recorded figures rest on enough rows for an interval: older runs recorded one of any rows."""

from typing import Any

from pipeline.core.tasks import has_interval
from pipeline.markup.parts import UNREADABLE
from pipeline.review.comment.facts import Facts, finite


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
