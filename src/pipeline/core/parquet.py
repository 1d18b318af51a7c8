"""Tables between the stages: Parquet files, replaced in one step, with errors that say what to do."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from pipeline.core import files
from pipeline.core.errors import PipelineError


def write(path: Path, table: pd.DataFrame) -> None:
    """Write a table as Parquet; equal tables are equal bytes."""
    with files.replacing(path) as temporary:
        table.to_parquet(temporary, index=False)


def read(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """A table that a stage wrote (Parquet); PipelineError where it is missing or damaged."""
    try:
        options: dict[str, Any] = {"date_as_object": False}
        return pd.read_parquet(path, engine="pyarrow", columns=columns, to_pandas_kwargs=options)
    except FileNotFoundError:
        raise PipelineError(f"{path}: no such file; `make run` makes it") from None
    except pa.ArrowInvalid as error:
        raise PipelineError(f"{path}: damaged ({str(error).splitlines()[0]}); remove it and run `make run`") from None
