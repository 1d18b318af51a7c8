"""The source's fingerprint: paths, globs, web servers and stores, and what a source that can't be reached means."""

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


class Site:
    """A web server on the loopback interface that serves a folder."""

    def __init__(self, folder: Path, handler: Any = SimpleHTTPRequestHandler) -> None:
        folder.mkdir(exist_ok=True)
        quiet = type("Quiet", (handler,), {"log_message": lambda *_: None})
        here = partial(quiet, directory=str(folder)) if handler is SimpleHTTPRequestHandler else quiet
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), here)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def site(folder: Path) -> Iterator[Site]:
    served = Site(folder / "site")
    (folder / "site/a.csv").write_text(CSV)
    yield served
    served.stop()


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


def test_a_glob_leads_to_its_files_in_order_and_to_no_folder(folder: Path) -> None:
    (folder / "parts/deep").mkdir(parents=True)
    for name in ("b.csv", "a.csv", "deep/c.csv"):
        (folder / "parts" / name).write_text(CSV)
    (folder / "parts/d.csv").mkdir()
    fetch.refresh(data("parts/*.csv"), FINGERPRINT)
    assert paths() == ["parts/a.csv", "parts/b.csv"]
    fetch.refresh(data("parts/**/*.csv"), FINGERPRINT)
    assert paths() == ["parts/a.csv", "parts/b.csv", "parts/deep/c.csv"]


def test_a_file_whose_name_holds_a_bracket_is_found_as_it_is(folder: Path) -> None:
    (folder / "a[1].csv").write_text(CSV)
    fetch.refresh(data("a[1].csv"), FINGERPRINT)
    assert paths() == ["a[1].csv"]


