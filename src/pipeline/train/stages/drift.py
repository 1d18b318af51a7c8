"""Stage, and a command for any two tables: how far one has drifted from the other."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import pandas as pd

from pipeline.core import costs, files, params, parquet
from pipeline.core.errors import PipelineError
from pipeline.data.source import readers
from pipeline.data.values.calendar import calendar_columns
from pipeline.drift.compare import Kind, compare, kinds, render
from pipeline.train.stages import feature_drift


@click.command(short_help="Compare any two tables for drift, as JSON and HTML.")
@click.option(
    "--reference", "reference_path", type=click.Path(path_type=Path), required=True, help="Table to compare with."
)
@click.option("--current", "current_path", type=click.Path(path_type=Path), required=True, help="Table to compare.")
@click.option(
    "--signature", "signature_path", type=click.Path(path_type=Path), help="Compare this model's columns alone."
)
@click.option(
    "--features", "folder", type=click.Path(path_type=Path), help="The model's feature code: shown, not judged."
)
@click.option("--folds", "folds_path", type=click.Path(path_type=Path), help="The states of its folds.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), required=True, help="Result for machines.")
@click.option("--html", "html_path", type=click.Path(path_type=Path), help="Evidently's report for people (10 s more).")
def command(
    reference_path: Path,
    current_path: Path,
    signature_path: Path | None,
    folder: Path | None,
    folds_path: Path | None,
    json_path: Path,
    html_path: Path | None,
) -> None:
    """Compare two tables (Parquet or CSV) column by column with Evidently's tests.

    With --features the reference must be the training rows.
    """
    drift = params.section(params.Drift)
    with costs.measured("drift") as cost:
        columns, time = _of_signature(signature_path) if signature_path else (None, None)
        needed = None if columns is None else [*columns, *([time] if time else [])]
        reference, current = _read(reference_path, needed), _read(current_path, needed)
        columns = columns if columns is not None else kinds(current) | kinds(reference)
        calendar = {} if drift.calendar else calendar_columns(reference, time)
        left_out = {name: f"is the {part} of {time}, which drifts by construction" for name, part in calendar.items()}
        result = compare(reference, current, columns, drift, left_out)
        if signature_path and folder and folds_path:
            result |= feature_drift.compare(signature_path, (folder, folds_path), (reference_path, current_path), drift)
        files.write_json(json_path, result)
        cost["rows"] = len(reference) + len(current)
    for line in _summary(result):
        click.echo(line)
    if html_path:
        undrawn = render(html_path, reference, current, columns, drift)
        for name, reason in undrawn.items():
            click.echo(f"drift: not in the report: {name}: {reason}")
        click.echo(f"drift: report in {html_path}")


def _of_signature(path: Path) -> tuple[dict[str, Kind], str | None]:
    """The model's columns, and the date column that split them."""
    from pipeline.models import signature

    model = signature.read(path)
    return {**model.kinds}, model.split.time


def _read(path: Path, columns: Sequence[str] | None) -> pd.DataFrame:
    """The table at `path`, Parquet or CSV; where `columns` are given, those of them that it has."""
    if not path.is_file():
        raise PipelineError(f"{path}: no such file; give a Parquet or CSV table")
    if path.suffix == ".csv":
        table = readers.read(path, str(path), path.suffix, params.section(params.Data))
        names = [name for name in table.column_names if columns is None or name in columns]
        return parquet.to_pandas(table.select(names))
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = pq.read_schema(path).names
    except pa.ArrowInvalid:
        raise PipelineError(f"{path}: not a Parquet table, or cut off; give a Parquet or CSV table") from None
    return parquet.read(path, None if columns is None else [name for name in names if name in columns])


def _summary(result: Mapping[str, Any]) -> list[str]:
    rows, columns = result["rows"], result["columns"]
    names = [column["column"] for column in columns if column["drifted"]]
    verdict = "drifted" if result["drifted"] else "no drift"
    lines = [
        f"drift: {rows['reference']:,} reference rows, {rows['current']:,} current rows: {verdict}, "
        f"{len(names)} of {len(columns)} columns drifted (bound {result['bound']:.0%})"
    ]
    lines += [f"drift: drifted: {', '.join(names)}"] if names else []
    lines += [f"drift: not compared: {item['column']}: {item['reason']}" for item in result["skipped"]]
    if features := result.get("features"):
        names = [column["column"] for column in features["columns"] if column["drifted"]]
        which = f": {', '.join(names)}" if names else ""
        lines.append(
            f"drift: features in code, shown and not judged: {len(names)} of {len(features['columns'])} drifted{which}"
        )
    return lines
