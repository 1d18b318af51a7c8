"""Logging to MLflow: one run from its local copy, and the trials of a study as nested runs."""

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
# Defaults of environment variables; with these bounds a server that hangs is given up soon.
DEFAULTS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # an address can hold a password
    "GIT_PYTHON_REFRESH": "quiet",
}
FINISHED = "attributes.status = 'FINISHED'"
SERVER_SCHEMES = ("http", "https")
# Without a kind MLflow's UI guesses one, and may show the runs as those of an LLM application.
KIND, TRAINING = "mlflow.experimentKind", "custom_model_development"


class UnusableError(Exception):
    """A store, other than a server, that can't be opened."""


@dataclass(frozen=True)
class Problem:
    """Why a run was not logged; `store_failed`: because of the store, so that the next run would fail as well."""

    reason: str
    store_failed: bool


def without_credentials(uri: str) -> str:
    """A tracking address without the user and password that it may hold."""
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if "@" in parts.netloc else uri


def is_server(uri: str) -> bool:
    return urlsplit(uri).scheme in SERVER_SCHEMES


def unreachable(uri: str) -> str | None:
    """Why an HTTP server does not answer within three seconds; None where it does, or where the store is a file."""
    if not is_server(uri):
        return None
    try:
        with urllib.request.urlopen(f"{without_credentials(uri).rstrip('/')}/health", timeout=PROBE_SECONDS):  # noqa: S310 (checked)
            return None
    except urllib.error.HTTPError:
        return None  # it answers; logging will show what is wrong
    except (OSError, ValueError) as error:
        return _first_line(getattr(error, "reason", error))


