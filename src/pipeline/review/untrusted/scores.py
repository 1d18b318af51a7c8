"""Scores that a pull request's run has left: bounded before they are read, checked before they are judged."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.errors import PipelineError
from pipeline.evaluation import scoring
from pipeline.evaluation.scoring import Scored

MAX_ROWS, MAX_COLUMNS, MAX_CELLS = 20_000_000, 2_000, 300_000_000
MAX_BYTES = 4_000_000_000  # of all columns, by the file's own metadata
MAX_VALUES = 1000  # of a slice column: each is judged by resampling
MAX_LENGTH = 1000  # bytes of a text
MAX_TEXT = 1_000_000_000  # bytes of a column as NumPy holds it: each text takes the length of the longest
CHUNK = 65_536
REMEDY = "run the measurement again"


def scores(path: Path) -> Scored:
    """The scored rows of a file of a measurement; PipelineError, in one line, where no model could have made them."""
    name = path.name
    try:
        _check_size(path)
        scored = scoring.read(path)
        problem = _problem(scored)
    except PipelineError as error:
        raise PipelineError(_message(error, path)) from None
    except MemoryError:
        raise PipelineError(f"{name}: does not fit into memory; {REMEDY}") from None
    except Exception as error:  # damaged bytes raise many kinds of errors in Parquet and NumPy
        raise PipelineError(f"{name}: damaged ({type(error).__name__}); {REMEDY}") from None
    if problem:
        raise PipelineError(f"{name}: {problem}; {REMEDY}")
    return scored


def check_rows(candidate: Scored, other: Scored, name: str) -> None:
    """PipelineError where `other` can't be scores of the candidate's rows."""
    facts = [(part.task, part.classes, *map(list, (part.slices, part.sensitive))) for part in (candidate, other)]
    if facts[0] != facts[1]:
        raise PipelineError(f"{name}: its task, classes or columns are not those of scores.parquet; {REMEDY}")
    if len(other) > len(candidate) or not np.isin(other.keys, candidate.keys).all():
        raise PipelineError(f"{name}: has rows that scores.parquet lacks; {REMEDY}")


def _message(error: PipelineError, path: Path) -> str:
    """The error's first line, without the folder, and with the advice that fits a measurement."""
    line = " ".join(str(error).splitlines()[0].split())[:500]
    return line.replace(f"{path}:", f"{path.name}:").replace("remove it and run `make run`", REMEDY)


def _check_size(path: Path) -> None:
    """PipelineError where a small file would become a large table, or holds texts too long for a table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        rows, columns = file.metadata.num_rows, file.metadata.num_columns
        size = sum(file.metadata.row_group(group).total_byte_size for group in range(file.metadata.num_row_groups))
        if not 0 < rows <= MAX_ROWS or columns > MAX_COLUMNS or rows * columns > MAX_CELLS or size > MAX_BYTES:
            raise PipelineError(f"{path}: {rows:,} rows and {columns:,} columns: none, or too many")
        names = file.schema_arrow.names
        if len(set(names)) != len(names):
            raise PipelineError(f"{path}: a column occurs twice")
        nested = [field.name for field in file.schema_arrow if pa.types.is_nested(field.type)]
        if nested:
            raise PipelineError(f"{path}: a column holds lists or structures")
        texts = [field.name for field in file.schema_arrow if _is_text(field.type)]
    with pq.ParquetFile(path, read_dictionary=texts) as file:  # long texts that repeat are held once
        for batch in file.iter_batches(CHUNK, columns=texts) if texts else ():
            if (longest := max(map(_longest_text, batch.columns))) > MAX_LENGTH or longest * rows > MAX_TEXT:
                raise PipelineError(f"{path}: a text of {longest:,} characters is too long for {rows:,} rows")


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return any(is_kind(kind) for is_kind in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary))


def _longest_text(column: Any) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc

    values = column.dictionary if pa.types.is_dictionary(column.type) else column
    return int(pc.max(pc.binary_length(values)).as_py() or 0)


def _problem(scored: Scored) -> str | None:
    """Why these scores can't be judged, beyond the checks of `scoring.read`; None where they can."""
    if not all(isinstance(name, str) for name in scored.classes):
        return "a class is not text"
    if scored.task == "multiclass" and not 2 <= len(scored.classes) <= MAX_VALUES:
        return f"it has {len(scored.classes)} classes"
    threshold = scored.threshold
    if threshold is not None and (type(threshold) not in (int, float) or not math.isfinite(threshold)):
        return "its threshold is not a number"
    if type(scored.quantile) not in (int, float) or not 0 < scored.quantile < 1:
        return "its quantile is not between 0 and 1"
    if type(scored.bins) is not int or not 2 <= scored.bins <= 1000:
        return "its number of bins is not between 2 and 1,000"
    if len(np.unique(scored.keys)) != len(scored):
        return "a key occurs twice"
    for table in (scored.slices, scored.sensitive):
        if any(table.iloc[:, index].nunique() > MAX_VALUES for index in range(table.shape[1])):
            return f"a slice or sensitive column has more than {MAX_VALUES:,} values"
    return None
