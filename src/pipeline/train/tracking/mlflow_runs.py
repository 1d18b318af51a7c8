"""MLflow's side of tracking: one run from its kept copy, and the trials of a study as nested runs."""

import importlib.metadata
import json
import logging
import os
import re
import sqlite3
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline.core import files

PROBE_SECONDS = 3
# A server that hangs half-way is given up soon; who sets these, keeps them.
BOUNDS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # an address can hold a password
    "GIT_PYTHON_REFRESH": "quiet",
}
FINISHED = "attributes.status = 'FINISHED'"
SERVER = ("http", "https")
# Without a kind MLflow's pages guess one, and may show the runs as those of a language model's application.
KIND, TRAINING = "mlflow.experimentKind", "custom_model_development"


class UnusableError(Exception):
    """A store that is no server and that can't be opened."""


@dataclass(frozen=True)
class Problem:
    """Why a run was not logged: the store as a whole (`lost`: the next run would fare no better), or that one run."""

    reason: str
    lost: bool


def shown(uri: str) -> str:
    """A tracking address without the user and password that it may hold."""
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if "@" in parts.netloc else uri


def is_server(uri: str) -> bool:
    return urlsplit(uri).scheme in SERVER


def unreachable(uri: str) -> str | None:
    """Why an HTTP server does not answer within three seconds; None where it does, or where the store is a file."""
    if not is_server(uri):
        return None
    try:
        with urllib.request.urlopen(f"{shown(uri).rstrip('/')}/health", timeout=PROBE_SECONDS):  # noqa: S310 (checked)
            return None
    except urllib.error.HTTPError:
        return None  # it answers, and says itself what it does not like
    except (OSError, ValueError) as error:
        return _line(getattr(error, "reason", error))


def log(uri: str, folder: Path) -> Problem | None:
    """Log a kept run (`run.json`, `files/`) unless MLflow has a finished run of that lock; the problem, or None."""
    problem = unreachable(uri)
    if problem:
        return Problem(problem, lost=True)
    try:
        mlflow = _mlflow(uri)
        run = files.read_json(folder / "run.json")
        with _opening(uri):
            experiment = _experiment(mlflow, run["experiment"])
        if not _find(mlflow, experiment, f"tags.dvc_lock = '{run['tags']['dvc_lock']}' and {FINISHED}"):
            _log(mlflow, experiment, run, folder / "files")
    except Exception as error:  # a store raises what its driver raises
        return Problem(_line(error), lost=isinstance(error, UnusableError) or _is_lost(error))
    return None


