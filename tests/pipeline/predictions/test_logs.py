"""Where a log may be stored, in which files, and which of them a period needs."""

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.predictions import logs
from pipeline.predictions.damage import Damage, InputUnreadableError
from pipeline.predictions.line import Flags, Prediction
from pipeline.ship.service.log import PredictionLog, Record, feature_encoder
from pipeline.ship.service.log_files import LogFiles
from pipeline.ship.service.predictor import LINES
from tests.pipeline.predictions import logged
from tests.pipeline.predictions.logged import DAY, NAME, SIGNATURE, START


def test_what_the_service_writes_is_read(tmp_path: Path) -> None:
    """The log's own writer, over several rotated files."""
    log = PredictionLog(
        "predictions", LogFiles(tmp_path, 1, 2000, 50), feature_encoder(["income"], []), lambda rows: None
    )
    body = b'{"rows": [{"income": 1.5}, {"town": "Rome"}]}'
    for number in range(20):
        answers = [
            Prediction(f"q{number}-0", 0.2, "0"),
            Prediction(f"q{number}-1", 0.8, "1", flags=Flags(unseen=["town"])),
        ]
        record: Any = Record(time.time(), "r1", 1.25, body, [1, 2], LINES(answers))
        log.log_table([record], {})
        if number % 5 == 4:
            log._files.close()
    log.close()
    window = logged.read(tmp_path, window="1000 rows", until=None).windows[0]
    assert (window.rows, window.releases, window.unseen) == (40, {"r1": 40}, {"town": 20})
    assert window.latency == pytest.approx(1.25, rel=0.01)
    assert window.sample["income"].notna().sum() == 20


def files_of(folder: Path, since: Any, until: Any) -> list[str]:
    return [file.name for file in logs.find(str(folder), since, until).files]


def test_files_that_a_period_does_not_need_are_left_out(tmp_path: Path) -> None:
    """By their name where they were started after it, by their last change where they ended before it."""
    for day in range(6, 12):
        path = logged.write(tmp_path, [], f"predictions.w1.202405{day:02}T000000.000000Z.jsonl")
        changed = (START + (day - 5) * DAY).timestamp()
        os.utime(path, (changed, changed))
    names = files_of(tmp_path, START + 2.5 * DAY, START + 3.5 * DAY)
    assert [name[19:23] for name in names] == ["0508", "0509"]


def test_a_file_that_was_rotated_away_meanwhile_is_no_error(tmp_path: Path) -> None:
    logged.write(tmp_path, logged.rows(5))
    rotated = logged.write(tmp_path, logged.rows(5, first=20), "rotated.jsonl")
    log = logs.find(str(tmp_path), None, START + DAY)
    rotated.unlink()
    damage = Damage()
    assert sum(len(rows.ids) for rows in log.rows(SIGNATURE, damage, lambda *_: None)) == 5
    assert damage.counts == {}


def test_a_file_name_with_an_invalid_time_is_accepted(tmp_path: Path) -> None:
    logged.write(tmp_path, logged.rows(5), "predictions.w1.20249999T999999.000000Z.jsonl")
    assert logged.read(tmp_path).rows == 5


def test_times_out_of_range_are_from_the_future(tmp_path: Path) -> None:
    lines = pa.Table.from_pylist(logged.rows(5))
    late = pa.array([2**62] * 5).cast(pa.timestamp("us", tz="UTC"))
    pq.write_table(lines.set_column(lines.column_names.index("time"), "time", late), tmp_path / "log.parquet")
    logged.write(tmp_path, logged.rows(5))
    assert logged.read(tmp_path).damage.counts == {"future": 5}


def test_hidden_and_other_files_are_ignored(tmp_path: Path) -> None:
    logged.write(tmp_path, logged.rows(5))
    for name in (f".{NAME}", f"{NAME}.part", "labels.csv"):
        (tmp_path / name).write_text("half a file")
    windowed = logged.read(tmp_path)
    assert (windowed.files, windowed.damage.counts) == (1, {})


def table(lines: list[Any]) -> pa.Table:
    return pa.Table.from_pylist(lines)


def test_parquet_holds_the_same_rows_as_json_lines(tmp_path: Path) -> None:
    lines = [
        row | {"features": logged.FEATURES | {"income": income}, "flags": {"missing": ["member"], "unseen": None}}
        for income, row in enumerate(logged.rows(500))
    ]
    (tmp_path / "b").mkdir()
    pq.write_table(table(lines), tmp_path / "b/log.parquet")
    lines = [row | {"flags": {"missing": ["member"]}} for row in lines]
    logged.write(tmp_path / "a", lines)
    text, parquet = (logged.read(tmp_path / name).windows[0] for name in "ab")
    pd.testing.assert_frame_equal(text.sample, parquet.sample)
    pd.testing.assert_frame_equal(text.answers, parquet.answers)
    assert (text.rows, text.missing, text.releases, text.latency) == (
        parquet.rows,
        parquet.missing,
        parquet.releases,
        parquet.latency,
    )


def test_columns_whose_names_json_must_escape_are_read_as_any_others(tmp_path: Path) -> None:
    names = {"income": 'income (")', "town": "to\\wn", "member": "member"}
    known = logged.SIGNATURE.model_copy(
        update={
            "features": tuple(
                logged.feature(names[feature.name], feature.kind)
                for feature in logged.SIGNATURE.features
                if feature.name in names
            )
        }
    )
    lines = logged.rows(3)
    plain = logged.read(logged.write(tmp_path / "a", lines)).windows[0].sample[list(names)]
    odd = [{names.get(name, name): value for name, value in logged.FEATURES.items()}] * 2 + [{}]
    logged.write(tmp_path / "b", [row | {"features": features} for row, features in zip(lines, odd, strict=True)])
    sample = logged.read(tmp_path / "b", signature=known).windows[0].sample
    assert list(sample) == list(names.values())
    assert sample.dropna().to_numpy().tolist() == plain.iloc[:2].to_numpy().tolist()
    assert int(sample.isna().all(axis=1).sum()) == 1
    wrong = lines[1] | {"features": {'income (")': "2.5"}}
    logged.write(tmp_path / "c", [lines[0] | {"features": {}}, wrong])
    assert logged.read(tmp_path / "c", signature=known).damage.counts == {"types": 1}


