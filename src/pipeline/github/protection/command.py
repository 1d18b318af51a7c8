"""`pipeline protect`: what would protect main, as a diff against what GitHub has; --apply writes it."""

from collections.abc import Iterator
from typing import Any

import click

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.core.params.review import Gate
from pipeline.github.client import api
from pipeline.github.protection import rulesets
from pipeline.github.protection.settings import Setting
from pipeline.github.protection.wanted import is_public, settings_of, writers

HOW_TO = "docs/how-to/set-up-github.md#an-app-that-sets-the-status"
ANYONE = "anyone with write access can merge: a workflow of any branch can set the status as GitHub Actions"


@click.command()
@click.option("--apply", is_flag=True, help="Write the differences; needs the role admin.")
def command(apply: bool) -> None:
    """Show how the repository's rulesets differ from .github/rulesets/, and write them with --apply."""
    repository = api.call("GET", "", purpose="read the repository")
    gate, people = params.read().gate, writers()
    if apply and not repository["permissions"]["admin"]:
        raise PipelineError(f"{api.repository()}: only somebody with the role admin can change its rulesets")
    settings = list(settings_of(repository, gate, alone=len(people) == 1))
    differing = [setting for setting in settings if setting.difference]
    for setting in settings:
        click.echo(setting.difference or f"{setting.name}: is as wanted")
    written = [setting for setting in differing if apply and _write(setting)]
    if differing and not apply:
        click.echo("nothing was changed; `make protect APPLY=1` writes it")
    for setting in written:
        click.echo(f"{setting.name}: written")
    for line in _advice(repository, gate, people):
        click.echo(line)


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


def _advice(repository: Any, gate: Gate, people: list[str]) -> Iterator[str]:
    if len(people) == 1:
        yield f"no review is required: @{people[0]} alone may write here, and nobody approves their own pull request"
    elif gate.overrule == "anyone":
        yield f"{len(people)} people may write here: set gate.overrule to `another`, so that no author overrules alone"
    if gate.app is None:
        yield f"{ANYONE}. {HOW_TO} says how an App of yours closes that"
    if is_public(repository):
        yield "push rules on .github/ are left out: GitHub has them for private and internal repositories alone"