def log(uri: str, folder: Path) -> Problem | None:
    """Log the copy of a run (`run.json`, `files/`) unless MLflow has a finished run of it; the problem, or None."""
    problem = unreachable(uri)
    if problem:
        return Problem(problem, store_failed=True)
    try:
        mlflow = _mlflow(uri)
        run = files.read_json(folder / "run.json")
        with _open_store(uri):
            experiment = _experiment(mlflow, run["experiment"])
        if not _find(mlflow, experiment, f"tags.dvc_lock = '{run['tags']['dvc_lock']}' and {FINISHED}"):
            _log(mlflow, experiment, run, folder / "files")
    except Exception as error:  # each driver has errors of its own
        return Problem(_first_line(error), store_failed=isinstance(error, UnusableError) or _is_connection_error(error))
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
        with _open_store(uri):
            client, experiment = mlflow.MlflowClient(), _experiment(mlflow, experiment_name)
        parents = _find(mlflow, experiment, f"tags.tune_study = '{study}'")
        tags = {"tune_study": study, "mlflow.runName": f"tune {study}"}
        parent = parents[0] if parents else client.create_run(experiment, tags=tags)
        parent_tags = {"mlflow.parentRunId": parent.info.run_id}
        children = _find(mlflow, experiment, f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
        logged = {run.data.tags.get("trial") for run in children}
        for trial in trials:
            if str(trial["number"]) not in logged:
                _log_trial(mlflow, experiment, trial, parent_tags)
        client.set_terminated(parent.info.run_id)
    except Exception as error:  # each driver has errors of its own
        return _first_line(error)
    return None


@contextmanager
def _open_store(uri: str) -> Iterator[None]:
    """Open a store; a SQLite file that this creates and leaves incomplete is removed, for it could never be opened."""
    path = _sqlite(uri)
    new = path is not None and not path.exists()
    try:
        yield
    except BaseException as error:
        if path is not None and new:
            _remove_database(uri, path)
        if is_server(uri) or not isinstance(error, Exception) or _error_code(error) == "INVALID_PARAMETER_VALUE":
            raise
        incomplete = path is not None and not new and "already exists" in str(error) and not _has_runs(path)
        reason = f"incomplete: remove {path} and run `pipeline track`" if incomplete else _first_line(error)
        raise UnusableError(reason) from error


def _error_code(error: Exception) -> str:
    return str(getattr(error, "error_code", ""))


def _sqlite(uri: str) -> Path | None:
    """The file of a SQLite store: `sqlite:///relative` or `sqlite:////absolute`."""
    parts = urlsplit(uri)
    name = parts.path[1:]
    return Path(name) if parts.scheme.startswith("sqlite") and name not in ("", ":memory:") else None


def _remove_database(uri: str, path: Path) -> None:
    """Remove a SQLite file, and MLflow's connections to it: they would still write to the removed file."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    engine = getattr(SqlAlchemyStore, "_engine_map", {}).pop(uri, None)
    if engine is not None:
        engine.dispose()
    for suffix in ("", "-journal", "-wal", "-shm"):
        try:
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        except OSError as error:
            logging.getLogger(__name__).debug("%s can't be removed: %s", path, error)


def _has_runs(path: Path) -> bool:
    """Whether a SQLite file holds runs; the user must not be told to remove those."""
    try:
        with closing(sqlite3.connect(path)) as database:
            return database.execute("SELECT 1 FROM runs LIMIT 1").fetchone() is not None
    except sqlite3.Error:
        return False


def _is_connection_error(error: BaseException | None) -> bool:
    """Whether the cause of an error is a connection, to a server or a database."""
    import requests
    import sqlalchemy.exc

    http = (requests.ConnectionError, requests.Timeout, requests.exceptions.RetryError)
    connection = (ConnectionError, TimeoutError, *http, sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError)
    while error is not None:
        if isinstance(error, connection):
            return True
        error = error.__cause__ or error.__context__
    return False


def load() -> Any:
    """MLflow, with its log messages off; importing it takes seconds."""
    for name, value in DEFAULTS.items():
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
    """The experiment's id; created where it is missing, and tagged as model training where it has no kind."""
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
    run_id = client.create_run(experiment, start_time=run["time"], tags=tags).info.run_id
    try:
        client.log_batch(run_id, metrics=_metrics(mlflow, run["metrics"]), params=_params(mlflow, run["params"]))
        client.log_batch(run_id, metrics=_curve(mlflow, run["curve"]))
        client.log_inputs(run_id, [_dataset(mlflow, run["dataset"])])
        client.log_artifacts(run_id, str(folder))
        _log_model(mlflow, run_id, folder)
        client.set_terminated(run_id, "FINISHED")
    except Exception:
        _fail(mlflow, run_id)
        raise


def _fail(mlflow: Any, run: str) -> None:
    """Mark a run as failed if the server still accepts it; an unfinished run is logged again anyway."""
    try:
        mlflow.MlflowClient().set_terminated(run, "FAILED")
    except Exception as error:
        logging.getLogger(__name__).debug("run %s can't be marked as failed: %s", run, error)


def _log_model(mlflow: Any, run: str, folder: Path) -> None:
    """The booster: its input is the matrix of `pipeline.models.matrix.encode`, its output the scores."""
    import mlflow.lightgbm
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    from pipeline.models.model import load

    model = load(folder / "models")
    width = (-1, len(model.signature.classes)) if model.signature.task == "multiclass" else (-1,)
    model_signature = ModelSignature(
        Schema([ColSpec("double", feature.name) for feature in model.signature.features]),
        Schema([TensorSpec(np.dtype(np.float64), width)]),
    )
    requirements = [f"{name}=={importlib.metadata.version(name)}" for name in ("lightgbm", "numpy", "pandas")]
    with mlflow.start_run(run_id=run), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.lightgbm.log_model(model.booster, name="model", signature=model_signature, pip_requirements=requirements)


def _log_trial(mlflow: Any, experiment: str, trial: Mapping[str, Any], tags: Mapping[str, str]) -> None:
    client = mlflow.MlflowClient()
    trial_tags = {"trial": str(trial["number"]), "mlflow.runName": f"trial {trial['number']}"}
    run_id = client.create_run(experiment, start_time=trial["start"], tags={**tags, **trial_tags}).info.run_id
    client.log_batch(run_id, metrics=_metrics(mlflow, trial["metrics"]), params=_params(mlflow, trial["params"]))
    client.set_terminated(run_id, trial["state"], end_time=trial["end"])


def _metrics(mlflow: Any, metrics: Mapping[str, float]) -> list[Any]:
    now = int(time.time() * 1000)
    return [mlflow.entities.Metric(name, value, now, 0) for name, value in metrics.items()]


def _curve(mlflow: Any, curve: Mapping[str, Any]) -> list[Any]:
    now = int(time.time() * 1000)
    return [mlflow.entities.Metric(curve["name"], point["validation"], now, point["tree"]) for point in curve["points"]]


def _params(mlflow: Any, params: Mapping[str, Any]) -> list[Any]:
    return [mlflow.entities.Param(name, str(value)) for name, value in params.items()]


def _dataset(mlflow: Any, dataset: Mapping[str, Any]) -> Any:
    entities = mlflow.entities
    source = json.dumps({"uri": dataset["name"], "files": dataset["files"][:100]})
    name, digest = dataset["name"][:500], dataset["digest"]
    entity = entities.Dataset(name=name, digest=digest, source_type="pipeline", source=source)
    return entities.DatasetInput(entity, [entities.InputTag("mlflow.data.context", "training")])


def _first_line(error: object) -> str:
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return re.sub(r"//[^/\s]*@", "//", line)[:200]  # an address can hold a password
