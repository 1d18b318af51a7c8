"""Scores that a pull request's run has left: bounded before they are read, checked before they are judged."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.errors import PipelineError
from pipeline.evaluation import scoring
from pipeline.evaluation.scoring import Scored

MOST_ROWS, MOST_COLUMNS, MOST_CELLS = 20_000_000, 2_000, 300_000_000
MOST_BYTES = 4_000_000_000  # of all columns, as they say it themselves
MOST_VALUES = 1000  # of a slice column: each is judged by resampling
LONGEST = 1000  # bytes of a text
MOST_TEXT = 1_000_000_000  # bytes of a column, were all its texts as long as the longest: so NumPy holds them
CHUNK = 65_536
AGAIN = "run the measurement again"


def scores(path: Path) -> Scored:
    """The scored rows of a file of a measurement; PipelineError, in one line, where nothing could have scored them."""
    name = path.name
    try:
        _bounded(path)
        scored = scoring.read(path)
        problem = _problem(scored)
    except PipelineError as error:
        raise PipelineError(_told(error, path)) from None
    except MemoryError:
        raise PipelineError(f"{name}: needs more memory than there is; {AGAIN}") from None
    except Exception as error:  # what Parquet and NumPy make of damaged bytes has no common name
        raise PipelineError(f"{name}: damaged ({type(error).__name__}); {AGAIN}") from None
    if problem:
        raise PipelineError(f"{name}: {problem}; {AGAIN}")
    return scored


def fits(candidate: Scored, other: Scored, name: str) -> None:
    """PipelineError where `other` can't hold rows of the candidate's."""
    facts = [(one.task, one.classes, *map(list, (one.slices, one.sensitive))) for one in (candidate, other)]
    if facts[0] != facts[1]:
        raise PipelineError(f"{name}: its task, classes or columns are not those of scores.parquet; {AGAIN}")
    if len(other) > len(candidate) or not np.isin(other.keys, candidate.keys).all():
        raise PipelineError(f"{name}: has rows that scores.parquet lacks; {AGAIN}")


def _told(error: PipelineError, path: Path) -> str:
    """The error's first line, without the folder, and with the advice that fits a measurement."""
    line = " ".join(str(error).splitlines()[0].split())[:500]
    return line.replace(f"{path}:", f"{path.name}:").replace("remove it and run `make run`", AGAIN)


def _bounded(path: Path) -> None:
    """PipelineError where a small file would become a large table, or holds texts that no table can show."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        rows, columns = file.metadata.num_rows, file.metadata.num_columns
        size = sum(file.metadata.row_group(group).total_byte_size for group in range(file.metadata.num_row_groups))
        if not 0 < rows <= MOST_ROWS or columns > MOST_COLUMNS or rows * columns > MOST_CELLS or size > MOST_BYTES:
            raise PipelineError(f"{path}: {rows:,} rows and {columns:,} columns are none or too many")
        names = file.schema_arrow.names
        if len(set(names)) != len(names):
            raise PipelineError(f"{path}: a column occurs twice")
        nested = [field.name for field in file.schema_arrow if pa.types.is_nested(field.type)]
        if nested:
            raise PipelineError(f"{path}: a column holds lists or structures")
        texts = [field.name for field in file.schema_arrow if _is_text(field.type)]
    with pq.ParquetFile(path, read_dictionary=texts) as file:  # long texts that repeat are held once
        for batch in file.iter_batches(CHUNK, columns=texts) if texts else ():
            if (longest := max(map(_longest, batch.columns))) > LONGEST or longest * rows > MOST_TEXT:
                raise PipelineError(f"{path}: a text of {longest:,} characters is too long for {rows:,} rows")


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return any(is_kind(kind) for is_kind in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary))


def _longest(column: Any) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc

    values = column.dictionary if pa.types.is_dictionary(column.type) else column
    return int(pc.max(pc.binary_length(values)).as_py() or 0)


def _problem(scored: Scored) -> str | None:
    """What keeps these scores from being judged, beyond what `scoring.read` looks for."""
    if not all(isinstance(name, str) for name in scored.classes):
        return "a class is no text"
    if scored.task == "multiclass" and not 2 <= len(scored.classes) <= MOST_VALUES:
        return f"it has {len(scored.classes)} classes"
    threshold = scored.threshold
    if threshold is not None and (type(threshold) not in (int, float) or not math.isfinite(threshold)):
        return "its threshold is no number"
    if type(scored.quantile) not in (int, float) or not 0 < scored.quantile < 1:
        return "its quantile is none"
    if type(scored.bins) is not int or not 2 <= scored.bins <= 1000:
        return "its number of bins is none"
    if len(np.unique(scored.keys)) != len(scored):
        return "a key occurs twice"
    for table in (scored.slices, scored.sensitive):
        if any(table.iloc[:, place].nunique() > MOST_VALUES for place in range(table.shape[1])):
            return f"a slice or sensitive column has more than {MOST_VALUES:,} values"
    return None
