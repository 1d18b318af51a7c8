"""How a data contract is inferred from a table, and written for people to correct."""

import sys
from pathlib import Path
from typing import Any

import click
import pandas as pd
from pandas.api import types

from pipeline.core import files, params, parquet
from pipeline.core.errors import PipelineError, listed
from pipeline.data.contract import missing_words, revision, schema, widening
from pipeline.data.contract.schema import PATH, ContractColumn, Schema
from pipeline.data.source import csv_hints
from pipeline.data.values import calendar
from pipeline.data.values.column_types import Type
from pipeline.data.values.conversion import convert

HEADER = """\
# The data contract: what each column of the data holds. `pipeline validate` refuses data that breaks it, and lists
# every break. It was inferred once by `pipeline schema`; from now on you own it: correct it, tighten it, commit it.
#
# type      integer, number, boolean, category, text or date (text in a CSV file is read as this type; dates: ISO 8601).
#           Codes that stand for something (1 = married) are best declared as category, with their values in quotes.
# nullable  whether values may be missing.
# unique    true: no value may occur twice (the key).
# allowed   the values that may occur; any other is a violation. Leave it out where new ones are no mistake.
# min, max  the range, both ends included. Only `min: 0` is inferred, where no value is negative: the extremes of one
#           sample are no law. Set what must hold for any data, such as an age from 18 to 120.
#
# retired: [name, ...], beside `columns`: former features, which the service accepts and ignores until no client sends
# them any more (docs/how-to/drop-a-feature.md).
"""


@click.command(short_help="Infer the data contract from the data.")
@click.option("--update", is_flag=True, help="Add new columns and drop those that are gone; keep every other line.")
@click.option("--force", is_flag=True, help="Replace the whole contract that is there.")
@click.option("--schema", "path", type=click.Path(path_type=Path), default=PATH, help="The contract to write.")
def command(update: bool, force: bool, path: Path) -> None:
    """Infer the data contract from the files that data/source.json names, for people to read and correct.

    Where there is one, show how it differs from the data, and ask before anything is written.
    """
    from pipeline.data.source import sources
    from pipeline.data.source import table as tables

    knobs, source = params.read(), sources.read(sources.FINGERPRINT)
    table, _ = tables.read(source, knobs.data)
    frame = parquet.to_pandas(table)
    inferred = infer(frame, knobs.data.key)
    text = document(inferred) if not path.exists() else _revised(path, inferred, update, force)
    if text is not None:
        files.write_text(path, text)
        click.echo(f"schema: {len(inferred.columns)} columns in {path}; read it, correct it, commit it")
    for name in inferred.columns:
        if words := missing_words.found(frame[name]):
            click.echo(f"schema: {missing_words.hint(name, words)}")
    roles = (knobs.data.key, knobs.task.target, knobs.split.time)
    contract = schema.read(path)
    for line in widening.unlogged(contract, knobs.features.exclude, knobs.serve.log.omit, roles):
        click.echo(f"schema: {line}")
    if (time := knobs.split.time) and time in inferred.columns:
        moved = calendar.calendar_columns(frame.assign(**{time: convert(frame[time], "date")[0]}), time)
        if moved:
            click.echo(f"schema: {calendar.sentence(moved, time)}")
    if any(sources.extension(file.path).startswith(".csv") for file in source.files):
        for hint in csv_hints.hints(table):
            click.echo(f"schema: {hint}")


