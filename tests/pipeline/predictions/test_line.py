"""The log's line: the service writes the type that everything else reads, and a newer format is not damage."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.predictions import line, parquet_rows
from pipeline.predictions.damage import InputUnreadableError
from pipeline.predictions.line import Flags, Line, Prediction
from pipeline.ship.service import log
from pipeline.ship.service.log_files import LogFiles
from tests.pipeline.predictions.logged import read, row, write

ANSWER = Prediction("r-0", 0.25, "0", {"0": 0.75, "1": 0.25}, Flags(missing=["income"], outside=["age"]))
NEWER = "was written by a newer version of the template (format 2; this one reads 1): upgrade the template"


def written(folder: Path) -> bytes:
    """A line as the service writes it."""
    writer = log.PredictionLog("p", LogFiles(folder, 1, 10_000, 2), log.feature_encoder(["x"], []), print)
    writer.log_table(
        [log.Record(1.5, "a", 0.5, b'{"rows":[{"x":1}]}', [None], msgspec.json.encode(ANSWER) + b"\n")], {}
    )
    writer.close()
    (path,) = folder.iterdir()
    return path.read_bytes()


def test_a_line_that_the_service_writes_decodes_as_the_type(tmp_path: Path) -> None:
    content = written(tmp_path)
    decoded = msgspec.json.decode(content, type=Line)
    assert msgspec.json.decode(content) == {
        **msgspec.to_builtins(decoded),
        "format": 1,
        "time": "1970-01-01T00:00:01.500000+00:00",
    }
    fields = (decoded.id, decoded.score, decoded.label, decoded.probabilities, decoded.flags)
    assert fields == msgspec.structs.astuple(ANSWER)
    assert (decoded.time.timestamp(), decoded.release, decoded.ms, decoded.features) == (1.5, "a", 0.5, {"x": 1})


def test_the_columns_of_a_parquet_log_are_those_of_a_line() -> None:
    assert set(parquet_rows.TYPES) <= {field.name for field in msgspec.structs.fields(Line)}


def test_a_line_without_a_format_number_has_format_1(tmp_path: Path) -> None:
    write(tmp_path, [row(0), row(1, format=1)])
    windowed = read(tmp_path)
    assert (windowed.rows, windowed.damage.counts) == (2, {})


@pytest.mark.parametrize("more", [{}, {"score": "of another type"}])
def test_a_line_of_a_newer_format_is_refused_and_not_counted_as_damage(tmp_path: Path, more: dict[str, Any]) -> None:
    path = write(tmp_path, [row(0), row(1, format=2, **more)])
    with pytest.raises(InputUnreadableError) as caught:
        read(tmp_path)
    assert str(caught.value) == f"{path.name}:2 {NEWER}"


def test_a_parquet_log_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([row(0, format=2)]), tmp_path / "log.parquet")
    with pytest.raises(InputUnreadableError, match="newer version of the template"):
        read(tmp_path)


def test_a_deployment_leaves_out_invalid_lines_and_refuses_newer_ones() -> None:
    assert [valid.id for valid in line.valid_lines([row(0), {"id": "x"}, row(1)], "the log")] == ["r-0", "r-1"]
    with pytest.raises(InputUnreadableError, match="newer version"):
        line.valid_lines([json.loads(json.dumps(row(0, format=2)))], "the log")