@pytest.mark.parametrize(
    ("source", "said"),
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
def test_a_source_that_leads_nowhere_says_why(folder: Path, source: str, said: str) -> None:
    (folder / "a.xlsx").write_text("x")
    with pytest.raises(PipelineError, match="^data.source: ") as caught:
        fetch.refresh(data(source), FINGERPRINT)
    assert said in str(caught.value)
    assert not isinstance(caught.value, fetch.Unreachable)
    assert not FINGERPRINT.exists()


def test_a_missing_source_can_be_gone_on_without_only_if_its_own_fingerprint_is_there(folder: Path) -> None:
    fetch.refresh(data("a.csv"), FINGERPRINT)
    (folder / "a.csv").unlink()
    before = FINGERPRINT.read_bytes()
    with pytest.raises(fetch.Unreachable, match=r"a\.csv"):
        fetch.refresh(data("a.csv"), FINGERPRINT)
    with pytest.raises(PipelineError) as caught:
        fetch.refresh(data("b.csv"), FINGERPRINT)
    assert not isinstance(caught.value, fetch.Unreachable)
    assert FINGERPRINT.read_bytes() == before


def test_a_web_file_is_read_from_its_download_when_the_server_is_gone(site: Site) -> None:
    wanted = data(f"{site.url}/a.csv?version=2")
    fetch.refresh(wanted, FINGERPRINT)
    assert paths() == [wanted.source]
    site.stop()
    table, _ = read(sources.read(FINGERPRINT), wanted)
    assert table.to_pydict() == {"id": [1, 2], "amount": [2.5, 3.5]}
    with pytest.raises(fetch.Unreachable):
        fetch.refresh(wanted, FINGERPRINT)


def test_a_web_file_that_is_not_there_says_so(site: Site) -> None:
    with pytest.raises(PipelineError, match="404"):
        fetch.refresh(data(f"{site.url}/b.csv"), FINGERPRINT)


def test_a_web_file_that_changed_is_seen_and_the_old_download_forgotten(site: Site, folder: Path) -> None:
    wanted = data(f"{site.url}/a.csv")
    fetch.refresh(wanted, FINGERPRINT)
    (folder / "site/a.csv").write_text(CSV + "3,4.5\n")
    assert fetch.refresh(wanted, FINGERPRINT) is True
    kept = [path.name for path in sources.DOWNLOADS.iterdir() if path.suffix != ".json"]
    assert kept == [files.read_json(FINGERPRINT)["files"][0]["sha256"]]


def test_a_clone_without_the_download_reads_a_web_file_that_changed_since_only_after_a_fetch(
    site: Site, folder: Path
) -> None:
    wanted = data(f"{site.url}/a.csv")
    fetch.refresh(wanted, FINGERPRINT)
    for path in sources.DOWNLOADS.iterdir():
        path.unlink()
    assert read(sources.read(FINGERPRINT), wanted)[0].num_rows == 2
    for path in sources.DOWNLOADS.iterdir():
        path.unlink()
    (folder / "site/a.csv").write_text(CSV + "3,4.5\n")
    with pytest.raises(PipelineError, match="run `pipeline fetch`"):
        read(sources.read(FINGERPRINT), wanted)


class Cut(BaseHTTPRequestHandler):
    """Promises more than it sends."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(b"id,amount\n1,2")


def test_a_web_file_that_is_cut_off_on_its_way_is_not_taken(folder: Path) -> None:
    site = Site(folder / "site", Cut)
    with pytest.raises(PipelineError, match="can't be reached"):
        fetch.refresh(data(f"{site.url}/a.csv"), FINGERPRINT)
    site.stop()
    assert not FINGERPRINT.exists()
    assert list(sources.DOWNLOADS.iterdir()) == []


def test_a_glob_over_a_store_leads_to_full_urls_that_ingest_reads(store: Any) -> None:
    for number, name in enumerate(["in/b.csv", "in/a.csv", "out/c.csv"]):
        store.put_object(Bucket="bucket", Key=name, Body=f"id,amount\n{number},1.5\n".encode())
    wanted = data("s3://bucket/in/*.csv")
    assert fetch.refresh(wanted, FINGERPRINT) is True
    assert paths() == ["s3://bucket/in/a.csv", "s3://bucket/in/b.csv"]
    assert read(sources.read(FINGERPRINT), wanted)[0].column("id").to_pylist() == [1, 0]


def test_an_unchanged_object_is_not_downloaded_again_and_a_changed_one_is(store: Any) -> None:
    store.put_object(Bucket="bucket", Key="one.csv", Body=CSV.encode())
    wanted = data("s3://bucket/one.csv")
    fetch.refresh(wanted, FINGERPRINT)
    kept = sources.DOWNLOADS / files.read_json(FINGERPRINT)["files"][0]["sha256"]
    before = kept.stat().st_ino, kept.stat().st_mtime_ns
    assert fetch.refresh(wanted, FINGERPRINT) is False
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == before
    store.put_object(Bucket="bucket", Key="one.csv", Body=CSV.replace("2.5", "2.6").encode())
    assert fetch.refresh(wanted, FINGERPRINT) is True


def test_a_store_without_the_object_or_the_bucket_says_so(store: Any) -> None:
    for source in ("s3://bucket/none.csv", "s3://no-bucket/*.csv"):
        with pytest.raises(PipelineError, match="can't be reached"):
            fetch.refresh(data(source), FINGERPRINT)
    assert not FINGERPRINT.exists()


def test_any_url_of_fsspec_is_read(folder: Path) -> None:
    import fsspec

    with fsspec.open("memory://somewhere/a.csv", "w") as there:
        there.write(CSV)
    fetch.refresh(data("memory://somewhere/*.csv"), FINGERPRINT)
    assert read(sources.read(FINGERPRINT), data("memory://somewhere/*.csv"))[0].num_rows == 2


def test_a_damaged_fingerprint_is_made_anew(folder: Path) -> None:
    FINGERPRINT.parent.mkdir()
    FINGERPRINT.write_text('{"source": "a.csv", "files": []}')
    with pytest.raises(PipelineError, match="pipeline fetch"):
        sources.read(FINGERPRINT)
    assert fetch.refresh(data("a.csv"), FINGERPRINT) is True


def test_batches_that_retraining_adds_are_recorded_once_they_are_named(folder: Path) -> None:
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

    (store / "added-3.parquet").write_bytes(b"proposed, and merged by nobody yet")
    assert not fetch.refresh(before)
    assert FINGERPRINT.read_bytes() == recorded


def test_without_a_folder_for_batches_the_fingerprint_has_no_word_of_it(folder: Path) -> None:
    fetch.refresh(data("a.csv"))
    plain = FINGERPRINT.read_bytes()
    assert b"added" not in plain

    fetch.refresh(Data(source="a.csv", added="store", key="id", deduplicate=False))
    assert files.read_json(FINGERPRINT)["added"] == {"folder": "store", "files": []}
    fetch.refresh(data("a.csv"))
    assert FINGERPRINT.read_bytes() == plain


def test_a_folder_for_batches_that_can_not_be_one_is_refused(folder: Path) -> None:
    with pytest.raises(PipelineError, match="data.added: holds a password"):
        fetch.refresh(Data(source="a.csv", added="s3://me:secret@bucket/added", key="id", deduplicate=False))
    with pytest.raises(ValueError, match="a web server takes no files"):
        Data(source="a.csv", added="https://example.org/added", key="id", deduplicate=False)
