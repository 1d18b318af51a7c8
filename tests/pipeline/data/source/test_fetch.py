"""The source's fingerprint: paths, globs, web servers and stores, and sources that can't be reached."""

import hashlib
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from pipeline.core import files
from pipeline.core.errors import PipelineError
from pipeline.core.params import Data
from pipeline.data.source import fetch, sources
from pipeline.data.source.table import read

CSV = "id,amount\n1,2.5\n2,3.5\n"
FINGERPRINT = Path("data/source.json")


def data(source: str) -> Data:
    return Data(source=source, key="id", deduplicate=False)


def paths() -> list[str]:
    return [file["path"] for file in files.read_json(FINGERPRINT)["files"]]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (tmp_path / "a.csv").write_text(CSV)
    return tmp_path


class Website:
    """A web server on the loopback interface that serves a folder."""

    def __init__(self, folder: Path, handler: Any = SimpleHTTPRequestHandler) -> None:
        folder.mkdir(exist_ok=True)
        quiet = type("Quiet", (handler,), {"log_message": lambda *_: None})
        bound_handler = partial(quiet, directory=str(folder)) if handler is SimpleHTTPRequestHandler else quiet
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), bound_handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def site(folder: Path) -> Iterator[Website]:
    website = Website(folder / "site")
    (folder / "site/a.csv").write_text(CSV)
    yield website
    website.stop()


def test_a_local_file_is_recorded_with_its_size_and_hash(folder: Path) -> None:
    assert fetch.refresh(data("a.csv"), FINGERPRINT) is True
    assert files.read_json(FINGERPRINT) == {
        "source": "a.csv",
        "files": [{"path": "a.csv", "size": len(CSV), "sha256": hashlib.sha256(CSV.encode()).hexdigest()}],
    }


def test_unchanged_content_leaves_the_fingerprint_untouched() -> None:
    fetch.refresh(data("a.csv"), FINGERPRINT)
    before = FINGERPRINT.stat()
    assert fetch.refresh(data("a.csv"), FINGERPRINT) is False
    assert (FINGERPRINT.stat().st_ino, FINGERPRINT.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_changed_content_changes_the_fingerprint(folder: Path) -> None:
    fetch.refresh(data("a.csv"), FINGERPRINT)
    (folder / "a.csv").write_text(CSV.replace("2.5", "2.6"))
    assert fetch.refresh(data("a.csv"), FINGERPRINT) is True


def test_a_glob_gives_its_files_in_order_and_no_folders(folder: Path) -> None:
    (folder / "parts/deep").mkdir(parents=True)
    for name in ("b.csv", "a.csv", "deep/c.csv"):
        (folder / "parts" / name).write_text(CSV)
    (folder / "parts/d.csv").mkdir()
    fetch.refresh(data("parts/*.csv"), FINGERPRINT)
    assert paths() == ["parts/a.csv", "parts/b.csv"]
    fetch.refresh(data("parts/**/*.csv"), FINGERPRINT)
    assert paths() == ["parts/a.csv", "parts/b.csv", "parts/deep/c.csv"]


def test_a_file_with_a_bracket_in_its_name_is_found(folder: Path) -> None:
    (folder / "a[1].csv").write_text(CSV)
    fetch.refresh(data("a[1].csv"), FINGERPRINT)
    assert paths() == ["a[1].csv"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("none/*.csv", "no file is there"),
        ("none.csv", "no file is there"),
        (".", "is a folder; name its files"),
        ("a.xlsx", "neither CSV nor Parquet"),
        ("http://127.0.0.1:1/*.csv", "a web server lists no files"),
        ("https://me:secret@host/a.csv", "holds a password"),
        ("gopher://host/a.csv", "Protocol not known"),
        ("gs://bucket/a.csv", "gcsfs"),
    ],
)
def test_a_source_without_usable_files_is_an_error_that_says_why(folder: Path, source: str, expected: str) -> None:
    (folder / "a.xlsx").write_text("x")
    with pytest.raises(PipelineError, match="^data.source: ") as error:
        fetch.refresh(data(source), FINGERPRINT)
    assert expected in str(error.value)
    assert not isinstance(error.value, fetch.UnreachableError)
    assert not FINGERPRINT.exists()


