"""What should protect main: the settings that this repository can have, each beside what GitHub has."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.core import params, pipelines
from pipeline.core.errors import PipelineError
from pipeline.core.params.review import Gate
from pipeline.github.client import api, statuses
from pipeline.github.protection import environments, rulesets
from pipeline.github.protection.settings import Setting

RELEASE = "release"  # the environment of deploy.yaml's jobs
GATE = "gate"  # the environment with the App's key


def gates() -> dict[str, Gate]:
    """The section `gate` of each pipeline, by the name of its status."""
    top = pipelines.top()
    folders = {statuses.context_of(pipeline.name): pipeline.folder for pipeline in pipelines.find()}
    return {context: params.read(top / folder / params.PATH).gate for context, folder in folders.items()}


def settings_of(repository: Any, gates: Mapping[str, Gate], *, alone: bool) -> Iterator[Setting]:
    """The environments of the App that `gate.app` names and of releases, and the rulesets.

    `alone`: one person may write here. PipelineError where the pipelines do not name the same App.
    """
    number = None
    if app := _app(gates):
        number = api.call("GET", f"/apps/{app}", purpose=f"read the GitHub App {app} of gate.app")["id"]
        yield environments.setting(GATE, repository["default_branch"])
    yield environments.setting(RELEASE, repository["default_branch"])
    yield from rulesets.settings(list(gates), number, public=is_public(repository), alone=alone)


def writers() -> list[str]:
    """The people who may write to the repository."""
    people = api.pages("collaborators?permission=push", purpose="list who may write to the repository")
    return [str(person["login"]) for person in people]


def is_public(repository: Any) -> bool:
    return bool(repository["visibility"] == "public")


def _app(gates: Mapping[str, Gate]) -> str | None:
    first, *others = [(status, gate.app) for status, gate in gates.items()]
    for status, app in others:
        if app != first[1]:
            named = f"{first[1] or 'null'} for {first[0]}, {app or 'null'} for {status}"
            raise PipelineError(f"params.yaml: gate.app: is {named}; one App sets all statuses, so name the same")
    return first[1]
