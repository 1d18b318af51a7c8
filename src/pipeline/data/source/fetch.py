"""`pipeline fetch`: record the files of `data.source`, with sizes and hashes, in data/source.json."""

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import click
from pydantic import BaseModel, Field

from pipeline.core import files, params
from pipeline.core.errors import PipelineError
from pipeline.data.source import dvc_files, readers, sources, store
from pipeline.data.source.sources import FINGERPRINT, Added, File, Source

CACHE = sources.DOWNLOADS / "known.json"  # URL: entity tag and fingerprint of what was downloaded last
BATCHES = "added-*.parquet"  # names of the batches in `data.added`


class Download(BaseModel):
    """A remote file as it was downloaded: the store's entity tag, if it has one, size and SHA-256 of the content."""

    tag: str | None
    size: int
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class UnreachableError(PipelineError):
    """The source can't be reached, but `data/source.json` records its content: `make run` can continue with that."""


@click.command(short_help="Record the data source's fingerprint.")
@click.option(
    "--fingerprint", "path", type=click.Path(path_type=Path), default=FINGERPRINT, help="The fingerprint to write."
)
def command(path: Path) -> None:
    """Look at the data source and record its fingerprint in data/source.json."""
    changed = refresh(params.read().data, path)
    source = sources.read(path)
    recorded = source.files + source.batches
    size = sum(file.size for file in recorded)
    summary = f"{len(recorded):,} {'file' if len(recorded) == 1 else 'files'}, {size:,} bytes"
    click.echo(f"fetch: {summary}; {path} {'has changed: commit it' if changed else 'is unchanged'}")


def refresh(data: params.Data, path: Path = FINGERPRINT) -> bool:
    """Record the source's fingerprint at `path` and return whether it changed; same content leaves the file untouched.

    UnreachableError where the source can't be reached but `path` was made from the same `data.source`; PipelineError
    where it was not, and for a source without files or with one of an unknown type.
    """
    previous = _read_recorded(path)
    batches = added(data.added, previous)
    is_recorded = previous is not None and (previous.source, previous.added) == (data.source, batches)
    unavailable = UnreachableError if is_recorded else PipelineError
    if not sources.is_remote(data.source) and (problems := dvc_files.bring()):
        raise unavailable("\n".join(problems))
    try:
        source = Source(source=data.source, files=tuple(resolve(data.source)), added=batches)
    except PipelineError:
        raise
    except Exception as error:  # each fsspec plug-in has errors of its own
        problem = f"data.source: {data.source}: can't be reached: {sources.reason(error)}{_advice(data.source)}"
        raise unavailable(problem) from None
    if source == previous:
        return False
    write(path, source)
    _remove_other_downloads(source)
    return True


def write(path: Path, source: Source) -> None:
    """Record a fingerprint; without `data.added` it has no key `added`."""
    files.write_json(path, source.model_dump(mode="json", exclude_none=True))


def resolve(source: str) -> list[File]:
    """The files of a path, a glob or a URL, sorted by path; remote ones are downloaded to be hashed.

    PipelineError for no file or an unknown type, OSError and the like where it can't be reached.
    """
    if sources.is_remote(source) and urlsplit(source).password:
        raise PipelineError(
            "data.source: holds a password, which git would keep; remove it, and set it in the environment"
        )
    paths = _remote_paths(source) if sources.is_remote(source) else _local_paths(source)
    if not paths:
        raise FileNotFoundError(source)
    for path in paths:
        if sources.extension(path) not in sources.EXTENSIONS:
            raise PipelineError(
                f"data.source: {path}: is neither CSV nor Parquet by its name; allowed: {', '.join(sources.EXTENSIONS)}"
            )
    return [_fingerprint(path) for path in sorted(paths)]


