"""Outputs as dvc.lock names them: a file by its MD5, a folder by that of the list of its files, with `.dir`."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from pipeline.core import files

FOLDER_SUFFIX = ".dir"
NOT_TRACKED = "__pycache__"  # by .dvcignore


def md5(path: Path) -> str:
    """The MD5 of a file or folder, as in dvc.lock; PipelineError where it is missing."""
    if not path.is_dir():
        return files.md5(path)
    entries = [{"md5": files.md5(path / name), "relpath": name.as_posix()} for name in _names(path)]
    return hashlib.md5(json.dumps(entries, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + FOLDER_SUFFIX


def is_present(path: Path, expected: str) -> bool:
    """Whether the file or folder exists with this content."""
    exists = path.is_dir() if expected.endswith(FOLDER_SUFFIX) else path.is_file()
    return exists and md5(path) == expected


def copy(expected: str, target: Path, cached: Callable[[str], Path | None]) -> bool:
    """Copy an output of this MD5 to `target`, as `cached` has its content; False where that lacks a part of it."""
    source = cached(expected)
    if source is None:
        return False
    if not expected.endswith(FOLDER_SUFFIX):
        _copy_file(source, target)
        return True
    names = {entry["relpath"]: entry["md5"] for entry in json.loads(source.read_text(encoding="utf-8"))}
    parts = {PurePosixPath(name): cached(part) for name, part in names.items()}
    if any(part is None or name.is_absolute() or ".." in name.parts for name, part in parts.items()):
        return False
    if target.is_dir():
        shutil.rmtree(target)
    for name, part in parts.items():
        assert part
        _copy_file(part, target / name)
    return True


def copy_from(source: Path, target: Path) -> None:
    """Copy a file, or the files of a folder, to `target`, which holds nothing else then."""
    if source.is_file():
        _copy_file(source, target)
        return
    if target.is_dir():
        shutil.rmtree(target)
    for name in _names(source):
        _copy_file(source / name, target / name)


def parts(expected: str, cached: Callable[[str], Path | None]) -> list[str]:
    """The MD5s of a folder's files, as far as the cache has their list; none for a file."""
    source = cached(expected) if expected.endswith(FOLDER_SUFFIX) else None
    return [entry["md5"] for entry in json.loads(source.read_text(encoding="utf-8"))] if source else []


def _copy_file(source: Path, target: Path) -> None:
    with files.replacing(target) as temporary:
        shutil.copyfile(source, temporary)


def _names(folder: Path) -> list[Path]:
    """The files of a folder that DVC tracks, relative to it and in its order."""
    names = (file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    tracked = (name for name in names if NOT_TRACKED not in name.parts and name.suffix != ".pyc")
    return sorted(tracked, key=lambda name: name.parts)
