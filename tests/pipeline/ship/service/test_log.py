"""The log of predictions: complete for what was accepted, and never in a request's way."""

import json
import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.models import signature
from pipeline.predictions import json_lines
from pipeline.ship.service import log
from pipeline.ship.service.log_files import LogFiles
from tests.pipeline.conftest import Project, small_disk
from tests.pipeline.ship.service.conftest import PATIENCE, ROW, Server, serving

pytestmark = pytest.mark.engine


def test_accepted_rows_are_logged_each_and_only_they(binary: Project, tmp_path: Path) -> None:
    with serving(binary.folder, tmp_path / "logs") as server:
        accepted = list[str]()
        for at in range(200):
            wrong = {"age": "x"} if at % 4 == 3 else {}
            reply = server.post("/predict", {"rows": [ROW | wrong] * (1 + at % 3)})
            accepted += [one["id"] for one in reply.json["predictions"]] if reply.status == 200 else []
        server.post("/predict", {"rows": [ROW]}, X_Pipeline_Replay="1")
        lines = server.logged(len(accepted))
    assert [line["id"] for line in lines] == accepted
    assert lines[0]["features"] == ROW
    assert {"id", "time", "release", "score", "label", "features"} <= set(lines[0])
    assert datetime.fromisoformat(lines[0]["time"]).utcoffset().total_seconds() == 0  # type: ignore[union-attr]


def test_what_waits_is_written_when_the_service_ends(binary: Project, tmp_path: Path) -> None:
    with serving(binary.folder, tmp_path / "logs") as server:
        pretty = json.dumps({"rows": [ROW]}, indent=1).encode()  # of several lines, logged as one
        told = server.post("/predict", pretty).json["predictions"]
    lines = server.logged(1, seconds=0)
    assert [(line["id"], line["features"]) for line in lines] == [(told[0]["id"], ROW)]


TEXT = json.dumps(ROW)
ODD = [  # bodies that only the request model takes, and one that it refuses
    f'{{"rows":0,"rows":[{TEXT}]}}',
    f'{{"rows":NaN,"rows":[{TEXT}]}}',
    f'{{"rows":[-Infinity],"rows":[{TEXT}, {TEXT}]}}',
    f'{{"rows":[{TEXT},{TEXT}],"rows":[{TEXT}]}}',
    f'{{"rows":[1,2,3],"rows":[{TEXT},{TEXT}]}}',
    f'{{"rows":{"[" * 150}{"]" * 150},"rows":[{TEXT}]}}',
    f'{{"rows":[{{"age":"x",{TEXT[1:]}]}}',
    f'{{"rows":[{{"age":NaN,{TEXT[1:]}]}}',
    f'{{"rows":[{{"age":{"9" * 500},{TEXT[1:]}]}}',
    f'\t{{"ro\\u0077s":[{TEXT}]}}',
    f'\ufeff{{"rows":[{TEXT}]}}',
]


def test_a_body_that_is_odd_and_accepted_is_logged_and_costs_no_other_its_line(binary: Project, tmp_path: Path) -> None:
    accepted, refused = list[str](), list[str]()
    with serving(binary.folder, tmp_path / "logs") as server:
        for body in [body.encode() for body in ODD] + [f'{{"rows":[{TEXT}]}}'.encode("utf-16")]:
            for reply in (server.post("/predict", body), server.post("/predict", {"rows": [ROW]})):
                accepted += [one["id"] for one in reply.json["predictions"]] if reply.status == 200 else []
                refused += [reply.text] if reply.status != 200 else []
        lines = server.logged(len(accepted))
    assert [line["id"] for line in lines] == accepted
    assert [line["features"] for line in lines] == [ROW] * len(accepted)
    assert len(refused) == 2  # the two with a byte order mark
    strict = json_lines.decoder(signature.read(binary.folder / "models/signature.json"))  # as the monitor reads them
    for path in (tmp_path / "logs").iterdir():
        assert len([strict.decode(line) for line in path.read_bytes().splitlines()]) == len(accepted)


