"""What the rows are for: how many are on each side of the split, its period, the new ones, and what ships."""

from collections.abc import Mapping
from typing import Any

from pipeline.markup.markdown import code, cut, escape
from pipeline.review.comment.facts import Facts

ROLES = {"train": "train", "validation": "validate", "test": "test"}


def line(facts: Facts) -> str | None:
    """The sides in one line, where time decides them or rows are new; None where there is nothing to say."""
    report = facts.bundle.json("split.json")
    if report is None or not (report["time"] or report.get("new")):
        return None
    by = f" by {code(cut(report['time'], 60))}" if report["time"] else ""
    sides = " · ".join(_side(name, report) for name in ROLES)
    return f"{sides}{by}{_shipped(facts)}"


def _side(name: str, report: Mapping[str, Any]) -> str:
    side, new = report["sides"][name], report.get("new", {}).get(name)
    period = f"{escape(cut(side['first'], 30))} to {escape(cut(side['last'], 30))}" if "first" in side else ""
    added = f"+{int(new):,} new" if new is not None else ""
    details = ", ".join(filter(None, [added, period]))
    return f"{int(side['rows']):,} {ROLES[name]}" + (f" ({details})" if details else "")


def _shipped(facts: Facts) -> str:
    """What the model that ships has learned, where it was fitted again."""
    learned = (facts.bundle.json("signature.json") or {}).get("refitted")
    if not learned:
        return ""
    return f". The model that ships learned all {int(learned['count']):,}: the verdict is on the procedure"