def log_trials(uri: str, experiment_name: str, study: str, trials: Iterable[Mapping[str, Any]]) -> str | None:
    """Log the trials that MLflow lacks as runs nested under one run of the study; the problem, or None.

    A trial is {"number", "params", "metrics", "state", "start", "end"}, times in milliseconds.
    """
    problem = unreachable(uri)
    if problem:
        return problem
    try:
        mlflow = _mlflow(uri)
        with _opening(uri):
            client, experiment = mlflow.MlflowClient(), _experiment(mlflow, experiment_name)
        parents = _find(mlflow, experiment, f"tags.tune_study = '{study}'")
        tags = {"tune_study": study, "mlflow.runName": f"tune {study}"}
        parent = parents[0] if parents else client.create_run(experiment, tags=tags)
        under = {"mlflow.parentRunId": parent.info.run_id}
        known = _find(mlflow, experiment, f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
        there = {run.data.tags.get("trial") for run in known}
        for trial in trials:
            if str(trial["number"]) not in there:
                _log_trial(mlflow, experiment, trial, under)
        client.set_terminated(parent.info.run_id)
    except Exception as error:  # a store raises what its driver raises
        return _line(error)
    return None


@contextmanager
def _opening(uri: str) -> Iterator[None]:
    """Open a store; a SQLite file that was not there and that stays half-made is removed: it would never open."""
    path = _sqlite(uri)
    new = path is not None and not path.exists()
    try:
        yield
    except BaseException as error:
        if path is not None and new:
            _discard(uri, path)
        if is_server(uri) or not isinstance(error, Exception) or _code(error) == "INVALID_PARAMETER_VALUE":
            raise
        half = path is not None and not new and "already exists" in str(error) and not _has_runs(path)
        raise UnusableError(f"half-made: remove {path} and run `pipeline track`" if half else _line(error)) from error


def _code(error: Exception) -> str:
    return str(getattr(error, "error_code", ""))


def _sqlite(uri: str) -> Path | None:
    """The file of a SQLite store: `sqlite:///relative` or `sqlite:////absolute`."""
    parts = urlsplit(uri)
    name = parts.path[1:]
    return Path(name) if parts.scheme.startswith("sqlite") and name not in ("", ":memory:") else None


def _discard(uri: str, path: Path) -> None:
    """Remove a SQLite file, and MLflow's connections to it: they would go on writing to the removed file."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    engine = getattr(SqlAlchemyStore, "_engine_map", {}).pop(uri, None)
    if engine is not None:
        engine.dispose()
    for end in ("", "-journal", "-wal", "-shm"):
        try:
            path.with_name(path.name + end).unlink(missing_ok=True)
        except OSError as error:
            logging.getLogger(__name__).debug("%s stays: %s", path, error)


def _has_runs(path: Path) -> bool:
    """Whether a SQLite file holds runs, which nobody should be told to remove."""
    try:
        with closing(sqlite3.connect(path)) as database:
            return database.execute("SELECT 1 FROM runs LIMIT 1").fetchone() is not None
    except sqlite3.Error:
        return False


def _is_lost(error: BaseException | None) -> bool:
    """Whether a connection, to a server or a database, is behind an error."""
    import requests
    import sqlalchemy.exc

    web = (requests.ConnectionError, requests.Timeout, requests.exceptions.RetryError)
    lost = (ConnectionError, TimeoutError, *web, sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError)
    while error is not None:
        if isinstance(error, lost):
            return True
        error = error.__cause__ or error.__context__
    return False


def load() -> Any:
    """MLflow, imported (seconds) and quiet."""
    for name, value in BOUNDS.items():
        os.environ.setdefault(name, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow
        import mlflow.lightgbm
        import mlflow.store.db.utils
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return mlflow


def _mlflow(uri: str) -> Any:
    mlflow = load()
    mlflow.set_tracking_uri(uri)
    return mlflow


def _experiment(mlflow: Any, name: str) -> str:
    """The experiment's id; it is made where it is missing, and tagged as model training where it has no kind."""
    experiment = mlflow.get_experiment_by_name(name)
    if experiment is None:
        return str(mlflow.create_experiment(name, tags={KIND: TRAINING}))
    if KIND not in experiment.tags:
        mlflow.MlflowClient().set_experiment_tag(experiment.experiment_id, KIND, TRAINING)
    return str(experiment.experiment_id)


def _find(mlflow: Any, experiment: str, condition: str) -> list[Any]:
    return list(mlflow.MlflowClient().search_runs([experiment], condition, max_results=1000))


def _log(mlflow: Any, experiment: str, run: Mapping[str, Any], folder: Path) -> None:
    client = mlflow.MlflowClient()
    tags = run["tags"] | {"mlflow.runName": run["name"], "mlflow.source.name": "pipeline"}
    started = client.create_run(experiment, start_time=run["time"], tags=tags).info.run_id
    try:
        client.log_batch(started, metrics=_metrics(mlflow, run["metrics"]), params=_params(mlflow, run["params"]))
        client.log_batch(started, metrics=_curve(mlflow, run["curve"]))
        client.log_inputs(started, [_dataset(mlflow, run["dataset"])])
        client.log_artifacts(started, str(folder))
        _log_model(mlflow, started, folder)
        client.set_terminated(started, "FINISHED")
    except Exception:
        _fail(mlflow, started)
        raise


def _fail(mlflow: Any, run: str) -> None:
    """Mark a run as failed where the server still takes it; an unfinished run is logged again anyway."""
    try:
        mlflow.MlflowClient().set_terminated(run, "FAILED")
    except Exception as error:
        logging.getLogger(__name__).debug("run %s stays open: %s", run, error)


def _log_model(mlflow: Any, run: str, folder: Path) -> None:
    """The booster: the matrix that `pipeline.models.matrix.encode` makes in, scores out."""
    import mlflow.lightgbm
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    from pipeline.models.model import load

    model = load(folder / "models")
    width = (-1, len(model.signature.classes)) if model.signature.task == "multiclass" else (-1,)
    known = ModelSignature(
        Schema([ColSpec("double", feature.name) for feature in model.signature.features]),
        Schema([TensorSpec(np.dtype(np.float64), width)]),
    )
    needs = [f"{name}=={importlib.metadata.version(name)}" for name in ("lightgbm", "numpy", "pandas")]
    with mlflow.start_run(run_id=run), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.lightgbm.log_model(model.booster, name="model", signature=known, pip_requirements=needs)


def _log_trial(mlflow: Any, experiment: str, trial: Mapping[str, Any], tags: Mapping[str, str]) -> None:
    client = mlflow.MlflowClient()
    named = {"trial": str(trial["number"]), "mlflow.runName": f"trial {trial['number']}"}
    run = client.create_run(experiment, start_time=trial["start"], tags={**tags, **named}).info.run_id
    client.log_batch(run, metrics=_metrics(mlflow, trial["metrics"]), params=_params(mlflow, trial["params"]))
    client.set_terminated(run, trial["state"], end_time=trial["end"])


def _metrics(mlflow: Any, found: Mapping[str, float]) -> list[Any]:
    now = int(time.time() * 1000)
    return [mlflow.entities.Metric(name, value, now, 0) for name, value in found.items()]


def _curve(mlflow: Any, curve: Mapping[str, Any]) -> list[Any]:
    now = int(time.time() * 1000)
    return [mlflow.entities.Metric(curve["name"], point["validation"], now, point["tree"]) for point in curve["points"]]


def _params(mlflow: Any, found: Mapping[str, Any]) -> list[Any]:
    return [mlflow.entities.Param(name, str(value)) for name, value in found.items()]


def _dataset(mlflow: Any, known: Mapping[str, Any]) -> Any:
    entities = mlflow.entities
    source = json.dumps({"uri": known["name"], "files": known["files"][:100]})
    dataset = entities.Dataset(name=known["name"][:500], digest=known["digest"], source_type="pipeline", source=source)
    return entities.DatasetInput(dataset, [entities.InputTag("mlflow.data.context", "training")])


def _line(error: object) -> str:
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return re.sub(r"//[^/\s]*@", "//", line)[:200]  # an address can hold a password
