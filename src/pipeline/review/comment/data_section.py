"""What the pull request does to the data: raw rows, columns, categories, and drift of the training data."""

from pipeline.markup.markdown import Markdown, cut, escape, number, table
from pipeline.review.comment.facts import Facts, counted, finite
from pipeline.review.comment.groups import more
from pipeline.review.measure.measurement import DataChange

SHOWN = 20


def line(data: DataChange | None) -> str:
    """Rows, columns and categories that differ, in one line."""
    if data is None:
        return "not compared with main’s"
    counts = [f"{sign}{count:,}" for sign, count in (("+", data.added), ("−", data.removed)) if count]
    told = [f"{' '.join(counts)} rows"] if counts else []
    told += [f"{counted(data.changed, 'row')} changed"] if data.changed else []
    told += [f"{counted(len(data.columns), 'column')} added, removed or retyped"] if data.columns else []
    told += [f"other categories in {counted(len(data.categories), 'column')}"] if data.categories else []
    return (
        f"{', '.join(told)} ({data.rows_main:,} → {data.rows_here:,})" if told else f"the same {data.rows_here:,} rows"
    )


def tables(facts: Facts) -> str | None:
    """Rows, columns and categories against main's raw data."""
    found = facts.bundle.measurement.data
    if found is None:
        return None
    rows = table(
        ["", "main", "this PR", "added", "removed", "changed"],
        [("rows", found.rows_main, found.rows_here, found.added, found.removed, found.changed)],
        "lrrrrr",
    )
    return "\n\n".join(text for text in ("**Data**, raw", rows, _columns(found), _categories(found)) if text)


def _columns(data: DataChange) -> str | None:
    rows = [(column.name, column.main or "–", column.here or "gone") for column in data.columns[:SHOWN]]
    return f"{table(['column', 'type in main', 'here'], rows)}{more(len(data.columns), SHOWN)}" if rows else None


def _categories(data: DataChange) -> str | None:
    rows = [
        (item.column, _values(item.added, item.added_count), _values(item.removed, item.removed_count))
        for item in data.categories[:SHOWN]
    ]
    return f"{table(['column', 'new categories', 'gone'], rows)}{more(len(data.categories), SHOWN)}" if rows else None


def _values(names: list[str], count: int) -> Markdown:
    shown = ", ".join(escape(cut(name, 30)) for name in names[:6])
    return Markdown((shown + (f" and {count - 6:,} more" if count > 6 and shown else "")) or "–")


def drift(facts: Facts) -> str | None:
    """Columns of the training data that drifted from main's, those furthest beyond their bound first."""
    found = facts.bundle.json("drift_main.json")
    if found is None:
        return None
    columns = [column for column in found["columns"] if column["drifted"]]
    if not found["columns"]:
        return "**Training data against main’s:** no column differs."
    told = f"**Training data against main’s:** {len(columns):,} of {len(found['columns']):,} columns drifted."
    rows = [
        (
            cut(column["column"]),
            cut(column["test"]),
            number(finite(column["score"])),
            number(finite(column["threshold"])),
        )
        for column in columns[:SHOWN]
    ]
    skipped = f" {len(found.get('skipped', [])):,} could not be compared." if found.get("skipped") else ""
    shown = (
        f"\n\n{table(['column', 'test', 'score', 'bound'], rows, 'llrr')}{more(len(columns), SHOWN)}" if rows else ""
    )
    return f"{told}{skipped}{shown}"