def test_a_record_that_has_no_lines_is_lost_by_itself(tmp_path: Path) -> None:
    lost = list[int]()
    told = log.PredictionLog("p", LogFiles(tmp_path, 1, 10_000, 2), log.features(["x"], []), lost.append)
    bodies = [b'{"rows":[{"x":1}]}', b'{"rows":[', b'{"rows":[{"x":2}]}']
    told.log_table([log.Record(0.0, "r", 1.0, body, [None], b'{"score":1}\n') for body in bodies], {})
    told.close()
    (path,) = tmp_path.iterdir()
    assert [json.loads(line)["features"] for line in path.read_text().splitlines()] == [{"x": 1}, {"x": 2}]
    assert lost == [1]


def test_columns_can_be_left_out(binary: Project, tmp_path: Path) -> None:
    text = binary.read("params.yaml")
    try:
        (binary.folder / "params.yaml").write_text(text.replace("omit: []", "omit: [town, since]"))
        with serving(binary.folder, tmp_path / "logs") as server:
            server.post("/predict", {"rows": [ROW]})
            assert set(server.logged(1)[0]["features"]) == {"income", "age", "member"}
    finally:
        (binary.folder / "params.yaml").write_text(text)


@pytest.mark.parametrize("kind", ["a file", "full"])
def test_a_log_that_cannot_be_written_fails_no_request(binary: Project, tmp_path: Path, kind: str) -> None:
    logs = tmp_path / "logs"
    logs.write_text("")
    if kind == "full":
        logs = Path("/proc/self")  # refuses every new file, whoever asks
    with serving(binary.folder, logs) as server:
        for _ in range(20):
            assert server.post("/predict", {"rows": [ROW]}).status == 200
        _, lost = _settled(server, 20)
        assert lost == 20
    warned = next(binary.folder.glob(f"serve-{server.url.rsplit(':', 1)[1]}.txt")).read_text()
    assert warned.count("rows are lost") == 1


def _wait() -> None:
    time.sleep(0.05)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "1m") as disk:
        yield disk


def test_a_full_disk_fails_no_request_and_is_left_behind(binary: Project, tiny_disk: Path) -> None:
    """Each row is logged or counted as lost, no line is cut, and the log goes on where there is room again."""
    with serving(binary.folder, tiny_disk / "logs") as server:
        sent = 0
        for _ in range(12):
            assert server.post("/predict", {"rows": [ROW] * 500}).status == 200
            sent += 500
            _wait()
        lines, lost = _settled(server, sent)
        assert len(lines) > 0
        assert lost > 0
        assert len(lines) + lost == sent
        for path in (tiny_disk / "logs").iterdir():
            path.unlink()
        time.sleep(1.1)  # after a failure a file is opened again once a second
        told = server.post("/predict", {"rows": [ROW]}).json["predictions"]
        assert [line["id"] for line in server.logged(1)] == [told[0]["id"]]
    warned = next(binary.folder.glob(f"serve-{server.url.rsplit(':', 1)[1]}.txt")).read_text()
    assert (warned.count("rows are lost"), warned.count("No space left"), warned.count("written again")) == (1, 1, 1)


def _settled(server: Server, sent: int) -> tuple[list[dict[str, Any]], float]:
    """The lines and the lost rows, once together they are what was sent."""
    ends = time.monotonic() + PATIENCE
    while True:
        lines, lost = server.logged(0), server.metric("pipeline_log_lost_rows_total")
        if len(lines) + lost == sent or time.monotonic() > ends:
            return lines, lost
        _wait()


def test_a_cut_line_is_taken_back_where_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, write = LogFiles(tmp_path, 1, 10_000, 3), os.write
    files.append(b"one\n")

    def full(descriptor: int, data: Any) -> int:
        if len(data) < 4:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[:2])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        files.append(b"two\n")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"one\n"]


def test_a_disk_that_stays_full_pushes_no_written_file_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, data: Any) -> int:
        raise OSError(28, "No space left on device")

    files = LogFiles(tmp_path, 1, 10_000, 2)
    files.append(b"one\n")
    monkeypatch.setattr(os, "write", full)
    monkeypatch.setattr("pipeline.ship.service.log_files.RETRY", -1.0)
    for _ in range(5):
        with pytest.raises(OSError, match="No space left"):
            files.append(b"two\n")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"one\n"]


def test_files_rotate_and_the_oldest_go(tmp_path: Path) -> None:
    files = LogFiles(tmp_path, 1, 8, 2)
    for at in range(6):
        files.append(f"line {at}\n".encode() * 2)
    files.close()
    assert [path.read_text().splitlines()[0] for path in sorted(tmp_path.iterdir())] == ["line 4", "line 5"]
