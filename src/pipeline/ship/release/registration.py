"""Registers the release as a version of the model in MLflow, where a tracking server is set; never fails a release."""

from typing import Any

from pipeline.core import params
from pipeline.ship.release.manifest import Release
from pipeline.train.tracking import mlflow_runs, track

CANDIDATE, CHAMPION, PREVIOUS = "candidate", "champion", "previous"


def register(release: Release) -> str:
    """Register the release as `candidate`; returns a sentence on what happened."""
    return _call(lambda client, name: _register(client, name, release))


def promote(release: str) -> str:
    """Make a registered release `champion` and the champion `previous`; a sentence on it, empty without a server."""
    if not mlflow_runs.is_server(track.tracking_uri()):
        return ""
    return _call(lambda client, name: _promote(client, name, release))


def _call(action: Any) -> str:
    uri = track.tracking_uri()
    if not mlflow_runs.is_server(uri):
        return "register: MLFLOW_TRACKING_URI names no server; the version is not registered"
    if problem := mlflow_runs.unreachable(uri):
        server = mlflow_runs.without_credentials(uri)
        return f"register: {server} can't be reached ({problem}); the version is not registered"
    try:
        mlflow = mlflow_runs.load()
        mlflow.set_tracking_uri(uri)
        return str(action(mlflow.MlflowClient(), params.read().experiment))
    except Exception as error:  # the server's driver may raise anything
        return f"register: {mlflow_runs.without_credentials(uri)} refused ({' '.join(str(error).split())[:200]})"


def _register(client: Any, name: str, release: Release) -> str:
    version = _version(client, name, release.id)
    if version is None:
        experiment = client.get_experiment_by_name(name)
        condition = f"tags.dvc_lock = '{release.lock}' and attributes.status = 'FINISHED'"
        runs = client.search_runs([experiment.experiment_id], condition) if experiment else []
        if not runs:
            return f"register: the server has no run of dvc.lock {release.lock[:8]}; `pipeline track` logs it"
        if not client.search_registered_models(f"name = '{name}'"):
            client.create_registered_model(name)
        run = runs[0].info.run_id
        tags = {"release": release.id, "image": release.image, "commit": release.commit, "model": release.model}
        version = client.create_model_version(name, f"runs:/{run}/models", run_id=run, tags=tags).version
    client.set_registered_model_alias(name, CANDIDATE, version)
    return f"register: {name} version {version} is `{CANDIDATE}`"


def _promote(client: Any, name: str, release: str) -> str:
    version = _version(client, name, release)
    if version is None:
        return f"register: {name} has no version of release {release}"
    model = client.get_registered_model(name)
    champion = model.aliases.get(CHAMPION)
    if champion is not None and str(champion) != str(version):
        client.set_registered_model_alias(name, PREVIOUS, champion)
    client.set_registered_model_alias(name, CHAMPION, version)
    if str(model.aliases.get(CANDIDATE)) == str(version):
        client.delete_registered_model_alias(name, CANDIDATE)
    return f"register: {name} version {version} is `{CHAMPION}`"


def _version(client: Any, name: str, release: str) -> Any:
    versions = client.search_model_versions(f"name = '{name}' and tags.release = '{release}'")
    return versions[0].version if versions else None
