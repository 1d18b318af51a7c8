"""The project's own parts: parameters, data, contract, DVC's cache and remote, MLflow."""

import configparser
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from pipeline.core import conflicts, params
from pipeline.core.errors import PipelineError
from pipeline.core.yaml import load_yaml
from pipeline.data.contract import schema
from pipeline.data.source import sources
from pipeline.doctor.finding import Checks, Finding, good, missing, not_visible, wrong

HASHED = 200_000_000  # bytes of local data that are hashed; beyond, sizes are compared
LOCK = Path("dvc.lock")
CACHE = Path(".dvc/cache")
REMOTE_PAGE = "docs/how-to/set-up-github.md#keep-what-runs-have-made"
URL_VARIABLE = "DVC_REMOTE_URL"  # overrides the remote of DVC's configuration
PROBE = ".pipeline-doctor"


def parameters() -> Finding:
    params.read()
    return good("params.yaml holds what its types allow")


def data() -> Finding:
    """Whether the source is what data/source.json records: files by size and hash, remote ones by being there."""
    source = params.read().data.source
    recorded = sources.read(sources.FINGERPRINT)
    if recorded.source != source:
        return wrong(f"{sources.FINGERPRINT} records {recorded.source}, params.yaml has {source}", "pipeline fetch")
    if sources.is_remote(source):
        return _remote_data(source)
    if sum(file.size for file in recorded.files) <= HASHED:
        for file in recorded.files:
            sources.ensure_local(file)
        return good(f"{source}: as {sources.FINGERPRINT} records it")
    for file in recorded.files:
        path = sources.local(file.path)
        if not path.is_file() or path.stat().st_size != file.size:
            return wrong(f"{file.path}: is not the file that {sources.FINGERPRINT} records", "pipeline fetch")
    return good(f"{source}: files and sizes as {sources.FINGERPRINT} records them")


def contract() -> Finding:
    """Whether data/schema.yaml is one, and has the columns that params.yaml names."""
    written = schema.read(schema.PATH)
    if lines := schema.unknown_columns(params.read(), written):
        raise PipelineError("\n".join(lines))
    return good(f"{schema.PATH}: {len(written.columns)} columns")


def lock() -> Finding:
    """Whether dvc.lock is there, and the cache has what it names."""
    if conflict := conflicts.problem(LOCK):
        raise PipelineError(conflict)
    if not LOCK.is_file():
        return missing("there is no dvc.lock: no model is recorded yet", "make run")
    hashes = list(_hashes(load_yaml(LOCK, str(LOCK))))
    absent = [md5 for md5 in hashes if not (_cache() / "files/md5" / md5[:2] / md5[2:]).is_file()]
    if absent:
        return missing(f"{len(absent)} of the {len(hashes)} outputs that dvc.lock names are not here", "make run")
    return good(f"dvc.lock: its {len(hashes)} outputs are in the cache")


def cache() -> Finding:
    """Whether DVC can write its cache."""
    folder = _cache()
    if not _is_writable(folder):
        return wrong(f"{folder}: can't be written", f'sudo chown -R "$USER" {folder}')
    return good(f"{folder} can be written")


def remote() -> Finding:
    """Whether DVC's remote can be reached and written; without a trace of the look."""
    url, name = os.environ.get(URL_VARIABLE, "").strip(), _setting("core", "remote")
    if not url and not name:
        return missing("no DVC remote: outputs stay on this machine and in the Actions cache", REMOTE_PAGE)
    try:
        where, problem = _try_remote(url)
    except Exception as error:  # DVC's plug-ins have errors of their own
        reason = sources.reason(error)
        return wrong(f"{url or name}: can't be reached: {reason}", ".venv/bin/dvc remote list")
    if problem:
        return wrong(f"{where}: {problem}", REMOTE_PAGE)
    return good(f"{where}: can be read and written") if problem is not None else _only_read(where)


