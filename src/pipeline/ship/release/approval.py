"""Whether a model may be released: the gate lets it pass, or a person overrules the gate."""

import os
from dataclasses import replace
from pathlib import Path

import click

from pipeline.github.client import steps
from pipeline.markup.markdown import escape
from pipeline.ship.release import judging, overruling
from pipeline.ship.release.judging import Judgement, RefusedError
from pipeline.ship.release.manifest import Release
from pipeline.ship.release.production import Predecessor
from pipeline.ship.release.verdict import Overruling

REMEDY = (
    "A person can overrule it by name: `pipeline release --overruled-by NAME --reason WHY`; "
    "on GitHub the override of the merged pull request carries over (docs/explanation/deployment.md)"
)


def stands(release: Release, predecessor: Predecessor) -> bool:
    """Whether the verdict that a release carries is one on the model that it would be judged against now."""
    return release.verdict is not None and release.verdict.stands(release.model, predecessor.model)


def approve(root: Path, predecessor: Predecessor, overruled: Overruling | None) -> Judgement:
    """The gate's verdict on the model, printed.

    RefusedError where it fails and nobody overrules it, or where the model gives other scores than were judged.
    """
    judgement = judging.judge(root, predecessor)
    for line in judgement.lines:
        click.echo(line)
    if not judgement.verdict.refused:
        return judgement
    if overruled is None and os.environ.get("GITHUB_REPOSITORY"):
        overruled = overruling.of_merged(root)
    if overruled is None:
        rules = "; ".join(judgement.verdict.failing)
        raise RefusedError(f"refused, nothing was built: the gate fails ({rules}). {REMEDY}")
    verdict = judgement.verdict.model_copy(update={"overruled": overruled})
    click.echo(str(verdict))
    steps.summary(escape(verdict))
    return replace(judgement, verdict=verdict)
