"""Lists and opens the files at a folder, a path, a glob or a URL, local or in a store, through fsspec."""

import datetime
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pipeline.core.errors import PipelineError
from pipeline.data.source import sources
from pipeline.predictions.damage import Input, InputUnreadableError

WILDCARDS = "*?["


@dataclass(frozen=True)
class File:
    """A file as its store lists it: `name` for messages, size in bytes, last change in seconds since 1970 if known."""

    system: Any
    path: str
    name: str
    size: int
    modified: float | None
    remote: bool

    @contextmanager
    def opened(self, kind: Input) -> Iterator[IO[bytes]]:
        """A binary stream. A file in a store is first downloaded by one request: it may be replaced while it is read.

        FileNotFoundError where it has disappeared; InputUnreadableError of this kind where the store fails, OSError
        for a local file that can't be read.
        """
        if not self.remote:
            with Path(self.path).open("rb") as stream:
                yield stream
            return
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "copy"
            try:
                self.system.get_file(self.path, str(copy))
            except FileNotFoundError:
                raise
            except Exception as error:  # fsspec's plug-ins raise errors of any type
                raise unreachable(self.name, kind, error) from None
            with copy.open("rb") as stream:
                yield stream


# Where people say what is read.
NAMED_BY: dict[Input, str] = {
    "log": "the prediction log is named by --log, PIPELINE_LOG_URL or monitor.log in params.yaml",
    "labels": "the labels are named by --labels, PIPELINE_LABELS_URL or monitor.labels in params.yaml",
}


def list_files(url: str, kind: Input) -> list[File]:
    """The files, sorted by path; a folder is searched recursively, hidden files are left out.

    InputUnreadableError of this kind where there is no file or the store can't be reached.
    """
    if url.startswith(("http://", "https://")) and kind == "log":
        raise InputUnreadableError(
            kind, f"{url}: a web server lists no files; allowed: a folder or a store such as s3://"
        )
    try:
        system, path = sources.filesystem(url)
        system.invalidate_cache()
        entries = _find(system, path)
    except FileNotFoundError:
        raise InputUnreadableError(kind, f"{url}: does not exist; {NAMED_BY[kind]}") from None
    except PipelineError as error:
        raise InputUnreadableError(kind, str(error).removeprefix("data.source: ")) from None
    except Exception as error:  # fsspec's plug-ins raise errors of any type
        raise unreachable(url, kind, error) from None
    remote, base = sources.is_remote(url), _base(path, entries)
    files = [
        File(system, name, name.removeprefix(base), info.get("size") or 0, _modified(info), remote)
        for name, info in sorted(entries.items())
        if info["type"] == "file" and not name.rsplit("/", 1)[-1].startswith(".")
    ]
    if not files:
        raise InputUnreadableError(kind, f"{url}: holds no files; {NAMED_BY[kind]}")
    return files


def unreachable(url: str, kind: Input, error: Exception) -> InputUnreadableError:
    """The error for a store that does not answer, or refuses access."""
    return InputUnreadableError(kind, f"{url}: can't be read: {sources.reason(error)}")


def _find(system: Any, path: str) -> dict[str, Any]:
    if any(sign in path for sign in WILDCARDS):
        return dict(system.glob(path, detail=True))
    info = system.info(path)
    return {path: info} if info["type"] == "file" else dict(system.find(path, detail=True))


def _base(path: str, entries: dict[str, Any]) -> str:
    """The folder that the files' names are relative to."""
    if path in entries:
        return path.rpartition("/")[0] + "/"
    wildcard = min((path.find(sign) for sign in WILDCARDS if sign in path), default=None)
    return path.rstrip("/") + "/" if wildcard is None else path[:wildcard].rpartition("/")[0] + "/"


def _modified(info: dict[str, Any]) -> float | None:
    modified = info.get("mtime", info.get("LastModified"))
    if isinstance(modified, datetime.datetime):
        return modified.timestamp()
    return float(modified) if isinstance(modified, int | float) else None
