"""Stage: training, validation and test rows, by a hash of the key (a row never changes sides) or by time."""

from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd

from pipeline import costs, params, parquet
from pipeline.data import conversion, schema
from pipeline.errors import PipelineError

SIDES = ("train", "validation", "test")
CHUNK = 500_000  # rows hashed at a time: text takes much memory

Fractions = np.ndarray[tuple[int], np.dtype[np.float64]]
Hashes = np.ndarray[tuple[int], np.dtype[np.uint64]]
Sides = np.ndarray[tuple[int], np.dtype[np.str_]]


@click.command(short_help="Stage: training, validation and test rows.")
@click.option("--table", "table_path", type=click.Path(path_type=Path), required=True, help="The raw table.")
@click.option("--schema", "schema_path", type=click.Path(path_type=Path), required=True, help="The data contract.")
@click.option("--train", "train_path", type=click.Path(path_type=Path), required=True, help="Training rows to write.")
@click.option(
    "--validation", "validation_path", type=click.Path(path_type=Path), required=True, help="Validation rows."
)
@click.option("--test", "test_path", type=click.Path(path_type=Path), required=True, help="Test rows to write.")
def command(table_path: Path, schema_path: Path, train_path: Path, validation_path: Path, test_path: Path) -> None:
    """Give the raw table its types and divide its rows."""
    data, split = params.section(params.Data), params.section(params.Split)
    with costs.measured("split") as cost:
        table = schema.typed(parquet.read(table_path), schema.read(schema_path))
        side = sides(table, data.key, split)
        counts = {}
        for name, path in zip(SIDES, (train_path, validation_path, test_path), strict=True):
            chosen = side == name
            counts[name] = int(chosen.sum())
            parquet.write(path, table[chosen])
        cost["rows"] = len(table)
    how = f"by {split.time}, the newest last" if split.time else f"by a hash of {data.key or 'the whole row'}"
    sizes = f"{counts['train']:,} rows to train on, {counts['validation']:,} to validate, {counts['test']:,} to test"
    click.echo(f"split: {sizes}, {how}")


def sides(frame: pd.DataFrame, key: str | None, split: params.Split) -> Sides:
    """The side of each row of a typed table: 'train', 'validation' or 'test'; (rows,).

    By hash, equal keys (without a key: equal rows) share a side, whatever other rows there are. By time, the newest
    rows are the test, those before them validation, and rows of one time share a side, so shares are approximate.
    PipelineError where a column is missing, a key or a time is missing, or a side gets no row.
    """
    if split.time is None:
        fraction = fractions(frame, key, split.seed)
        test, validation = fraction < split.test, fraction < split.test + split.validation
    else:
        times = _column(frame, split.time, "split.time")
        validation_from, test_from = boundaries(times, split)
        test, validation = (times >= test_from).to_numpy(), (times >= validation_from).to_numpy()
    side: Sides = np.where(test, "test", np.where(validation, "validation", "train"))
    for name in SIDES:
        if not (side == name).any():
            raise PipelineError(
                f"split: no row falls to {name}: {len(frame):,} rows are too few for these shares (split.test "
                f"{split.test:g}, split.validation {split.validation:g}); add rows or change the shares"
            )
    return side


def fractions(frame: pd.DataFrame, key: str | None, seed: int) -> Fractions:
    """A number from [0, 1) for each row, (rows,), that hangs on the seed and the row's key (its content without one).

    SipHash of the key's text, so that a key counts the same whether it is stored as 7, 7.0 or "7".
    """
    if key is None:
        texts = pd.Series(_contents(frame)).astype("str")
    else:
        texts = conversion.labels(_column(frame, key, "data.key"))
    # The 53 high bits: as many as a float holds, so that none is rounded up to 1.
    high = _hashed(texts, f"{seed:016d}") >> np.uint64(11)
    return high.astype(np.float64) * 2.0**-53


def boundaries(times: "pd.Series[Any]", split: params.Split) -> tuple[Any, Any]:
    """The first time of validation and the first time of the test, chosen so that the shares come out closest.

    PipelineError where there are fewer than three different times.
    """
    found, counts = np.unique(times.to_numpy(), return_counts=True)
    if len(found) < 3:
        raise PipelineError(
            f"split.time: {times.name} has {len(found)} different values; a split by time needs at least three"
        )
    newer = counts[::-1].cumsum()[::-1] / counts.sum()  # share of the rows from each time on
    test_at = 2 + int(np.abs(newer[2:] - split.test).argmin())
    validation_at = 1 + int(np.abs(newer[1:test_at] - split.test - split.validation).argmin())
    return found[validation_at], found[test_at]


def _column(frame: pd.DataFrame, name: str, knob: str) -> "pd.Series[Any]":
    if name not in frame.columns:
        raise PipelineError(f"{knob}: {name} is no column; columns: {', '.join(map(str, frame.columns))}")
    column = frame[name]
    if column.isna().any():
        rows = ", ".join(f"{row + 1:,}" for row in np.flatnonzero(column.isna())[:10])
        raise PipelineError(
            f"{knob}: {name} is missing in {int(column.isna().sum()):,} rows ({rows}); fill or remove them there"
        )
    if knob == "split.time" and not (
        pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_numeric_dtype(column)
    ):
        raise PipelineError(f"split.time: {name} is text; declare it as type date in data/schema.yaml")
    return column


def _hashed(texts: "pd.Series[Any]", hash_key: str) -> Hashes:
    parts = [
        pd.util.hash_array(texts.iloc[at : at + CHUNK].to_numpy(dtype=object), hash_key=hash_key, categorize=False)
        for at in range(0, len(texts), CHUNK)
    ]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64)


def _contents(frame: pd.DataFrame) -> Hashes:
    """A hash of each row's content: columns by name, numbers as floats, so that neither order nor storage counts."""
    content = np.zeros(len(frame), dtype=np.uint64)
    for name in sorted(map(str, frame.columns)):
        column = frame[name]
        if pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
            numbers = column.to_numpy(dtype=np.float64, na_value=np.nan) + 0.0  # -0.0 becomes 0.0
            hashes = pd.util.hash_array(np.where(np.isnan(numbers), np.nan, numbers))
        elif pd.api.types.is_datetime64_any_dtype(column):
            hashes = pd.util.hash_array(column.to_numpy(dtype="datetime64[us]").view(np.int64))
        else:
            hashes = _hashed(conversion.labels(column).fillna("\0missing"), "content of a row")
        content = content * np.uint64(1_000_003) ^ hashes
    return content
