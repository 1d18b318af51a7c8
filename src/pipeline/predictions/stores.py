"""The files that a folder, a file, a glob or a URL of the monitor leads to, local or in a store, by fsspec."""

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

WILD = "*?["


@dataclass(frozen=True)
class File:
    """A file as its store lists it: `name` for people, size in bytes, last change in seconds since 1970 if known."""

    system: Any
    path: str
    name: str
    size: int
    modified: float | None
    remote: bool

    @contextmanager
    def opened(self, kind: Input) -> Iterator[IO[bytes]]:
        """A binary stream. A file in a store is copied here first, by one request: it may be replaced meanwhile.

        FileNotFoundError where it is gone by now; InputUnreadableError of this kind where the store fails, OSError
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
            except Exception as error:  # fsspec's plug-ins raise what they like
                raise unreachable(self.name, kind, error) from None
            with copy.open("rb") as stream:
                yield stream


def listed(url: str, kind: Input) -> list[File]:
    """The files, sorted by path; a folder is searched to its depth, hidden files are left out.

    InputUnreadableError of this kind where nothing is there or the store can't be reached.
    """
    if url.startswith(("http://", "https://")) and kind == "log":
        raise InputUnreadableError(
            kind, f"{url}: a web server lists no files; allowed: a folder or a store such as s3://"
        )
    try:
        system, path = sources.filesystem(url)
        system.invalidate_cache()
        found = _find(system, path)
    except FileNotFoundError:
        raise InputUnreadableError(kind, f"{url}: is not there") from None
    except PipelineError as error:
        raise InputUnreadableError(kind, str(error).removeprefix("data.source: ")) from None
    except Exception as error:  # fsspec's plug-ins raise what they like
        raise unreachable(url, kind, error) from None
    remote, top = sources.is_remote(url), _top(path, found)
    made = [
        File(system, name, name.removeprefix(top), info.get("size") or 0, _modified(info), remote)
        for name, info in sorted(found.items())
        if info["type"] == "file" and not name.rsplit("/", 1)[-1].startswith(".")
    ]
    if not made:
        raise InputUnreadableError(kind, f"{url}: no file is there")
    return made


def unreachable(url: str, kind: Input, error: Exception) -> InputUnreadableError:
    """The error for a store that does not answer, or refuses."""
    return InputUnreadableError(kind, f"{url}: can't be read: {sources.reason(error)}")


def _find(system: Any, path: str) -> dict[str, Any]:
    if any(sign in path for sign in WILD):
        return dict(system.glob(path, detail=True))
    info = system.info(path)
    return {path: info} if info["type"] == "file" else dict(system.find(path, detail=True))


def _top(path: str, found: dict[str, Any]) -> str:
    """The folder that names are told from."""
    if path in found:
        return path.rpartition("/")[0] + "/"
    wild = min((path.find(sign) for sign in WILD if sign in path), default=None)
    return path.rstrip("/") + "/" if wild is None else path[:wild].rpartition("/")[0] + "/"


def _modified(info: dict[str, Any]) -> float | None:
    told = info.get("mtime", info.get("LastModified"))
    if isinstance(told, datetime.datetime):
        return told.timestamp()
    return float(told) if isinstance(told, int | float) else None
