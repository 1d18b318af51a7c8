"""Tables between the stages: Parquet files, replaced in one step, with errors that say what to do."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.core import files
from pipeline.core.errors import PipelineError

WHOLE = (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())
NULLABLE: dict[pa.DataType, Any] = {
    kind: pd.Int64Dtype() if pa.types.is_signed_integer(kind) else pd.UInt64Dtype() for kind in WHOLE
}
NULLABLE[pa.bool_()] = pd.BooleanDtype()


def write(path: Path, table: pd.DataFrame) -> None:
    """Write a table as Parquet; equal tables are equal bytes."""
    with files.replacing(path) as temporary:
        table.to_parquet(temporary, index=False)


def read(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """A table that a stage wrote (Parquet); PipelineError where it is missing or damaged."""
    try:
        return to_pandas(pq.ParquetFile(path).read(columns))
    except FileNotFoundError:
        raise PipelineError(f"{path}: no such file; `make run` makes it") from None
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise PipelineError(f"{path}: damaged ({reason}); remove it and run `make run`") from None


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """The table with every value as it is: pyarrow itself makes floats of whole numbers where some are missing.

    Whole numbers and truth values with gaps become pandas' nullable types, dates become datetime64.
    """
    frame: pd.DataFrame = table.to_pandas(date_as_object=False)
    for position, field in enumerate(table.schema):
        if field.type in NULLABLE and table.column(position).null_count and field.name in frame.columns:
            values = table.column(position).to_pandas(types_mapper=NULLABLE.get)
            frame[field.name] = values.array
    return frame
