"""Reading and writing files so that no file is ever incomplete: a new file replaces the old one in one step."""

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.core import conflicts
from pipeline.core.errors import PipelineError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` to write to; it becomes `path` when the block ends well, else it is removed.

    An OSError, in the block as well, is a PipelineError that names `path` and the reason.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(descriptor)
        temporary = Path(name)
        yield temporary
        temporary.chmod(0o644)
        os.replace(temporary, path)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise PipelineError(f"{path}: the disk is full; free some space and run again") from None
        if error.errno in {errno.EACCES, errno.EROFS, errno.EPERM}:
            raise PipelineError(f"{path}: can't be written ({error.strerror}); check its permissions") from None
        raise PipelineError(f"{path}: can't be written: {reason(error)}") from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` with its floats rounded to six significant digits, so that equal results are equal bytes."""
    write_text(path, json.dumps(_rounded(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path, command: str | None = "make run") -> Any:
    """The content of a JSON file; PipelineError where it is missing or damaged.

    `command` writes the file, which the error says; None for one that somebody else wrote.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        remedy = f"`{command}` makes it" if command else "check the path"
        raise PipelineError(f"{path}: no such file; {remedy}") from None
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, a number of too many digits, too deep
        if conflict := conflicts.problem(path):
            raise PipelineError(conflict) from None
        remedy = f"remove it and run `{command}`" if command else "get the file again"
        raise PipelineError(f"{path}: damaged ({error}); {remedy}") from None
    except OSError as error:
        raise PipelineError(f"{path}: can't be read: {reason(error)}") from None


def read_cache(path: Path, shape: Any) -> Any:
    """The content of a file that only saves work, where it is of this type; None where it is missing or damaged."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(shape).validate_python(read_json(path), strict=True)
    except (PipelineError, ValidationError):
        return None


def md5(path: Path) -> str:
    """A file's MD5, as in dvc.lock; PipelineError where it is missing."""
    if not path.is_file():
        raise PipelineError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}; `make run` makes it")
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def reason(error: OSError) -> str:
    """Why the system refused, in words."""
    if isinstance(error, IsADirectoryError):
        return "it is a folder; name a file"
    if isinstance(error, FileExistsError | NotADirectoryError):
        return "a part of the path is a file, not a folder"
    return " ".join((error.strerror or str(error) or type(error).__name__).split())


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    if hasattr(value, "item"):  # a NumPy scalar
        value = value.item()
    return float(f"{value:.6g}") if isinstance(value, float) else value
