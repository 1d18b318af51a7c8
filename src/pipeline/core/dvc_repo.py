"""The DVC repository of this work tree, opened so that damage is found: in its cache, its outputs and DVC's own files.

DVC trusts each read-only file of its cache, and each file that it copied from there, without reading it.
"""

import functools
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from pipeline.core import conflicts, files, pipelines
from pipeline.core.errors import PipelineError
from pipeline.core.yaml import load_yaml

YAML_FILES = ("dvc.yaml", "dvc.lock", "params.yaml")  # that DVC reads
SETTINGS = ("config", "config.local")  # in the folder .dvc, the later first
READ_WRITE_LOCK = "tmp/rwlock"  # in the folder .dvc


@contextmanager
def opened() -> Iterator[Any]:
    """DVC's `Repo`, which hashes a file of its cache before it uses it.

    What DVC raises here or in the block becomes a PipelineError.
    """
    from dvc.config import ConfigError
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    conflicts.check()
    pipelines.check_stages()
    for name in YAML_FILES:  # DVC does not survive every one
        if Path(name).exists():
            load_yaml(Path(name), name)
    repo = None
    try:
        repo = Repo()
        repo.cache.local.check = functools.partial(_check, repo.cache.local)
        yield repo
    except ConfigError as error:
        raise PipelineError(f".dvc/config or .dvc/config.local: {_explain(error)}; correct it") from None
    except DvcException as error:
        raise PipelineError(_read_write_lock_problem() or _explain(error)) from None
    except sqlite3.Error as error:
        folder = repo.site_cache_dir if repo else "DVC's core.site_cache_dir"
        raise PipelineError(f"{folder}: DVC's database there is damaged ({error}); remove this folder") from None
    except OSError as error:
        raise PipelineError(f"{error.filename or 'DVC'}: {files.reason(error)}") from None


def folder(root: Path = Path()) -> Path:
    """DVC's own folder: the .dvc of `root` or of the nearest folder around it, which other pipelines may share."""
    around = (root.absolute(), *root.absolute().parents)
    return next((path / ".dvc" for path in around if (path / ".dvc").is_dir()), root / ".dvc")


def own_stages(repo: Any) -> list[Any]:
    """The stages of the dvc.yaml in the working directory, without those of other pipelines in the repository."""
    return [stage for stage in repo.index.stages if Path(stage.path).parent == Path.cwd()]


def remove_altered(repo: Any) -> bool:
    """Remove the outputs of the work tree whose bytes are not those that DVC takes them for; whether there were any.

    Stages may have read them: all have to run again.
    """
    altered = [(path, md5) for stage in own_stages(repo) for out in stage.outs for path, md5 in altered_files(out)]
    for path, md5 in altered:
        click.echo(f"warning: {_shown(path)}: is damaged; all stages run again", err=True)
        _remove(path)
        if (cached := Path(repo.cache.local.oid_to_path(md5))).is_file() and files.md5(cached) != md5:
            _remove(cached)
    return bool(altered)


def altered_files(out: Any) -> list[tuple[Path, str]]:
    """The files of an output, with the MD5s that they should have, that have changed without DVC's notice."""
    if not out.exists or out.hash_info.name != "md5" or out.changed_checksum():
        return []
    named = [(Path(out.fs_path), out.hash_info.value)]
    if out.hash_info.isdir:
        named = [(Path(out.fs_path, *key), info.value) for key, _, info in out.get_obj() or ()]
    return [(path, md5) for path, md5 in named if path.is_file() and files.md5(path) != md5]


def check_folders(repo: Any) -> None:
    """PipelineError where an output's folder is a file, or a link out of the repository: DVC can't keep it there."""
    root = Path(repo.root_dir)
    paths = {parent for stage in own_stages(repo) for out in stage.outs for parent in Path(out.fs_path).parents}
    for folder in sorted(path for path in paths if path != root and path.is_relative_to(root)):
        if folder.is_symlink() and not folder.resolve().is_relative_to(root.resolve()):
            raise PipelineError(
                f"{_shown(folder)}: is a link to {folder.resolve()}, out of the repository, where DVC keeps no output; "
                "replace it by a folder (`dvc cache dir` moves the cache to a larger disk)"
            )
        if (folder.exists() or folder.is_symlink()) and not folder.is_dir():
            raise PipelineError(f"{_shown(folder)}: is not a folder, but outputs go there; remove it and run again")


def _check(database: Any, oid: str, check_hash: bool = True, _info: Any = None) -> Any:
    """`check` of DVC's local cache without its trust in read-only files; a damaged file is removed, as DVC does."""
    from dvc_data.hashfile.db import HashFileDB
    from dvc_objects.errors import ObjectFormatError

    try:
        return HashFileDB.check(database, oid, check_hash, _info)
    except ObjectFormatError:
        path = Path(database.oid_to_path(oid))
        click.echo(f"warning: {_shown(path)}: a damaged file of the DVC cache, removed; its stage runs again", err=True)
        raise


def _read_write_lock_problem() -> str | None:
    """What is wrong with DVC's file of locks, which a killed process can leave half written."""
    from dvc.rwlock import SCHEMA
    from voluptuous import Invalid

    path = folder() / READ_WRITE_LOCK
    try:
        SCHEMA(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, Invalid):
        return f"{_shown(path)}: damaged; when no other run is at work here, remove it and run again"
    return None


def _explain(error: Exception) -> str:
    """One line for what DVC raised; a stage has printed its own error."""
    from dvc.stage.exceptions import StageCmdFailedError

    cause = error.__cause__
    if isinstance(cause, StageCmdFailedError):
        stage = str(error).removeprefix("failed to reproduce ")
        return f"stage {stage} failed and said why above; nothing of it was recorded: fix the cause and run again"
    message = " ".join(f"{error}{': ' + str(cause) if cause else ''}".split())[:500]
    return f"{message}; free some space and run again" if "No space left" in message else message


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError as error:
        raise PipelineError(f"{_shown(path)}: damaged, and can't be removed: {files.reason(error)}") from None


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