def added(folder: str | None, previous: Source | None) -> Added | None:
    """The batches of `data.added`: the recorded ones, or all of a folder that was not recorded before.

    A batch that retraining has added since is a proposal: its pull request records it, and a person merges that.
    """
    if folder is None:
        return None
    if previous is not None and previous.added is not None and previous.added.folder == folder:
        return previous.added
    try:
        paths = store.matching(f"{folder.rstrip('/')}/{BATCHES}", "data.added")
        files = tuple(_fingerprint(path) for path in paths)
        _check_disjoint(files)
        return Added(folder=folder, files=files)
    except PipelineError:
        raise
    except Exception as error:
        raise PipelineError(f"data.added: {folder}: can't be reached: {sources.reason(error)}") from None


def _check_disjoint(batches: Sequence[File]) -> None:
    """PipelineError where two batches hold the same row: one with corrected labels, say, and the one before it."""
    holders = dict[str, str]()
    for file in batches:
        for row in readers.row_ids(sources.ensure_local(file)):
            if (other := holders.setdefault(row, file.path)) != file.path:
                raise PipelineError(
                    f"data.added: {other} and {file.path} hold the same rows; remove the one that is outdated"
                )


def _local_paths(source: str) -> list[str]:
    path = str(sources.local(source))
    if os.path.isdir(path):
        raise PipelineError(f"data.source: {source} is a folder; name its files, such as {path.rstrip('/')}/*.parquet")
    if os.path.isfile(path):
        return [Path(path).as_posix()]
    names = glob.glob(path, recursive=True) if any(char in path for char in sources.WILDCARDS) else []
    return [Path(name).as_posix() for name in names if os.path.isfile(name)]


def _remote_paths(source: str) -> list[str]:
    if source.startswith(("http://", "https://")):  # in these a ? starts a query, and a web server lists no files
        if "*" in source:
            raise PipelineError(f"data.source: {source}: a web server lists no files; name one file, or use s3://")
        return [source]
    system, path = sources.filesystem(source)
    system.invalidate_cache()
    if any(char in path for char in sources.WILDCARDS):
        return [system.unstrip_protocol(name) for name in system.glob(path) if not name.endswith("/")]
    if system.isdir(path):
        raise PipelineError(
            f"data.source: {source} is a folder; name its files, such as {source.rstrip('/')}/*.parquet"
        )
    return [source]


def _fingerprint(path: str) -> File:
    """The file's fingerprint. A remote file with the entity tag of the last download is not downloaded again."""
    if not sources.is_remote(path):
        local = sources.local(path)
        return File(path=path, size=local.stat().st_size, sha256=sources.digest(local))
    system, path_in_store = sources.filesystem(path)
    tag, cache = _entity_tag(system.info(path_in_store)), _read_cache()
    last = cache.get(path)
    if last and tag is not None and last.tag == tag and (sources.DOWNLOADS / last.sha256).exists():
        return File(path=path, size=last.size, sha256=last.sha256)
    file = sources.download(path)
    cache[path] = Download(tag=tag, size=file.size, sha256=file.sha256)
    files.write_json(CACHE, {name: download.model_dump() for name, download in cache.items()})
    return file


def _entity_tag(info: dict[str, Any]) -> str | None:
    """The tag that the store changes with the content; a weak tag may stay the same, so it does not count."""
    tags = (info.get(name) for name in ("ETag", "etag", "md5Hash", "content_md5", "Content-MD5"))
    return next((tag for tag in tags if isinstance(tag, str) and not tag.startswith("W/")), None)


def _read_cache() -> dict[str, Download]:
    """What was downloaded last, by URL; empty where the file is missing or damaged."""
    return files.read_cache(CACHE, dict[str, Download]) or {}


def _read_recorded(path: Path) -> Source | None:
    try:
        return sources.read(path)
    except PipelineError:
        return None


def _remove_other_downloads(source: Source) -> None:
    needed = {file.sha256 for file in source.files + source.batches} | {CACHE.name}
    for path in sources.DOWNLOADS.glob("*"):
        if path.name not in needed:
            path.unlink(missing_ok=True)


def _advice(source: str) -> str:
    if not sources.is_remote(source):
        return "; paths start at the folder of params.yaml"
    if source.startswith("s3://"):
        return "; credentials come from the environment or ~/.aws (FSSPEC_S3_ANON=true for a public bucket)"
    return ""
