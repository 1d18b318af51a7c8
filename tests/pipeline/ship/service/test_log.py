"""The prediction log: complete for accepted rows, and never the cause of a failed request."""

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
from tests.pipeline.ship.service.conftest import ROW, TIMEOUT, Server, serving

pytestmark = pytest.mark.engine


def test_every_accepted_row_is_logged_and_no_other(binary: Project, tmp_path: Path) -> None:
    with serving(binary.folder, tmp_path / "logs") as server:
        accepted = list[str]()
        for number in range(200):
            wrong = {"age": "x"} if number % 4 == 3 else {}
            reply = server.post("/predict", {"rows": [ROW | wrong] * (1 + number % 3)})
            accepted += [row["id"] for row in reply.json["predictions"]] if reply.status == 200 else []
        server.post("/predict", {"rows": [ROW]}, X_Pipeline_Replay="1")
        lines = server.logged(len(accepted))
    assert [line["id"] for line in lines] == accepted
    assert lines[0]["features"] == ROW
    assert {"id", "time", "release", "score", "label", "features"} <= set(lines[0])
    assert datetime.fromisoformat(lines[0]["time"]).utcoffset().total_seconds() == 0  # type: ignore[union-attr]


def test_waiting_records_are_written_when_the_service_ends(binary: Project, tmp_path: Path) -> None:
    with serving(binary.folder, tmp_path / "logs") as server:
        pretty = json.dumps({"rows": [ROW]}, indent=1).encode()  # of several lines, logged as one
        predictions = server.post("/predict", pretty).json["predictions"]
    lines = server.logged(1, seconds=0)
    assert [(line["id"], line["features"]) for line in lines] == [(predictions[0]["id"], ROW)]


TEXT = json.dumps(ROW)
ODD = [  # bodies that only the request model accepts, and one that it refuses
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


def test_an_odd_but_accepted_body_is_logged_and_so_are_all_others(binary: Project, tmp_path: Path) -> None:
    accepted, refused = list[str](), list[str]()
    with serving(binary.folder, tmp_path / "logs") as server:
        for body in [body.encode() for body in ODD] + [f'{{"rows":[{TEXT}]}}'.encode("utf-16")]:
            for reply in (server.post("/predict", body), server.post("/predict", {"rows": [ROW]})):
                accepted += [row["id"] for row in reply.json["predictions"]] if reply.status == 200 else []
                refused += [reply.text] if reply.status != 200 else []
        lines = server.logged(len(accepted))
    assert [line["id"] for line in lines] == accepted
    assert [line["features"] for line in lines] == [ROW] * len(accepted)
    assert len(refused) == 2  # the two with a byte order mark
    strict = json_lines.decoder(signature.read(binary.folder / "models/signature.json"))  # as the monitor reads them
    for path in (tmp_path / "logs").iterdir():
        assert len([strict.decode(line) for line in path.read_bytes().splitlines()]) == len(accepted)


@pytest.mark.parametrize("omit", [[], ["y"]])
def test_long_whole_numbers_are_logged_as_they_were_sent(omit: list[str]) -> None:
    body = b'{"rows":[\n{"x":9007199254740993,"y":0.1}]}'
    encode = log.feature_encoder(["x", "y"], omit)
    (logged,) = encode(log.Record(0.0, "r", 1.0, body, [None], b""))
    assert logged == (b'{"x":9007199254740993}' if omit else b'{"x":9007199254740993,"y":0.1}')


def test_only_a_record_without_lines_is_lost(tmp_path: Path) -> None:
    lost = list[int]()
    prediction_log = log.PredictionLog(
        "p", LogFiles(tmp_path, 1, 10_000, 2), log.feature_encoder(["x"], []), lost.append
    )
    bodies = [b'{"rows":[{"x":1}]}', b'{"rows":[', b'{"rows":[{"x":2}]}']
    prediction_log.log_table([log.Record(0.0, "r", 1.0, body, [None], b'{"score":1}\n') for body in bodies], {})
    prediction_log.close()
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
        logs = Path("/proc/self")  # refuses every new file, even to root
    with serving(binary.folder, logs) as server:
        for _ in range(20):
            assert server.post("/predict", {"rows": [ROW]}).status == 200
        _, lost = _logged_and_lost(server, 20)
        assert lost == 20
    output = next(binary.folder.glob(f"serve-{server.url.rsplit(':', 1)[1]}.txt")).read_text()
    assert output.count("rows are lost") == 1


def _wait() -> None:
    time.sleep(0.05)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "1m") as disk:
        yield disk