def test_a_missing_source_is_only_unreachable_where_its_own_fingerprint_is_recorded(folder: Path) -> None:
    fetch.refresh(data("a.csv"), FINGERPRINT)
    (folder / "a.csv").unlink()
    before = FINGERPRINT.read_bytes()
    with pytest.raises(fetch.UnreachableError, match=r"a\.csv"):
        fetch.refresh(data("a.csv"), FINGERPRINT)
    with pytest.raises(PipelineError) as error:
        fetch.refresh(data("b.csv"), FINGERPRINT)
    assert not isinstance(error.value, fetch.UnreachableError)
    assert FINGERPRINT.read_bytes() == before


def test_a_web_file_is_read_from_its_download_when_the_server_is_gone(site: Website) -> None:
    section = data(f"{site.url}/a.csv?version=2")
    fetch.refresh(section, FINGERPRINT)
    assert paths() == [section.source]
    site.stop()
    table, _ = read(sources.read(FINGERPRINT), section)
    assert table.to_pydict() == {"id": [1, 2], "amount": [2.5, 3.5]}
    with pytest.raises(fetch.UnreachableError):
        fetch.refresh(section, FINGERPRINT)


def test_a_missing_web_file_is_an_error(site: Website) -> None:
    with pytest.raises(PipelineError, match="404"):
        fetch.refresh(data(f"{site.url}/b.csv"), FINGERPRINT)


def test_a_changed_web_file_is_detected_and_the_old_download_removed(site: Website, folder: Path) -> None:
    section = data(f"{site.url}/a.csv")
    fetch.refresh(section, FINGERPRINT)
    (folder / "site/a.csv").write_text(CSV + "3,4.5\n")
    assert fetch.refresh(section, FINGERPRINT) is True
    download = [path.name for path in sources.DOWNLOADS.iterdir() if path.suffix != ".json"]
    assert download == [files.read_json(FINGERPRINT)["files"][0]["sha256"]]


def test_a_clone_without_the_download_reads_a_web_file_that_changed_since_only_after_a_fetch(
    site: Website, folder: Path
) -> None:
    section = data(f"{site.url}/a.csv")
    fetch.refresh(section, FINGERPRINT)
    for path in sources.DOWNLOADS.iterdir():
        path.unlink()
    assert read(sources.read(FINGERPRINT), section)[0].num_rows == 2
    for path in sources.DOWNLOADS.iterdir():
        path.unlink()
    (folder / "site/a.csv").write_text(CSV + "3,4.5\n")
    with pytest.raises(PipelineError, match="run `pipeline fetch`"):
        read(sources.read(FINGERPRINT), section)