def mlflow() -> Finding:
    """Whether the tracking server, or the local store, can be used."""
    from pipeline.train.tracking import mlflow_runs, track

    uri = track.tracking_uri()
    shown = mlflow_runs.without_credentials(uri)
    if mlflow_runs.is_server(uri):
        if problem := mlflow_runs.unreachable(uri):
            return wrong(f"{shown}: can't be reached ({problem})", f"curl {shown.rstrip('/')}/health")
        return good(f"{shown}: answers")
    return _store(shown)


def _store(uri: str) -> Finding:
    path = Path(uri.removeprefix("sqlite:///"))
    if not uri.startswith("sqlite:///") or not path.exists():
        return good(f"{uri}: made by the first run")
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
            count = store.execute("select count(*) from runs").fetchone()[0]
    except sqlite3.Error as error:
        return wrong(f"{path}: can't be read ({error})", f"mv {path} {path}.damaged")
    return good(f"{uri}: can be read; runs: {count:,}")


def _remote_data(source: str) -> Finding:
    try:
        system, path = sources.filesystem(source)
        is_there = bool(system.glob(path)) if any(char in path for char in sources.WILDCARDS) else system.exists(path)
    except PipelineError:
        raise
    except Exception as error:  # each fsspec plug-in has errors of its own
        return wrong(f"{source}: can't be reached: {sources.reason(error)}", "pipeline fetch")
    return good(f"{source}: can be reached") if is_there else wrong(f"{source}: no file is there", "pipeline fetch")


def _try_remote(url: str) -> tuple[str, str | None]:
    """The remote's address; what is wrong with it: "" for nothing, None where only a write would show it."""
    from dvc.repo import Repo

    config = {"core": {"remote": PROBE}, "remote": {PROBE: {"url": url}}} if url else None
    database: Any = Repo(config=config).cloud.get_remote_odb()
    path = str(database.path).removesuffix("/files/md5")
    system, where = database.fs, f"{database.fs.protocol}://{path}"
    if system.protocol == "local":
        return path, "" if _is_writable(Path(path)) else "can't be written"
    if system.protocol == "s3":
        return where, _write_to_s3(system.fs, path)
    system.exists(path)
    return where, None


def _write_to_s3(system: Any, path: str) -> str:
    """Why nothing can be written there: an upload is begun and given up, so that no object comes into being."""
    bucket, _, key = path.partition("/")
    where = {"Bucket": bucket, "Key": f"{key}/{PROBE}".lstrip("/")}
    try:
        upload = system.call_s3("create_multipart_upload", **where)
        system.call_s3("abort_multipart_upload", **where, UploadId=upload["UploadId"])
    except OSError as error:
        return f"can't be written: {sources.reason(error)}"
    return ""


def _is_writable(folder: Path) -> bool:
    """Whether the folder, or the nearest one above it that exists, can be written."""
    existing = next((path for path in (folder, *folder.parents) if path.exists()), Path())
    return existing.is_dir() and os.access(existing, os.W_OK)


def _only_read(where: str) -> Finding:
    return not_visible(f"{where}: can be reached; only a push shows whether it can be written")


def _hashes(content: Any) -> Any:
    """The MD5s of the outputs in a dvc.lock."""
    for stage in (content or {}).get("stages", {}).values():
        yield from (out["md5"] for out in stage.get("outs", ()) if "md5" in out)


def _cache() -> Path:
    folder = Path(_setting("cache", "dir") or CACHE)
    return folder if folder.is_absolute() or folder == CACHE else Path(".dvc") / folder


def _setting(section: str, key: str) -> str:
    """A setting of DVC's configuration for this clone; empty where it has none."""
    config = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        config.read([".dvc/config", ".dvc/config.local"], encoding="utf-8")
    except configparser.Error as error:
        raise PipelineError(f".dvc/config: can't be read: {' '.join(str(error).split())}") from None
    return config.get(section, key, fallback="")


CHECKS: Checks = {
    "parameters": parameters,
    "data": data,
    "contract": contract,
    "DVC lock": lock,
    "DVC cache": cache,
    "DVC remote": remote,
    "MLflow": mlflow,
}
