"""Stage: training, validation and test rows, by a hash of key or group (no row changes sides) or by time."""

from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd

from pipeline.core import costs, files, params, parquet
from pipeline.core.errors import PipelineError
from pipeline.data.contract import schema
from pipeline.data.values import keys
from pipeline.train import split_report
from pipeline.train.split_report import SIDES

Sides = np.ndarray[tuple[int], np.dtype[np.str_]]


@click.command(short_help="Stage: training, validation and test rows.")
@click.option("--table", "table_path", type=click.Path(path_type=Path), required=True, help="The raw table.")
@click.option("--schema", "schema_path", type=click.Path(path_type=Path), required=True, help="The data contract.")
@click.option("--train", "train_path", type=click.Path(path_type=Path), required=True, help="Training rows to write.")
@click.option(
    "--validation", "validation_path", type=click.Path(path_type=Path), required=True, help="Validation rows."
)
@click.option("--test", "test_path", type=click.Path(path_type=Path), required=True, help="Test rows to write.")
@click.option("--report", "report_path", type=click.Path(path_type=Path), required=True, help="What each side holds.")
def command(
    table_path: Path, schema_path: Path, train_path: Path, validation_path: Path, test_path: Path, report_path: Path
) -> None:
    """Give the raw table its types and divide its rows."""
    data, split = params.section(params.Data), params.section(params.Split)
    with costs.measured("split") as cost:
        table = schema.typed(parquet.read(table_path), schema.read(schema_path))
        side = sides(table, data.key, split)
        for name, path in zip(SIDES, (train_path, validation_path, test_path), strict=True):
            parquet.write(path, table[side == name])
        report = report_on(table, side, data, split)
        files.write_json(report_path, report)
        cost["rows"] = len(table)
    for line in summary(report, data, split):
        click.echo(f"split: {line}")


def report_on(table: pd.DataFrame, side: Sides, data: params.Data, split: params.Split) -> dict[str, Any]:
    """The split report: the time column, the sides, and what test and training rows share in a split by hash."""
    task, exclude = params.section(params.TaskSection), params.section(params.Features).exclude
    shared = [] if split.time else split_report.shared(table, side, data, task, exclude)
    return {"time": split.time, "sides": split_report.describe(table, side, split.time), "shared": shared}


def summary(report: dict[str, Any], data: params.Data, split: params.Split) -> list[str]:
    """The sides in one line, and a warning for each column that they share."""
    counts = {name: f"{side['rows']:,}" for name, side in report["sides"].items()}
    hashed = split.group or data.key or "the whole row"
    method = f"by {split.time}, the newest last" if split.time else f"by a hash of {hashed}"
    sizes = f"{counts['train']} rows to train on, {counts['validation']} to validate, {counts['test']} to test"
    return [f"{sizes}, {method}", *(f"warning: {item['sentence']}" for item in report["shared"])]


def sides(frame: pd.DataFrame, key: str | None, split: params.Split) -> Sides:
    """The side of each row of a typed table: 'train', 'validation' or 'test'; (rows,).

    By hash, equal groups or keys (without either: equal rows) share a side, whatever other rows there are. By time,
    the newest rows are the test, those before them validation, and rows of one time share a side, so shares are
    approximate.
    PipelineError where a column is missing, a key or a time is missing, or a side gets no row.
    """
    side = sides_among(frame, frame, key, split)
    for name in SIDES:
        if not (side == name).any():
            raise PipelineError(
                f"split: no row falls to {name}: {len(frame):,} rows are too few for these shares (split.test "
                f"{split.test:g}, split.validation {split.validation:g}); add rows or change the shares"
            )
    return side


def sides_among(rows: pd.DataFrame, table: pd.DataFrame, key: str | None, split: params.Split) -> Sides:
    """The side of each of some rows of a table, (rows,). By hash the rest of the table does not matter.

    PipelineError where a column, a key or a time is missing.
    """
    if split.time is None:
        named = (split.group, "split.group") if split.group else (key, "data.key")
        fraction = keys.fractions(rows, named[0], split.seed, named[1])
        test, validation = fraction < split.test, fraction < split.test + split.validation
    else:
        validation_from, test_from = boundaries(_times(table, split.time), split)
        times = _times(rows, split.time)
        test, validation = (times >= test_from).to_numpy(), (times >= validation_from).to_numpy()
    return np.where(test, "test", np.where(validation, "validation", "train"))


def boundaries(times: "pd.Series[Any]", split: params.Split) -> tuple[Any, Any]:
    """The first time of validation and the first time of the test, chosen so that the shares come out closest.

    PipelineError where there are fewer than three different times.
    """
    values, counts = np.unique(times.to_numpy(), return_counts=True)
    if len(values) < 3:
        raise PipelineError(
            f"split.time: {times.name} has {len(values)} different values; a split by time needs at least three: "
            "choose another column, or null for a split by hash"
        )
    newer = counts[::-1].cumsum()[::-1] / counts.sum()  # share of the rows from each time on
    test_index = 2 + int(np.abs(newer[2:] - split.test).argmin())
    validation_index = 1 + int(np.abs(newer[1:test_index] - split.test - split.validation).argmin())
    return values[validation_index], values[test_index]


def _times(frame: pd.DataFrame, name: str) -> "pd.Series[Any]":
    column = keys.complete_column(frame, name, "split.time")
    if not (pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_numeric_dtype(column)):
        raise PipelineError(f"split.time: {name} is text; declare it as type date in data/schema.yaml")
    return column
