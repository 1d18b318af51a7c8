"""The data source's fingerprint, `data/source.json`, and the files that it names, each checked against its hash."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, Strict, ValidationError

from pipeline.core import files, format_numbers
from pipeline.core.errors import PipelineError, first_problem
from pipeline.core.params import Name, Section

FINGERPRINT = Path("data/source.json")
FORMAT = 1  # of data/source.json, the highest that is read; the file has a number from format 2 on
DOWNLOADS = Path(".pipeline/downloads")  # remote files, each under its SHA-256
BLOCK = 1 << 20
WILDCARDS = "*?["  # of globs

COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
EXTENSIONS = (".csv", *(f".csv{ending}" for ending in COMPRESSIONS), ".parquet", ".pq")


class File(Section):
    """One file of the source: its path or full URL, its size in bytes, the SHA-256 of its content."""

    path: Name
    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Added(Section):
    """`data.added` as params.yaml has it, and those of its batches of labelled rows that are part of the data."""

    folder: Name
    files: Annotated[tuple[File, ...], Strict(strict=False)]


class Source(Section):
    """The content of data/source.json: `data.source` as params.yaml has it, and its files, by path."""

    source: Name
    files: Annotated[tuple[File, ...], Strict(strict=False), Field(min_length=1)]
    added: Added | None = None

    @property
    def batches(self) -> tuple[File, ...]:
        """The added batches, oldest first: their names begin with a time."""
        return self.added.files if self.added else ()


class ContentError(PipelineError):
    """A file of the source is missing or is not what its fingerprint says."""


class _ReadError(Exception):
    """Reading a remote file failed; the cause says why."""


def read(path: Path) -> Source:
    """The fingerprint at `path`; PipelineError where it is missing, damaged or of a newer format."""
    if not path.exists():
        raise PipelineError(f"{path}: no such file; `pipeline fetch` makes it")
    try:
        content = files.read_json(path)
        format_numbers.check(str(path), content, FORMAT)
        return Source.model_validate(content)
    except ValidationError as error:
        raise PipelineError(
            f"{path}: {first_problem(error, 'content')}; run `pipeline fetch` to make it again"
        ) from None


def is_remote(path: str) -> bool:
    """Whether `path` is a URL that fsspec opens, rather than a file of this machine."""
    return "://" in path and not path.startswith(("file://", "local://"))


def local(path: str) -> Path:
    """The file of this machine that a path or a file:// URL names."""
    return Path(path.removeprefix("file://").removeprefix("local://")).expanduser()


def extension(path: str) -> str:
    """The extension of a path or URL, in lower case, with that of a compression: `.csv.gz`."""
    name = (urlsplit(path).path if is_remote(path) else path).rsplit("/", 1)[-1].lower()
    suffixes = Path(name).suffixes
    return "".join(suffixes[-2:] if suffixes and suffixes[-1] in COMPRESSIONS else suffixes[-1:])


def filesystem(url: str, knob: str = "data.source") -> tuple[Any, str]:
    """fsspec's file system for `url`, and the path in it; PipelineError for a protocol that is not installed."""
    import fsspec

    try:
        system, path = fsspec.core.url_to_fs(url, **_timeouts(url.split("://")[0]))
    except (ImportError, ValueError) as error:
        raise PipelineError(
            f"{knob}: {url}: {error}; allowed: a path, https://, s3:// or a URL whose fsspec package "
            "is in the data group of pyproject.toml"
        ) from None
    return system, str(path)


def _timeouts(protocol: str) -> dict[str, Any]:
    """Options that limit the wait for a server that does not answer: `make run` continues without it."""
    if protocol == "s3":
        return {"config_kwargs": {"connect_timeout": 10, "read_timeout": 60, "retries": {"max_attempts": 2}}}
    if protocol in {"http", "https"}:
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60)
        return {"client_kwargs": {"timeout": timeout, "trust_env": True}}
    return {}


def digest(path: Path) -> str:
    """SHA-256 of a file, read block by block."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def download(url: str) -> File:
    """Copy a remote file to `.pipeline/downloads/<sha256>` and return its fingerprint; errors are fsspec's."""
    system, path = filesystem(url)
    name = hashlib.sha256(url.encode()).hexdigest()[:16]
    with system.open(path, "rb") as remote, files.replacing(DOWNLOADS / f"{name}.part") as temporary:
        with temporary.open("wb") as copy:
            for block in _blocks(remote):
                copy.write(block)
        file = File(path=url, size=temporary.stat().st_size, sha256=digest(temporary))
    os.replace(DOWNLOADS / f"{name}.part", DOWNLOADS / file.sha256)
    return file


def _blocks(remote: Any) -> Iterator[bytes]:
    """The content of a remote file; its errors become _ReadError, to tell them from errors of the local disk."""
    while True:
        try:
            block = remote.read(BLOCK)
        except OSError as error:
            raise _ReadError(str(error)) from (error.__cause__ or error)
        if not block:
            return
        yield block


def ensure_local(file: File) -> Path:
    """A local path with the content of `file`, which is downloaded if necessary.

    ContentError where the content has changed or is unavailable.
    """
    if not is_remote(file.path):
        return _check_local(file, local(file.path))
    copy = DOWNLOADS / file.sha256
    if not copy.exists() or digest(copy) != file.sha256:
        try:
            downloaded = download(file.path)
        except PipelineError:
            raise
        except Exception as error:  # each fsspec plug-in has errors of its own
            raise ContentError(f"{file.path}: can't be read: {reason(error)}") from None
        _compare(file, downloaded.sha256, downloaded.size)
    return copy


def reason(error: BaseException) -> str:
    """An error of a file system in one line: its cause, which says more than the path that the error repeats."""
    inner = error.__cause__ if isinstance(error.__cause__, Exception) else error
    if isinstance(inner, FileNotFoundError):
        return "no file is there"
    text = " ".join(str(inner).split())
    return f"{type(inner).__name__}: {text}" if text else type(inner).__name__


def _check_local(file: File, path: Path) -> Path:
    if not path.is_file():
        raise ContentError(
            f"{file.path}: no such file, and data/source.json names it; restore it, or run `pipeline fetch`"
        )
    size = path.stat().st_size
    _compare(file, digest(path) if size == file.size else "", size)
    return path


def _compare(file: File, sha256: str, size: int) -> None:
    if sha256 != file.sha256:
        raise ContentError(
            f"{file.path}: is not the content that data/source.json records ({size:,} bytes, recorded {file.size:,}); "
            "run `pipeline fetch` if the change is intended"
        )
