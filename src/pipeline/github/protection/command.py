"""`pipeline protect`: what would protect main, as a diff against what GitHub has; --apply writes it."""

from collections.abc import Iterator, Mapping
from typing import Any

import click

from pipeline.core import params, pipelines
from pipeline.core.errors import PipelineError
from pipeline.core.params.review import Gate
from pipeline.github.client import api, statuses
from pipeline.github.protection import environments, rulesets
from pipeline.github.protection.settings import Setting

HOW_TO = "docs/how-to/set-up-github.md#an-app-that-sets-the-status"
RELEASE = "release"  # the environment of deploy.yaml's jobs
GATE = "gate"  # the environment with the App's key
ANYONE = "anyone with write access can merge: a workflow of any branch can set the status as GitHub Actions"


@click.command()
@click.option("--apply", is_flag=True, help="Write the differences; needs the role admin.")
def command(apply: bool) -> None:
    """Show how rulesets and environments differ from .github/rulesets/ and what is needed; write them with --apply."""
    gates = {statuses.own_context(): params.read().gate for _ in pipelines.each()}
    app = _app(gates)
    repository, writers = api.call("GET", "", purpose="read the repository"), _writers()
    if apply and not repository["permissions"]["admin"]:
        raise PipelineError(f"{api.repository()}: only somebody with the role admin can change its rulesets")
    settings = list(_settings(repository, list(gates), app, alone=len(writers) == 1))
    differing = [setting for setting in settings if setting.difference]
    for setting in settings:
        click.echo(setting.difference or f"{setting.name}: is as wanted")
    written = [setting for setting in differing if apply and _write(setting)]
    if differing and not apply:
        click.echo("nothing was changed; `make protect APPLY=1` writes it")
    for setting in written:
        click.echo(f"{setting.name}: written")
    for line in _advice(repository, gates, writers):
        click.echo(line)


def _app(gates: Mapping[str, Gate]) -> str | None:
    """The App that sets the statuses of all pipelines; PipelineError where they do not name the same."""
    first, *others = [(status, gate.app) for status, gate in gates.items()]
    for status, app in others:
        if app != first[1]:
            named = f"{first[1] or 'null'} for {first[0]}, {app or 'null'} for {status}"
            raise PipelineError(f"params.yaml: gate.app: is {named}; one App sets all statuses, so name the same")
    return first[1]


def _settings(repository: Any, contexts: list[str], app: str | None, *, alone: bool) -> Iterator[Setting]:
    number = None
    if app:
        number = api.call("GET", f"/apps/{app}", purpose=f"read the GitHub App {app} of gate.app")["id"]
        yield environments.setting(GATE, repository["default_branch"])
    yield environments.setting(RELEASE, repository["default_branch"])
    yield from rulesets.settings(contexts, number, public=_is_public(repository), alone=alone)


def _write(setting: Setting) -> bool:
    """Whether it was written: push rules are refused where the plan lacks them, which is said and is no error."""
    try:
        setting.write()
    except api.RefusedError as refusal:
        if setting.wanted.get("target") != rulesets.PUSH or refusal.status not in {403, 422}:
            raise
        click.echo(f"{setting.name}: GitHub refuses it ({refusal}); push rules need GitHub Team or Enterprise")
        return False
    return True


def _writers() -> list[str]:
    """The people who may write to the repository."""
    people = api.pages("collaborators?permission=push", purpose="list who may write to the repository")
    return [str(person["login"]) for person in people]


def _advice(repository: Any, gates: Mapping[str, Gate], writers: list[str]) -> Iterator[str]:
    if len(writers) == 1:
        yield f"no review is required: @{writers[0]} alone may write here, and nobody approves their own pull request"
    elif all(gate.overrule == "anyone" for gate in gates.values()):
        yield f"{len(writers)} people may write here: set gate.overrule to `another`, so that no author overrules alone"
    if any(gate.app is None for gate in gates.values()):
        yield f"{ANYONE}. {HOW_TO} says how an App of yours closes that"
    if _is_public(repository):
        yield "push rules on .github/ are left out: GitHub has them for private and internal repositories alone"


def _is_public(repository: Any) -> bool:
    return bool(repository["visibility"] == "public")
