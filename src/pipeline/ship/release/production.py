"""The model that a release is judged against: what production serves, else the model before it in git.

What serves is read from the ledger: in a workflow GitHub's deployments, elsewhere the host's own.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.core.git import DIRTY, git, has_commit, short_commit
from pipeline.core.params import Params
from pipeline.github.client import deployments
from pipeline.review.baseline.champion import MODEL, NoChampionError, hashes_in_lock
from pipeline.ship.release import ledger
from pipeline.ship.release.docker_cli import Docker
from pipeline.ship.release.verdict import Origin


@dataclass(frozen=True)
class Predecessor:
    """The revision whose model counts, the MD5 of that model, and a sentence on how it was found.

    Both are empty where there is none.
    """

    origin: Origin
    revision: str
    model: str
    sentence: str


def find(root: Path, own: str, knobs: Params, chosen: str | None = None, host: str | None = None) -> Predecessor:
    """The predecessor of the model `own` (MD5): revision `chosen`, else what serves, else the last other model in git.

    PipelineError where git does not know `chosen`, or the ledger can't be read.
    """
    if chosen is not None:
        if git(root, "rev-parse", "--verify", "--quiet", f"{chosen}^{{commit}}").returncode:
            raise PipelineError(f"--champion {chosen}: git knows no such revision; `git fetch origin` may bring it")
        return Predecessor("option", chosen, _model(root, chosen), f"{chosen}, as --champion says")
    entry, reason = serving(knobs, host), ""
    if entry:
        reason = _unusable(root, entry)
        named = f"release {entry['release']} ({short_commit(entry['commit'])}), which serves"
        if not reason:
            return Predecessor("ledger", entry["commit"], _model(root, entry["commit"]), named)
        reason = f"; {named}, can't be used: {reason}"
    return _before(root, own, reason)


def serving(knobs: Params, host: str | None) -> dict[str, Any] | None:
    """The ledger's entry of what serves: `release`, `commit` and, in newer ones, `model`."""
    if os.environ.get("GITHUB_REPOSITORY"):
        deployment = deployments.in_production(knobs.environment)
        return {"commit": deployment.commit} | deployment.payload if deployment else None
    return ledger.serving_entry(ledger.on_host(Docker(host), knobs.deploy))


def _unusable(root: Path, entry: dict[str, Any]) -> str:
    """Why the model of a ledger's entry can't be found by its commit; empty where it can."""
    commit = str(entry.get("commit", ""))
    if commit.endswith(DIRTY):
        return "it was made from a changed work tree"
    if not commit or not has_commit(root, commit):
        return f"this clone lacks commit {commit[:7]} (`git fetch --unshallow origin` may bring it)"
    try:
        model = hashes_in_lock(commit, root)[MODEL]
    except NoChampionError as problem:
        return str(problem)
    return "" if entry.get("model", model) == model else "the dvc.lock of its commit names another model"


def _model(root: Path, revision: str) -> str:
    try:
        return hashes_in_lock(revision, root)[MODEL]
    except NoChampionError:
        return ""


def _before(root: Path, own: str, note: str) -> Predecessor:
    """The last model on the first parents' line that is not `own`: a commit that only repeats it hides nothing."""
    changes = git(root, "log", "--first-parent", "--format=%H", "HEAD", "--", "dvc.lock").stdout.split()
    for commit in changes:
        model = _model(root, commit)
        if model and model != own:
            return Predecessor("history", commit, model, f"{commit[:7]}, the model before this one{note}")
    return Predecessor("none", "", "", f"no model before this one{note}")