class TruncatedResponse(BaseHTTPRequestHandler):
    """Announces more bytes than it sends."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(b"id,amount\n1,2")


def test_a_truncated_download_is_refused(folder: Path) -> None:
    site = Website(folder / "site", TruncatedResponse)
    with pytest.raises(PipelineError, match="can't be reached"):
        fetch.refresh(data(f"{site.url}/a.csv"), FINGERPRINT)
    site.stop()
    assert not FINGERPRINT.exists()
    assert list(sources.DOWNLOADS.iterdir()) == []


def test_a_glob_over_a_store_gives_full_urls_that_ingest_reads(store: Any) -> None:
    for number, name in enumerate(["in/b.csv", "in/a.csv", "out/c.csv"]):
        store.put_object(Bucket="bucket", Key=name, Body=f"id,amount\n{number},1.5\n".encode())
    section = data("s3://bucket/in/*.csv")
    assert fetch.refresh(section, FINGERPRINT) is True
    assert paths() == ["s3://bucket/in/a.csv", "s3://bucket/in/b.csv"]
    assert read(sources.read(FINGERPRINT), section)[0].column("id").to_pylist() == [1, 0]


def test_an_unchanged_object_is_not_downloaded_again_and_a_changed_one_is(store: Any) -> None:
    store.put_object(Bucket="bucket", Key="one.csv", Body=CSV.encode())
    section = data("s3://bucket/one.csv")
    fetch.refresh(section, FINGERPRINT)
    download = sources.DOWNLOADS / files.read_json(FINGERPRINT)["files"][0]["sha256"]
    before = download.stat().st_ino, download.stat().st_mtime_ns
    assert fetch.refresh(section, FINGERPRINT) is False
    assert (download.stat().st_ino, download.stat().st_mtime_ns) == before
    store.put_object(Bucket="bucket", Key="one.csv", Body=CSV.replace("2.5", "2.6").encode())
    assert fetch.refresh(section, FINGERPRINT) is True


def test_a_missing_object_or_bucket_is_an_error(store: Any) -> None:
    for source in ("s3://bucket/none.csv", "s3://no-bucket/*.csv"):
        with pytest.raises(PipelineError, match="can't be reached"):
            fetch.refresh(data(source), FINGERPRINT)
    assert not FINGERPRINT.exists()


def test_any_fsspec_url_is_read(folder: Path) -> None:
    import fsspec

    with fsspec.open("memory://somewhere/a.csv", "w") as file:
        file.write(CSV)
    fetch.refresh(data("memory://somewhere/*.csv"), FINGERPRINT)
    assert read(sources.read(FINGERPRINT), data("memory://somewhere/*.csv"))[0].num_rows == 2


def test_a_damaged_fingerprint_is_replaced(folder: Path) -> None:
    FINGERPRINT.parent.mkdir()
    FINGERPRINT.write_text('{"source": "a.csv", "files": []}')
    with pytest.raises(PipelineError, match="pipeline fetch"):
        sources.read(FINGERPRINT)
    assert fetch.refresh(data("a.csv"), FINGERPRINT) is True


def test_batches_are_recorded_with_their_folder_and_later_ones_are_not(folder: Path) -> None:
    store = folder / "store"
    store.mkdir()
    before = Data(source="a.csv", added="store", key="id", deduplicate=False)
    for name in ("added-2", "added-1", "quarantine-1"):
        (store / f"{name}.parquet").write_bytes(name.encode())

    assert fetch.refresh(before)
    recorded = FINGERPRINT.read_bytes()
    assert [file.path for file in sources.read(FINGERPRINT).batches] == [
        "store/added-1.parquet",
        "store/added-2.parquet",
    ]

    (store / "added-3.parquet").write_bytes(b"proposed, and not yet merged")
    assert not fetch.refresh(before)
    assert FINGERPRINT.read_bytes() == recorded


def test_without_a_folder_for_batches_the_fingerprint_has_no_such_key(folder: Path) -> None:
    fetch.refresh(data("a.csv"))
    plain = FINGERPRINT.read_bytes()
    assert b"added" not in plain

    fetch.refresh(Data(source="a.csv", added="store", key="id", deduplicate=False))
    assert files.read_json(FINGERPRINT)["added"] == {"folder": "store", "files": []}
    fetch.refresh(data("a.csv"))
    assert FINGERPRINT.read_bytes() == plain


def test_an_unusable_folder_for_batches_is_refused(folder: Path) -> None:
    with pytest.raises(PipelineError, match="data.added: holds a password"):
        fetch.refresh(Data(source="a.csv", added="s3://me:secret@bucket/added", key="id", deduplicate=False))
    with pytest.raises(ValueError, match="a web server takes no files"):
        Data(source="a.csv", added="https://example.org/added", key="id", deduplicate=False)
