"""`pipeline fetch`: look at `data.source` and record which files it leads to, with sizes and hashes, in git."""

import glob
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from pipeline.core import files, params
from pipeline.core.errors import PipelineError
from pipeline.data.source import sources, store
from pipeline.data.source.sources import FINGERPRINT, Added, File, Source

KNOWN = sources.DOWNLOADS / "known.json"  # URL: entity tag and fingerprint of what was downloaded last
BATCHES = "added-*.parquet"  # names of the batches in `data.added`


class Unreachable(PipelineError):  # noqa: N818  # what the source is, more than an error
    """The source can't be looked at now, but `data/source.json` records what it held: work can go on from that."""


@click.command(short_help="Record the data source's fingerprint.")
@click.option(
    "--fingerprint", "path", type=click.Path(path_type=Path), default=FINGERPRINT, help="The fingerprint to write."
)
def command(path: Path) -> None:
    """Look at the data source and record its fingerprint in data/source.json."""
    changed = refresh(params.read().data, path)
    source = sources.read(path)
    found = source.files + source.batches
    size = sum(file.size for file in found)
    what = f"{len(found):,} {'file' if len(found) == 1 else 'files'}, {size:,} bytes"
    click.echo(f"fetch: {what}; {path} {'has changed: commit it' if changed else 'is as it was'}")


def refresh(data: params.Data, path: Path = FINGERPRINT) -> bool:
    """Record the source's fingerprint at `path` and return whether it changed; same content leaves the file untouched.

    Unreachable where the source can't be looked at but `path` was made from the same `data.source`; PipelineError
    where it was not, and for a source that leads to no file or to one of an unknown type.
    """
    before = _recorded(path)
    batches = added(data.added, before)
    try:
        found = Source(source=data.source, files=tuple(resolve(data.source)), added=batches)
    except PipelineError:
        raise
    except Exception as error:  # fsspec's plug-ins raise what they like
        problem = f"data.source: {data.source}: can't be reached: {sources.reason(error)}{_advice(data.source)}"
        recorded = before is not None and (before.source, before.added) == (data.source, batches)
        raise (Unreachable if recorded else PipelineError)(problem) from None
    if found == before:
        return False
    write(path, found)
    _forget_all_but(found)
    return True


def write(path: Path, source: Source) -> None:
    """Record a fingerprint; without `data.added` it has no such key."""
    files.write_json(path, source.model_dump(mode="json", exclude_none=True))


def resolve(source: str) -> list[File]:
    """The files that a path, a glob or a URL leads to, sorted by path; remote ones are downloaded to be hashed.

    PipelineError where it leads to none or to an unknown type, OSError and the like where it can't be reached.
    """
    if sources.is_remote(source) and urlsplit(source).password:
        raise PipelineError(
            "data.source: holds a password, which git would keep; take it out, name it by the environment"
        )
    paths = _remote_paths(source) if sources.is_remote(source) else _local_paths(source)
    if not paths:
        raise FileNotFoundError(source)
    for path in paths:
        if sources.extension(path) not in sources.EXTENSIONS:
            raise PipelineError(
                f"data.source: {path}: is neither CSV nor Parquet by its name; allowed: {', '.join(sources.EXTENSIONS)}"
            )
    return [_look(path) for path in sorted(paths)]


def added(folder: str | None, before: Source | None) -> Added | None:
    """The batches of `data.added`: the recorded ones, or where the folder was not named before all that are there.

    A batch that retraining has put there since is a proposal: its pull request records it, and a person merges that.
    """
    if folder is None:
        return None
    if before is not None and before.added is not None and before.added.folder == folder:
        return before.added
    try:
        found = store.matching(f"{folder.rstrip('/')}/{BATCHES}", "data.added")
        return Added(folder=folder, files=tuple(_look(path) for path in found))
    except PipelineError:
        raise
    except Exception as error:
        raise PipelineError(f"data.added: {folder}: can't be reached: {sources.reason(error)}") from None


def _local_paths(source: str) -> list[str]:
    path = str(sources.local(source))
    if os.path.isdir(path):
        raise PipelineError(f"data.source: {source} is a folder; name its files, such as {path.rstrip('/')}/*.parquet")
    if os.path.isfile(path):
        return [Path(path).as_posix()]
    found = glob.glob(path, recursive=True) if any(sign in path for sign in store.WILD) else []
    return [Path(name).as_posix() for name in found if os.path.isfile(name)]


def _remote_paths(source: str) -> list[str]:
    if source.startswith(("http://", "https://")):  # a ? starts a query there, and a web server lists no files
        if "*" in source:
            raise PipelineError(f"data.source: {source}: a web server lists no files; name one file, or use s3://")
        return [source]
    system, path = sources.filesystem(source)
    system.invalidate_cache()
    if any(sign in path for sign in store.WILD):
        return [system.unstrip_protocol(name) for name in system.glob(path) if not name.endswith("/")]
    if system.isdir(path):
        raise PipelineError(
            f"data.source: {source} is a folder; name its files, such as {source.rstrip('/')}/*.parquet"
        )
    return [source]


def _look(path: str) -> File:
    """The file's fingerprint. A remote one with the entity tag of the last download is not downloaded again."""
    if not sources.is_remote(path):
        there = sources.local(path)
        return File(path=path, size=there.stat().st_size, sha256=sources.digest(there))
    system, inside = sources.filesystem(path)
    tag, known = _entity_tag(system.info(inside)), _known()
    last = known.get(path, {})
    if tag is not None and last.get("tag") == tag and (sources.DOWNLOADS / last["sha256"]).exists():
        return File(path=path, size=last["size"], sha256=last["sha256"])
    found = sources.download(path)
    files.write_json(KNOWN, known | {path: {"tag": tag, "size": found.size, "sha256": found.sha256}})
    return found


def _entity_tag(info: dict[str, Any]) -> str | None:
    """What the store promises to change with the content; a weak tag promises too little."""
    tags = (info.get(name) for name in ("ETag", "etag", "md5Hash", "content_md5", "Content-MD5"))
    return next((tag for tag in tags if isinstance(tag, str) and not tag.startswith("W/")), None)


def _known() -> dict[str, Any]:
    try:
        found = files.read_json(KNOWN)
    except PipelineError:
        return {}
    return found if isinstance(found, dict) else {}


def _recorded(path: Path) -> Source | None:
    try:
        return sources.read(path)
    except PipelineError:
        return None


def _forget_all_but(source: Source) -> None:
    kept = {file.sha256 for file in source.files + source.batches} | {KNOWN.name}
    for path in sources.DOWNLOADS.glob("*"):
        if path.name not in kept:
            path.unlink(missing_ok=True)


def _advice(source: str) -> str:
    if not sources.is_remote(source):
        return "; paths start at the top of the repository"
    if source.startswith("s3://"):
        return "; credentials come from the environment or ~/.aws (FSSPEC_S3_ANON=true for a public bucket)"
    return ""
