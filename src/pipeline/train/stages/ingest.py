"""Stage: the files that `data/source.json` names, each checked against its hash, into one raw Parquet table."""

from collections.abc import Sequence
from pathlib import Path

import click
import pyarrow as pa

from pipeline.core import costs, files, params
from pipeline.core.errors import PipelineError, listed
from pipeline.data.contract import schema
from pipeline.data.source import csv_hints, sources
from pipeline.data.source import table as tables


@click.command(short_help="Stage: the source into one raw table.")
@click.option("--source", "source_path", type=click.Path(path_type=Path), required=True, help="The data's fingerprint.")
@click.option("--schema", "schema_path", type=click.Path(path_type=Path), required=True, help="The data contract.")
@click.option("--table", "table_path", type=click.Path(path_type=Path), required=True, help="The raw table to write.")
def command(source_path: Path, schema_path: Path, table_path: Path) -> None:
    """Read the files of the data source into one table; what the contract has as text is read as text."""
    data = params.section(params.Data)
    with costs.measured("ingest") as cost:
        source = sources.read(source_path)
        if source.source != data.source:
            raise PipelineError(
                f"{source_path}: was made from {source.source}, data.source in params.yaml is {data.source}; "
                "run `pipeline fetch`"
            )
        if (source.added.folder if source.added else None) != data.added:
            raise PipelineError(f"{source_path}: was made with another data.added; run `pipeline fetch`")
        table, dropped = tables.read(source, data, schema.text_columns(schema.read(schema_path)))
        write(table_path, table)
        cost["rows"] = table.num_rows
    repeated = f", {dropped:,} repeats of a key dropped" if dropped else ""
    click.echo(f"ingest: {table.num_rows:,} rows, {table.num_columns} columns{repeated}")
    if any(sources.extension(file.path).startswith(".csv") for file in source.files):
        click.echo(f"ingest: {read_as_missing(table, data.missing)}")
        for hint in csv_hints.hints(table):
            click.echo(f"ingest: warning: {hint}")


def read_as_missing(table: pa.Table, named: Sequence[str]) -> str:
    """How many fields of a table from CSV are missing, by column, and what was read so."""
    counts = {name: column.null_count for name, column in zip(table.column_names, table.columns, strict=True)}
    columns = [f"{name} {count:,}" for name, count in counts.items() if count]
    meant = f"empty fields and {', '.join(named)} (data.missing)" if named else "empty fields"
    total = f"{sum(counts.values()):,} in all: {listed(columns)}" if columns else "there are none"
    return f"read as missing are {meant}; {total}"


def write(path: Path, table: pa.Table) -> None:
    """Write the table as Parquet; equal tables are equal bytes."""
    import pyarrow.parquet as pq

    with files.replacing(path) as temporary:
        pq.write_table(table, temporary)
