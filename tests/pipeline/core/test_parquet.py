"""Tables keep their values on the way through Parquet and pandas, whatever is beside them."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from pipeline.core import parquet
from pipeline.core.errors import PipelineError

BIG = 2**53
GAPS = [
    pa.array([BIG + 1, BIG + 2, None]),
    pa.array([-(2**63), 2**63 - 1, None]),
    pa.array([2**64 - 1, 2**64 - 2, None], pa.uint64()),
    pa.array([True, None, False]),
    pa.array([1, None, 3], pa.int8()),
]


def test_a_damaged_table_is_named_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    parquet.write(path, pd.DataFrame({"x": range(10_000)}))
    whole = path.read_bytes()
    for damaged in (b"", b"text", whole[:100], whole[:50] + b"\0" * 300 + whole[350:], whole[:-20]):
        path.write_bytes(damaged)
        with pytest.raises(PipelineError, match=r"x\.parquet: damaged \(.+\); remove it and run `make run`$"):
            parquet.read(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(PipelineError, match=r"x\.parquet: damaged"):
        parquet.read(path)


@pytest.mark.parametrize("column", GAPS, ids=lambda column: str(column.type))
def test_values_with_gaps_are_the_same_afterwards(column: Any, tmp_path: Path) -> None:
    expected = column.to_pylist()
    frame = parquet.to_pandas(pa.table({"x": column, "beside": [1, 2, 3]}))
    assert [
        None if value is None else value for value in frame["x"].astype(object).where(frame["x"].notna(), None)
    ] == (expected)
    parquet.write(tmp_path / "x.parquet", frame)
    again = parquet.read(tmp_path / "x.parquet")
    assert again["x"].dtype == frame["x"].dtype
    assert again["x"].astype(object).where(again["x"].notna(), None).tolist() == expected
    assert str(frame["beside"].dtype) == "int64"
