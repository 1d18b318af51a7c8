"""Logging the current run to MLflow: it is copied first, so that no run is lost while the tracking server is down."""

import hashlib
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from pipeline.core import files, params, report_shapes
from pipeline.core.errors import PipelineError
from pipeline.train.tracking.commit import git_tags, run_name

LOCK, MODEL = Path("dvc.lock"), Path("models/model.txt")
MARKER, WAITING = Path(".pipeline/tracked.json"), Path(".pipeline/untracked")
DEFAULT_URI = "sqlite:///mlflow.db"
COPIED = ("models/**/*", "reports/**/*.json", "reports/*.md", "params.yaml", "dvc.lock", "data/*.json", "data/*.yaml")
LIMIT = 1000  # points of a curve, and locks in the marker
MAX_NAME = 250  # characters of a name, the most that MLflow takes
Value = TypeVar("Value")


class CopyError(PipelineError):
    """The run can't be copied, for example because the disk is full."""


def pending() -> bool:
    """Whether a run waits to be logged: the current one or an earlier copy. Imports nothing heavy."""
    if any(WAITING.glob("*/run.json")):
        return True
    return LOCK.is_file() and MODEL.is_file() and _lock_hash() not in _logged_locks()


def track() -> bool:
    """Log the current run and earlier copies; False, with a line for each problem, where one is not logged.

    PipelineError where there is no run to log.
    """
    from pipeline.train.tracking import mlflow_runs

    try:
        if _lock_hash() not in _logged_locks():
            keep()
    except CopyError as error:
        click.echo(f"track: the run can't be copied ({error}); `pipeline track` logs it later", err=True)
        return False
    uri, logged = tracking_uri(), True
    for folder in sorted(WAITING.glob("*/run.json"), key=lambda path: (_time_of(path), path)):
        lock = folder.parent.name
        problem = mlflow_runs.log(uri, folder.parent)
        if problem:
            server = mlflow_runs.is_server(uri)
            store = f"{'tracking server' if server else 'MLflow store'} {mlflow_runs.without_credentials(uri)}"
            unusable = f"{store} can't be {'reached' if server else 'used'} ({problem.reason})"
            refused = f"track: {lock[:8]} was refused: {problem.reason}"
            message = unusable if problem.store_failed else refused
            click.echo(f"{message}; the run is kept: `pipeline track` logs it later", err=True)
            if problem.store_failed:
                return False
            logged = False
            continue
        click.echo(f"track: logged {lock[:8]} to {mlflow_runs.without_credentials(uri)}")
        try:
            _note_as_logged(lock)
            shutil.rmtree(folder.parent)
        except (OSError, PipelineError) as error:  # the next run asks MLflow first, so this one is not logged twice
            click.echo(f"track: {lock[:8]} can't be recorded as logged ({error})", err=True)
            return False
    return logged


def _time_of(path: Path) -> int:
    """When the run was kept whose `run.json` this is; PipelineError where the file is damaged."""
    run = files.read_json(path, "pipeline track")
    if not isinstance(run, dict) or type(run.get("time")) is not int:
        raise PipelineError(f"{path}: not a run that was kept; remove the folder {path.parent}, and the run is lost")
    return int(run["time"])


def keep() -> Path:
    """Copy the files that describe the current run to a folder named by the lock's MD5.

    PipelineError without a run, CopyError where it can't be copied; no incomplete copy is left.
    """
    lock = _lock_hash()
    folder = WAITING / lock
    if (folder / "run.json").is_file():
        return folder
    if not MODEL.is_file() or files.md5(MODEL) not in LOCK.read_text(encoding="utf-8"):
        raise PipelineError(f"{MODEL}: is not the model that {LOCK} names; `make run` makes it")
    description = _describe(lock)
    copy = None
    try:
        WAITING.mkdir(parents=True, exist_ok=True)
        copy = Path(tempfile.mkdtemp(prefix=".", dir=WAITING))
        _copy(copy, description)
        copy.replace(folder)
    except (OSError, PipelineError) as error:
        raise CopyError(str(error)) from None
    finally:
        if copy is not None:
            shutil.rmtree(copy, ignore_errors=True)
    return folder


def _copy(target: Path, description: Mapping[str, Any]) -> None:
    for source in sorted({path for pattern in COPIED for path in Path().glob(pattern) if path.is_file()}):
        (target / "files" / source).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target / "files" / source)
    files.write_json(target / "run.json", description)