def test_a_full_disk_fails_no_request_and_the_log_recovers(binary: Project, tiny_disk: Path) -> None:
    """Each row is logged or counted as lost, no line is truncated, and the log continues when there is space again."""
    with serving(binary.folder, tiny_disk / "logs") as server:
        sent = 0
        for _ in range(12):
            assert server.post("/predict", {"rows": [ROW] * 500}).status == 200
            sent += 500
            _wait()
        lines, lost = _logged_and_lost(server, sent)
        assert len(lines) > 0
        assert lost > 0
        assert len(lines) + lost == sent
        for path in (tiny_disk / "logs").iterdir():
            path.unlink()
        time.sleep(1.1)  # after a failure the log retries once a second
        predictions = server.post("/predict", {"rows": [ROW]}).json["predictions"]
        assert [line["id"] for line in server.logged(1)] == [predictions[0]["id"]]
    output = next(binary.folder.glob(f"serve-{server.url.rsplit(':', 1)[1]}.txt")).read_text()
    assert (output.count("rows are lost"), output.count("No space left"), output.count("written again")) == (1, 1, 1)


def _logged_and_lost(server: Server, sent: int) -> tuple[list[dict[str, Any]], float]:
    """The lines and the number of lost rows, once they add up to `sent`."""
    ends = time.monotonic() + TIMEOUT
    while True:
        lines, lost = server.logged(0), server.metric("pipeline_log_lost_rows_total")
        if len(lines) + lost == sent or time.monotonic() > ends:
            return lines, lost
        _wait()


def test_a_truncated_line_is_removed_when_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_disk_that_stays_full_displaces_no_written_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, data: Any) -> int:
        raise OSError(28, "No space left on device")

    files = LogFiles(tmp_path, 1, 10_000, 2)
    files.append(b"one\n")
    monkeypatch.setattr(os, "write", full)
    monkeypatch.setattr("pipeline.ship.service.log_files.RETRY_DELAY", -1.0)
    for _ in range(5):
        with pytest.raises(OSError, match="No space left"):
            files.append(b"two\n")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"one\n"]


def test_files_rotate_and_the_oldest_are_removed(tmp_path: Path) -> None:
    files = LogFiles(tmp_path, 1, 8, 2)
    for number in range(6):
        files.append(f"line {number}\n".encode() * 2)
    files.close()
    assert [path.read_text().splitlines()[0] for path in sorted(tmp_path.iterdir())] == ["line 4", "line 5"]


def test_files_older_than_keep_days_are_removed_and_a_day_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = time.time() - 4 * 86_400
    files = LogFiles(tmp_path, 1, 10_000, 20, keep_days=2)
    for day in range(5):
        moment = start + day * 86_400
        monkeypatch.setattr("pipeline.ship.service.log_files.time.time", lambda moment=moment: moment)
        files.append(f"day {day}\n".encode())
        os.utime(max(tmp_path.iterdir()), (moment, moment))
    files.close()
    assert [path.read_text() for path in sorted(tmp_path.iterdir())] == ["day 2\n", "day 3\n", "day 4\n"]


def test_a_log_without_requests_removes_its_old_files_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "IDLE", 0.01)
    old, other = (tmp_path / f"predictions.{worker}.20200101T000000.000000Z.jsonl" for worker in ("w1", "w2"))
    for path in (old, other):
        path.write_text("a row\n")
        os.utime(path, (0, 0))
    files = LogFiles(tmp_path, 1, 10_000, 20, keep_days=2)
    prediction_log = log.PredictionLog("p", files, log.feature_encoder(["x"], []), lambda _: None)
    while old.exists():
        _wait()
    prediction_log.close()
    assert other.exists()  # another worker's, which it may be writing


def test_files_stay_where_no_age_is_given(tmp_path: Path) -> None:
    old = tmp_path / "predictions.w1.20200101T000000.000000Z.jsonl"
    old.write_text("a row\n")
    os.utime(old, (0, 0))
    files = LogFiles(tmp_path, 1, 10_000, 20)
    files.append(b"another\n")
    files.close()
    assert old.exists()