def test_parquet_from_other_writers_is_read(tmp_path: Path) -> None:
    """Times as times, dates as dates, whole numbers, encoded text; without labels and flags, with more columns."""
    written = pa.table(
        {
            "id": ["a", "b", None],
            "time": pa.array([START] * 3, pa.timestamp("ns", tz="Europe/Oslo")),
            "release": pa.array(["x"] * 3).dictionary_encode(),
            "ms": pa.array([1, 2, 3], pa.int16()),
            "score": pa.array([0.5] * 3, pa.float32()),
            "features": pa.array([{"income": 3, "since": START.date(), "colour": "red"}] * 3),
            "host": ["h"] * 3,
        }
    )
    pq.write_table(written, tmp_path / "log.parquet")
    windowed = logged.read(tmp_path)
    assert windowed.windows[0].rows == 2
    assert windowed.windows[0].sample["since"].tolist() == [pd.Timestamp("2024-05-06")] * 2
    assert list(windowed.windows[0].sample) == ["income", "since"]
    assert windowed.windows[0].answers["label"].isna().all()
    assert windowed.damage.places == ["log.parquet:3: lacks one of id, time, release, ms, score"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ms": float("nan")}, "lacks one of id, time, release, ms, score"),
        ({"time": "naive"}, "time has no zone; write it in UTC with its zone"),
        ({"time": "yesterday"}, "time holds string, expected timestamp[us, tz=UTC]"),
        ({"score": "high"}, "score holds string, expected double"),
        ({"features": "none"}, "has no column features that is a struct"),
        ({"features": {"income": "5"}}, "features.income holds string, expected a number"),
    ],
)
def test_parquet_of_other_types_is_damage(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    lines = [row | change for row in logged.rows(5)]
    if change == {"time": "naive"}:
        lines = [row | {"time": START.replace(tzinfo=None)} for row in lines]
    pq.write_table(table(lines), tmp_path / "log.parquet")
    logged.write(tmp_path, logged.rows(3))
    windowed = logged.read(tmp_path)
    assert (windowed.rows, windowed.damage.counts) == (3, {"types": 5})
    assert windowed.damage.places == [f"log.parquet:1: {reason}"]


def test_a_partly_written_parquet_file_is_listed(tmp_path: Path) -> None:
    logged.write(tmp_path, logged.rows(3))
    pq.write_table(table(logged.rows(50)), tmp_path / "log.parquet")
    content = (tmp_path / "log.parquet").read_bytes()
    (tmp_path / "log.parquet").write_bytes(content[:-100])
    windowed = logged.read(tmp_path)
    assert (windowed.rows, windowed.damage.counts) == (3, {"files": 1})
    assert windowed.damage.places[0].startswith("log.parquet: can't be read as Parquet: ")


def test_a_log_in_a_store_is_read_like_a_folder(tmp_path: Path, store: Any) -> None:
    logged.write(tmp_path, logged.rows(300), f"{NAME}.gz")
    logged.write(tmp_path, logged.rows(300, START + DAY, first=300), "deep/b.jsonl")
    pq.write_table(table(logged.rows(50, START + 2 * DAY, first=900)), tmp_path / "c.parquet")
    for path in tmp_path.rglob("*.*"):
        store.upload_file(str(path), "bucket", f"log/{path.relative_to(tmp_path)}")
    remote, local = logged.read("s3://bucket/log"), logged.read(tmp_path)
    assert remote.rows == local.rows == 650
    for remote_window, local_window in zip(remote.windows, local.windows, strict=True):
        pd.testing.assert_frame_equal(remote_window.sample, local_window.sample)
    assert logged.read(f"file://{tmp_path}").rows == 650


def test_a_file_that_left_the_store_meanwhile_is_no_error(store: Any) -> None:
    store.put_object(Bucket="bucket", Key="going/a.jsonl", Body=logged.text(logged.rows(5)))
    store.put_object(Bucket="bucket", Key="going/b.jsonl", Body=logged.text(logged.rows(5, first=20)))
    log = logs.find("s3://bucket/going", None, START + DAY)
    store.delete_object(Bucket="bucket", Key="going/b.jsonl")
    assert sum(len(rows.ids) for rows in log.rows(SIGNATURE, Damage(), lambda *_: None)) == 5


def test_a_store_without_a_log_is_an_error(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for url, reason in (
        ("s3://bucket/nothing", "does not exist"),
        ("s3://no-bucket/log", "does not exist"),
        ("https://127.0.0.1:9/log", "a web server lists no files"),
        ("nostore://x/log", "Protocol not known"),
    ):
        with pytest.raises(InputUnreadableError, match=reason) as caught:
            logged.read(url)
        assert caught.value.kind == "log"


def test_an_unreachable_store_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import s3fs

    for name, value in {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "k", "no_proxy": "*"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(InputUnreadableError, match="s3://bucket/log: can't be read: "):
        logged.read("s3://bucket/log")
    s3fs.S3FileSystem.clear_instance_cache()


def test_the_folder_may_be_one_file(tmp_path: Path) -> None:
    path = logged.write(tmp_path, logged.rows(5))
    shutil.copy(path, tmp_path / "other.jsonl")
    assert logged.read(path).rows == 5
