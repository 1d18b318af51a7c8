"""`pipeline protect`: what would protect main, as a diff against what GitHub has; --apply writes it."""

from collections.abc import Iterator, Mapping
from typing import Any

import click

from pipeline.core.errors import PipelineError
from pipeline.core.params.review import Gate
from pipeline.github.client import api
from pipeline.github.protection import rulesets, wanted
from pipeline.github.protection.settings import Setting

HOW_TO = "docs/how-to/set-up-github.md#an-app-that-sets-the-status"
ANYONE = "anyone with write access can merge: a workflow of any branch can set the status as GitHub Actions"


@click.command()
@click.option("--apply", is_flag=True, help="Write the differences; needs the role admin.")
def command(apply: bool) -> None:
    """Show how rulesets and environments differ from .github/rulesets/ and what is needed; write them with --apply."""
    gates, repository, people = wanted.gates(), api.call("GET", "", purpose="read the repository"), wanted.writers()
    if apply and not repository["permissions"]["admin"]:
        raise PipelineError(f"{api.repository()}: only somebody with the role admin can change its rulesets")
    settings = list(wanted.settings_of(repository, gates, alone=len(people) == 1))
    differing = [setting for setting in settings if setting.difference]
    for setting in settings:
        click.echo(setting.difference or f"{setting.name}: is as wanted")
    written = [setting for setting in differing if apply and _write(setting)]
    if differing and not apply:
        click.echo("nothing was changed; `make protect APPLY=1` writes it")
    for setting in written:
        click.echo(f"{setting.name}: written")
    for line in _advice(repository, gates, people):
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


def _advice(repository: Any, gates: Mapping[str, Gate], people: list[str]) -> Iterator[str]:
    if len(people) == 1:
        yield f"no review is required: @{people[0]} alone may write here, and nobody approves their own pull request"
    elif all(gate.overrule == "anyone" for gate in gates.values()):
        yield f"{len(people)} people may write here: set gate.overrule to `another`, so that no author overrules alone"
    if any(gate.app is None for gate in gates.values()):
        yield f"{ANYONE}. {HOW_TO} says how an App of yours closes that"
    if wanted.is_public(repository):
        yield "push rules on .github/ are left out: GitHub has them for private and internal repositories alone"