def _revised(path: Path, inferred: Schema, update: bool, force: bool) -> str | None:
    """The text that replaces the contract at `path`; None where it is to stay.

    Shows what changes, and asks where no option says it. PipelineError where there is nobody to ask.
    """
    try:
        changes = revision.changes(schema.read(path), inferred)
    except PipelineError as error:
        if not force:
            raise PipelineError(f"{error}; correct it, or `pipeline schema --force` replaces it") from None
        return document(inferred)
    for line in changes.lines(replaced=force):
        click.echo(line)
    if force:
        question = f"Replace {path}? What people wrote in it is lost"
        return document(inferred) if not _can_ask() or click.confirm(question) else None
    if not changes.columns:
        click.echo(f"schema: {path} stays as it is: it has the columns of the data")
        return None
    if not update and not _can_ask():
        raise PipelineError(
            f"{path}: lacks columns of the data, or has others (see above); `pipeline schema --update` changes these "
            "lines alone, --force replaces the whole file"
        )
    if update or click.confirm(f"Make these changes in {path}? Every other line stays"):
        if unlisted := [name for name in changes.gone if name not in changes.retired]:
            click.echo(f"schema: where clients still send {listed(unlisted)}: docs/how-to/drop-a-feature.md")
        return revision.updated(path.read_text(encoding="utf-8"), changes)
    return None


def _can_ask() -> bool:
    return sys.stdin.isatty()


def infer(table: pd.DataFrame, key: str | None) -> Schema:
    """The contract that describes a table."""
    return Schema(columns={str(name): column(table[name], name == key) for name in table.columns})


def column(values: "pd.Series[Any]", is_key: bool) -> ContractColumn:
    """The contract of a column: its narrowest type, whether values are missing, listed values, a lower bound of 0.

    Text is a category where its values occur at least twice on average; up to 50 values are listed.
    Whole numbers are listed where they are 0 and 1 alone. Only the key is unique.
    """
    kind, nullable = _kind(values), bool(values.isna().any())
    converted, _ = convert(values.dropna(), kind)
    if is_key:
        inexact = kind == "number" and not types.is_float_dtype(values)  # a float would make some of them one
        return ContractColumn(type="text" if kind == "category" or inexact else kind, nullable=False, unique=True)
    allowed: tuple[Any, ...] | None = None
    if kind == "category" and converted.nunique() <= schema.MAX_LISTED:
        allowed = tuple(sorted(converted.unique().tolist()))
    if kind == "integer" and set(converted.unique().tolist()) == {0, 1}:
        allowed = (0, 1)
    not_negative = kind in ("integer", "number") and allowed is None and len(converted) > 0 and converted.min() >= 0
    return ContractColumn(type=kind, nullable=nullable, allowed=allowed, min=0 if not_negative else None)


def document(inferred: Schema) -> str:
    """The contract as YAML, one line a column, under a header that explains it."""
    import io

    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap

    columns = CommentedMap({name: revision.line(contract) for name, contract in inferred.columns.items()})
    yaml, text = YAML(), io.StringIO()
    yaml.width = 10_000
    yaml.dump({"columns": columns}, text)
    return HEADER + text.getvalue()


def _kind(values: "pd.Series[Any]") -> Type:
    present = values.dropna()
    if present.empty:
        return "number"  # unknown: no value says otherwise
    if types.is_bool_dtype(present):
        return "boolean"
    if types.is_integer_dtype(present):
        return _kind_of_long(present) if convert(present, "integer")[1].any() else "integer"
    if types.is_float_dtype(present):  # pandas writes whole numbers with gaps as fractions
        return "number" if len(present) == len(values) or convert(present, "integer")[1].any() else "integer"
    if types.is_datetime64_any_dtype(present):
        return "date"
    by_name = {"boolean": "boolean", "integer": "integer", "decimal": "integer", "date": "date", "datetime": "date"}
    if present.dtype == object and (kind := by_name.get(types.infer_dtype(present))):
        beyond = kind == "integer" and convert(present, "integer")[1].any()
        return _kind_of_long(present) if beyond else kind  # type: ignore[return-value]  # the values are types
    return _kind_of_text(present)


def _kind_of_long(present: "pd.Series[Any]") -> Type:
    """The type of whole numbers of more than 63 bits: where they repeat they are codes, and as floats several would be
    one."""
    return "category" if present.nunique() * 2 <= len(present) else "number"


def _kind_of_text(present: "pd.Series[Any]") -> Type:
    text = present.astype("str")
    if bool(text.str.match(r"\d{4}-\d{2}-\d{2}").all()) and not convert(text, "date")[1].any():
        return "date"
    return "category" if text.nunique() * 2 <= len(text) else "text"
