"""The person's rows in data.added: the batches of retraining, listed in data/source.json or not, and the quarantine."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.core.errors import PipelineError
from pipeline.core.yaml import load_yaml
from pipeline.data.source import dvc_files, fetch, sources, store
from pipeline.data.source.sources import FINGERPRINT, Added, File, Source
from pipeline.forget import dvc_cache
from pipeline.forget.person import Person
from pipeline.forget.places import Found
from pipeline.watch.retrain import batch

PATTERNS = {"batches": fetch.BATCHES, "quarantine": "quarantine-*.parquet"}


def ids(folder: str, person: Person) -> frozenset[str]:
    """The ids of rows that batches and quarantine connect with the person's key."""
    found = set[str]()
    for _, file in _files(folder) if person.column else ():
        table = batch.read(file)
        found |= {str(row) for row in table.index[_masks(table, person)[0]]}
    return frozenset(found)


def find(folder: str, person: Person) -> Iterator[Found]:
    """The files with rows of the person, by key or id."""
    for kind, file in _files(folder):
        by_key, by_id = _masks(batch.read(file), person)
        if rows := int((by_key | by_id).sum()):
            erase = lambda file=file: _erase(file, person)  # noqa: E731
            yield Found(kind, file.path, rows, erase, by_id=bool((by_id & ~by_key).any()))


def _files(folder: str) -> list[tuple[str, File]]:
    """Each file of the folder with its kind, and its content on this machine."""
    files = []
    for kind, pattern in PATTERNS.items():
        url = f"{folder.rstrip('/')}/{pattern}"
        try:
            files += [(kind, _fingerprint(path)) for path in store.matching(url, batch.SETTING)]
        except PipelineError:
            raise
        except Exception as error:  # each fsspec plug-in has errors of its own
            raise PipelineError(f"{batch.SETTING}: {url}: can't be read: {sources.reason(error)}") from None
    return files


def _fingerprint(path: str) -> File:
    if sources.is_remote(path):
        return sources.download(path)
    place = sources.local(path)
    return File(path=path, size=place.stat().st_size, sha256=sources.digest(place))


def _masks(table: pd.DataFrame, person: Person) -> tuple[Any, Any]:
    """Which rows are the person's by key, and by id."""
    by_id = table.index.astype("str").isin(person.ids)
    if person.column not in table:
        return pd.Series(False, index=table.index).to_numpy(bool), by_id
    return person.by_key(table[person.column]).fillna(False).to_numpy(bool), by_id


def _erase(file: File, person: Person) -> None:
    """Put the file without these rows beside it, list that in its place, and remove the former."""
    table = batch.read(file)
    by_key, by_id = _masks(table, person)
    rest = table[~(by_key | by_id)]
    new = None
    with tempfile.TemporaryDirectory() as name:
        if len(rest):
            staged = batch.stage(Path(name), file.path.rsplit("-", 1)[0], rest)
            batch.put(staged)
            new = staged.file
    _list(file, new)
    _track(file, new)
    _remove(file)
    (sources.DOWNLOADS / file.sha256).unlink(missing_ok=True)


def _list(former: File, new: File | None) -> None:
    """Name the new file in data/source.json, where that names the former."""
    source = sources.read(FINGERPRINT) if FINGERPRINT.exists() else None
    if source is None or source.added is None or former.path not in {file.path for file in source.batches}:
        return
    files = {file.path: file for file in source.batches if file.path != former.path}
    files |= {new.path: new} if new else {}
    added = Added(folder=source.added.folder, files=tuple(files[path] for path in sorted(files)))
    fetch.write(FINGERPRINT, Source(source=source.source, files=source.files, added=added))


def _track(former: File, new: File | None) -> None:
    """Let DVC hold the new file where it held the former, whose content leaves the cache."""
    pointer = Path(f"{former.path}{dvc_files.SUFFIX}")
    if sources.is_remote(former.path) or not pointer.exists():
        return
    if new:
        dvc_files.add(Path(), [new.path])
    outs = (load_yaml(pointer, str(pointer)) or {}).get("outs", [])
    pointer.unlink()
    dvc_cache.remove({str(out.get("md5", "")) for out in outs})


def _remove(file: File) -> None:
    try:
        if sources.is_remote(file.path):
            system, path = sources.filesystem(file.path, batch.SETTING)
            system.rm_file(path)
        else:
            sources.local(file.path).unlink(missing_ok=True)
    except FileNotFoundError:
        return
    except Exception as error:  # each fsspec plug-in has errors of its own
        raise PipelineError(
            f"{batch.SETTING}: {file.path}: can't be removed: {sources.reason(error)}; remove it, and run again"
        ) from None
