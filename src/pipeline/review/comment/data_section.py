"""What the pull request does to the data: raw rows, columns, categories, and drift of the training data."""

from pipeline.core.figures import pluralized
from pipeline.markup.markdown import Markdown, cut, escape, number, table
from pipeline.review.comment.facts import Facts, finite
from pipeline.review.comment.group_tables import more
from pipeline.review.measure.measurement import DataChange

MAX_ROWS = 20


def line(data: DataChange | None) -> str:
    """Rows, columns and categories that differ, in one line."""
    if data is None:
        return "not compared with main’s"
    counts = [f"{sign}{count:,}" for sign, count in (("+", data.added), ("−", data.removed)) if count]
    parts = [f"{' '.join(counts)} rows"] if counts else []
    parts += [f"{pluralized(data.changed, 'row')} changed"] if data.changed else []
    parts += [f"{pluralized(len(data.columns), 'column')} added, removed or retyped"] if data.columns else []
    parts += [f"other categories in {pluralized(len(data.categories), 'column')}"] if data.categories else []
    if not parts:
        return f"the same {data.rows_here:,} rows"
    return f"{', '.join(parts)} ({data.rows_main:,} → {data.rows_here:,})"


def tables(facts: Facts) -> str | None:
    """Rows, columns and categories against main's raw data."""
    data = facts.bundle.measurement.data
    if data is None:
        return None
    rows = table(
        ["", "main", "this PR", "added", "removed", "changed"],
        [("rows", data.rows_main, data.rows_here, data.added, data.removed, data.changed)],
        "lrrrrr",
    )
    return "\n\n".join(text for text in ("**Data**, raw", rows, _columns(data), _categories(data)) if text)


def _columns(data: DataChange) -> str | None:
    rows = [(column.name, column.main or "–", column.here or "gone") for column in data.columns[:MAX_ROWS]]
    return f"{table(['column', 'type in main', 'here'], rows)}{more(len(data.columns), MAX_ROWS)}" if rows else None


def _categories(data: DataChange) -> str | None:
    rows = [
        (item.column, _values(item.added, item.added_count), _values(item.removed, item.removed_count))
        for item in data.categories[:MAX_ROWS]
    ]
    return (
        f"{table(['column', 'new categories', 'gone'], rows)}{more(len(data.categories), MAX_ROWS)}" if rows else None
    )


def _values(names: list[str], count: int) -> Markdown:
    listed = ", ".join(escape(cut(name, 30)) for name in names[:6])
    return Markdown((listed + (f" and {count - 6:,} more" if count > 6 and listed else "")) or "–")


def drift(facts: Facts) -> str | None:
    """Columns of the training data that drifted from main's, those furthest beyond their bound first."""
    report = facts.bundle.json("drift_main.json")
    if report is None:
        return None
    columns = [column for column in report["columns"] if column["drifted"]]
    if not report["columns"]:
        return "**Training data against main’s:** no column differs."
    summary = f"**Training data against main’s:** {len(columns):,} of {len(report['columns']):,} columns drifted."
    rows = [
        (
            cut(column["column"]),
            cut(column["test"]),
            number(finite(column["score"])),
            number(finite(column["threshold"])),
        )
        for column in columns[:MAX_ROWS]
    ]
    skipped = f" {len(report.get('skipped', [])):,} could not be compared." if report.get("skipped") else ""
    rows_table = (
        f"\n\n{table(['column', 'test', 'score', 'bound'], rows, 'llrr')}{more(len(columns), MAX_ROWS)}" if rows else ""
    )
    return f"{summary}{skipped}{rows_table}"
