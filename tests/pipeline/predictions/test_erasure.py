"""Rows go out of a log's lines while a service appends; every other byte stays."""

import gzip
import json
import os
from pathlib import Path

import pytest

from pipeline.predictions import erasure
from pipeline.watch.retrain.assemble import derive_key
from tests.pipeline.predictions.logged import NAME, read, row, rows, text, write


def test_the_line_is_blank_and_all_others_are_read_as_before(tmp_path: Path) -> None:
    path = write(tmp_path, [*rows(5), b'{"id":"r-2","score":0.', b"{", b"", row(7)])
    before = path.read_bytes()
    assert erasure.erase(str(path), erasure.matcher(["r-2"]), apply=False) == 2
    assert path.read_bytes() == before
    assert erasure.erase(str(path), erasure.matcher(["r-2"]), apply=True) == 2
    assert len(path.read_bytes()) == len(before)
    assert b"r-2" not in path.read_bytes()
    lines, former = path.read_bytes().split(b"\n"), before.split(b"\n")
    assert [place for place, pair in enumerate(zip(lines, former, strict=True)) if pair[0] != pair[1]] == [2, 5]
    assert read(tmp_path).damage.counts == {"lines": 1}  # the cut line is gone, the other damage is counted as before


def test_a_service_goes_on_appending(tmp_path: Path) -> None:
    path = write(tmp_path, rows(3))
    with path.open("ab", buffering=0) as service:
        service.write(text([row(3)]))
        assert erasure.erase(str(path), erasure.matcher(["r-0", "r-3"]), apply=True) == 2
        service.write(text([row(4)]))
    ids = [json.loads(line)["id"] for line in path.read_bytes().splitlines() if line.strip()]
    assert ids == ["r-1", "r-2", "r-4"]


def test_an_interrupted_run_finds_the_line_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, write_at, calls = write(tmp_path, rows(3)), os.pwrite, []

    def interrupted(descriptor: int, data: bytes, place: int) -> int:
        calls.append(place)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return write_at(descriptor, data, place)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", interrupted)
        with pytest.raises(KeyboardInterrupt):
            erasure.erase(str(path), erasure.matcher(["r-1"]), apply=True)
    assert b"r-1" in path.read_bytes()
    assert erasure.erase(str(path), erasure.matcher(["r-1"]), apply=True) == 1
    assert b"r-1" not in path.read_bytes()


def test_a_line_is_found_however_its_json_is_written(tmp_path: Path) -> None:
    lines = [b'{"score": 1, "id": "\\u00e6-1"}', b' { "id" : "a" }', b'{"id":"b","features":{"id":"a"}}']
    path = write(tmp_path, lines)
    assert erasure.erase(str(path), erasure.matcher(["æ-1", "a"]), apply=True) == 2
    assert path.read_bytes().splitlines()[2] == lines[2]


def test_a_key_that_was_made_of_an_id_finds_the_row(tmp_path: Path) -> None:
    from pipeline.data.contract.schema import ContractColumn

    key = derive_key("r-1", ContractColumn(type="integer", nullable=False))
    path = write(tmp_path, rows(3))
    assert erasure.erase(str(path), erasure.matcher([], key), apply=True) == 1
    assert b"r-1" not in path.read_bytes()


def test_a_compressed_file_is_replaced_in_one_step_or_not_at_all(tmp_path: Path) -> None:
    path = write(tmp_path, rows(5), f"{NAME}.gz")
    os.utime(path, (1, 1))
    assert erasure.erase(str(path), erasure.matcher(["r-2"]), apply=True) == 1
    assert gzip.decompress(path.read_bytes()) == text([line for line in rows(5) if line["id"] != "r-2"])
    assert path.stat().st_mtime == 1
    damaged = path.read_bytes()[:-9]
    path.write_bytes(damaged)
    with pytest.raises(OSError, match="the compressed file is damaged"):
        erasure.erase(str(path), erasure.matcher(["r-1"]), apply=True)
    assert [entry.read_bytes() for entry in tmp_path.iterdir()] == [damaged]
