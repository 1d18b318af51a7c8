"""Columns of a CSV file that were read as text and look like something else, each with what to do."""

import re
from collections.abc import Iterator, Sequence

import pyarrow as pa

MAX_VALUES = 1000  # different values of a column that are looked at
COMMAS = re.compile(r"[+-]?[0-9]+(,[0-9]+)?")
CURRENCY = "[$€£¥₹%]|[A-Z]{3}"
AMOUNTS = re.compile(
    rf"({CURRENCY})?\s?[+-]?[0-9]{{1,3}}([0-9]*|([., '\u00a0\u202f][0-9]{{3}})+)([.,][0-9]+)?\s?({CURRENCY})?"
)
DATES = re.compile(r"([0-9]{1,2})([./-])([0-9]{1,2})\2[0-9]{4}")


def hints(table: pa.Table) -> Iterator[str]:
    """A line for each column of text that looks like numbers or dates in another form than the one that is read."""
    for field, column in zip(table.schema, table.columns, strict=True):
        if pa.types.is_string(field.type):
            values = [value.strip() for value in column.unique().to_pylist()[: MAX_VALUES + 1] if value is not None]
            if values and (hint := _hint(values)):
                yield f"column {field.name}: {hint}"


def _hint(values: Sequence[str]) -> str | None:
    if all(COMMAS.fullmatch(value) for value in values) and any("," in value for value in values):
        return (
            "text that looks like numbers with a decimal comma; where they are numbers, set data.csv.decimal to ',' in "
            "params.yaml"
        )
    if dates := [match for value in values if (match := DATES.fullmatch(value))]:
        return _date_hint(dates) if len(dates) == len(values) else None
    if all(AMOUNTS.fullmatch(value) for value in values) and any(not value.isdecimal() for value in values):
        return (
            "text that looks like amounts; where they are numbers, write them plainly in the source, as 1234.5 (no "
            "currency, no thousands separator)"
        )
    return None


def _date_hint(dates: Sequence["re.Match[str]"]) -> str:
    mark = dates[0][2]
    day_first, month_first = f"%d{mark}%m{mark}%Y", f"%m{mark}%d{mark}%Y"
    first, second = (max(int(match[place]) for match in dates) for place in (1, 3))
    form = (
        f"'{day_first}'" if first > 12 else f"'{month_first}'" if second > 12 else f"'{day_first}' or '{month_first}'"
    )
    return f"text that looks like dates; where they are dates, set data.csv.dates to {form} in params.yaml"
