"""The same in a store that fsspec opens, and on a host's volumes."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import PipelineError
from pipeline.forget import logs
from pipeline.forget.person import Person
from pipeline.predictions import erasure
from pipeline.ship.deploy import clean
from pipeline.ship.deploy.docker import host_files
from tests.pipeline.conftest import store
from tests.pipeline.predictions.logged import rows, text

__all__ = ["store"]
PERSON = Person(frozenset({"r-2"}))


@pytest.mark.usefixtures("store")
def test_copies_of_the_log_in_s3_are_rewritten(store: Any) -> None:
    content = {"a/x.jsonl": text(rows(4)), "a/x.jsonl.gz": gzip.compress(text(rows(4))), "b/y.jsonl": text(rows(2))}
    for key, body in content.items():
        store.put_object(Bucket="bucket", Key=f"predictions/{key}", Body=body)
    for item in list(logs.find("s3://bucket/predictions", PERSON)):
        assert item.rows == 1
        item.erase()
    after = {key: store.get_object(Bucket="bucket", Key=f"predictions/{key}")["Body"].read() for key in content}
    assert b"r-2" not in after["a/x.jsonl"] + gzip.decompress(after["a/x.jsonl.gz"])
    assert len(after["a/x.jsonl"]) == len(content["a/x.jsonl"])
    assert after["b/y.jsonl"] == content["b/y.jsonl"]
    assert list(logs.find("s3://bucket/predictions", PERSON)) == []


def test_a_copy_keeps_files_that_are_young_enough(store: Any) -> None:
    store.put_object(Bucket="bucket", Key="old/x.jsonl", Body=b"a row\n")
    assert clean.in_copy("s3://bucket/old", 1) == []
    (leftover,) = clean.in_copy("s3://bucket/old", -1)
    assert leftover.what == "log file bucket/old/x.jsonl"
    leftover.remove()
    assert "Contents" not in store.list_objects_v2(Bucket="bucket", Prefix="old/")


def test_a_log_on_the_web_can_be_searched_by_nobody() -> None:
    with pytest.raises(PipelineError, match="a web server lists no files"):
        list(logs.find("https://example.org/log", PERSON))


def test_a_hosts_log_and_golden_rows_are_cleaned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_files, "STATE", tmp_path / "state")
    monkeypatch.setattr(host_files, "LOGS", tmp_path / "logs")
    record, log = tmp_path / "state/releases/a.json", tmp_path / "logs/a/predictions.jsonl"
    for path in (record, log):
        path.parent.mkdir(parents=True)
    golden = [{"row": {"x": 1}, "expected": {}}, {"row": {"x": 2}, "expected": {}}]
    record.write_text(json.dumps({"id": "a", "golden": golden}))
    log.write_bytes(text(rows(4)))
    code = Path(erasure.__file__).read_text(encoding="utf-8")
    found = {str(log): 1, str(record): 1}
    assert host_files.forget(code, ["r-2"], None, [{"x": 2}], False) == found
    assert b"r-2" in log.read_bytes()
    assert host_files.forget(code, ["r-2"], None, [{"x": 2}], True) == found
    assert b"r-2" not in log.read_bytes()
    assert json.loads(record.read_text()) == {"id": "a", "golden": golden[:1]}
    assert host_files.forget(code, ["r-2"], None, [{"x": 2}], True) == {}