def tracking_uri() -> str:
    return os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI


def _describe(lock: str) -> dict[str, Any]:
    """What is logged of a run beside its files; it stays readable when params.yaml's keys change."""
    settings = params.read()
    source = report_shapes.read(Path("data/source.json"), "source")
    source_files = [*source["files"], *(source.get("added") or {"files": []})["files"]]
    commit_tags = git_tags()
    content = "\n".join(f"{item['path']} {item['size']} {item['sha256']}" for item in source_files)
    return {
        "time": int(time.time() * 1000),
        "name": run_name(lock, commit_tags),
        "experiment": settings.experiment,
        "params": mlflow_names(flatten_params(settings)),
        "metrics": mlflow_names(flatten_metrics(report_shapes.read(Path("reports/metrics.json"), "metrics"))),
        "curve": _curve(report_shapes.read(Path("reports/training.json"), "training")),
        "tags": {"dvc_lock": lock, **commit_tags},
        "dataset": {
            "name": source["source"],
            "digest": hashlib.sha256(content.encode()).hexdigest()[:32],  # MLflow takes 36 characters
            "files": source_files,
        },
    }


def _curve(training: Mapping[str, Any]) -> dict[str, Any]:
    """The validation loss by tree, at most a thousand points of it, the most that MLflow takes at once."""
    points = training["curve"]
    return {"name": f"validation_{training['loss']}", "points": points[:: len(points) // LIMIT + 1]}


def flatten_params(section: params.Section, prefix: str = "") -> Iterator[tuple[str, str]]:
    """`section.key` and its value as text, for every key; mappings and lists stay one value."""
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, params.Section):
            yield from flatten_params(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(section.model_dump(mode="json")[name])[:6000]


def flatten_metrics(metrics: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Every figure that has a value: `name`, `name_lower`, `name_upper`."""
    for key, value in metrics.items():
        name = prefix + key
        if isinstance(value, Mapping) and "value" in value:
            parts = {"": "value", "_lower": "lower", "_upper": "upper"}
            yield from ((name + end, float(value[part])) for end, part in parts.items() if value.get(part) is not None)
        elif isinstance(value, Mapping):
            yield from flatten_metrics(value, f"{name}.")
        elif isinstance(value, int | float):
            yield name, float(value)


def mlflow_names(items: Iterable[tuple[str, Value]]) -> dict[str, Value]:
    """The values by names that MLflow takes; a name that is cut, or that two values would share, ends with a hash."""
    pairs = [(_allowed(raw), raw, value) for raw, value in items]
    counts = Counter(name for name, _, _ in pairs)
    return {
        f"{name[: MAX_NAME - 9]}-{_md5(raw)[:8]}" if counts[name] > 1 or len(name) > MAX_NAME else name: value
        for name, raw, value in pairs
    }


def _allowed(name: str) -> str:
    return "".join(char if char.isalnum() or char in "_-. " else "_" for char in name)


def _lock_hash() -> str:
    if not LOCK.is_file():
        raise PipelineError(f"{LOCK}: no such file, so there is no run to log; `make run` makes one")
    return files.md5(LOCK)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _server_hash() -> str:
    """The tracking server's name in the marker: a hash, because an address can hold a password."""
    return _md5(tracking_uri())


def _logged_locks() -> list[str]:
    """The locks whose runs this machine has logged to this tracking server."""
    return list(_marker().get(_server_hash(), []))


def _note_as_logged(lock: str) -> None:
    files.write_json(MARKER, _marker() | {_server_hash(): [*_logged_locks(), lock][-LIMIT:]})


def _marker() -> dict[str, list[str]]:
    """The locks by tracking server; none where the file is damaged: MLflow is asked before a run is logged."""
    return files.read_cache(MARKER, dict[str, list[str]]) or {}


@click.command(short_help="Log the current run to MLflow.")
@click.option("--if-pending", is_flag=True, help="Do nothing where no run waits to be logged.")
@click.pass_context
def command(context: click.Context, if_pending: bool) -> None:
    """Log the current run to MLflow, and those that could not be logged earlier."""
    if not pending():
        if if_pending:
            return
        _lock_hash()
        if not MODEL.is_file():
            raise PipelineError(f"{MODEL}: no such file, so there is no run to log; `make run` makes one")
        click.echo("track: the current run is logged already")
    elif not track():
        context.exit(2)
