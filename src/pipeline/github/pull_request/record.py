"""`pipeline record`: commit what was measured onto the branch, so that what is merged is what was measured."""

import contextlib
import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args
from urllib.parse import quote

import click

from pipeline.core.errors import PipelineError
from pipeline.github.client import api, pulls, statuses
from pipeline.github.client.pulls import TRAILER, NothingToDoError, Pull, Run
from pipeline.github.pull_request import artifact, overrides, recorded_files, reply
from pipeline.github.pull_request.recorded_files import recorded
from pipeline.review.measure.measurement import Bundle
from pipeline.review.untrusted import yaml as untrusted_yaml

TESTS = "test.yaml"
MOVED = "not a fast.forward|Reference does not exist"  # what GitHub says of a branch that is elsewhere
TO = "record what was measured"


@click.command()
@click.option("--run", "number", type=int, required=True, metavar="ID", help="Run of train.yaml that was answered.")
@click.option("--artifact", "judged", type=int, metavar="ID", help="Its measurement that was judged; else the newest.")
def command(number: int, judged: int | None) -> None:
    """Commit dvc.lock and the metrics of a train run to its branch, where they differ from what it has."""
    verdict = FinalStatus.read()
    try:
        run = pulls.run(number)
        if not run.ended:
            raise NothingToDoError(f"run {number}: is {run.status}; nothing recorded")
        pull = _open(run)
        commit = _recorded(run, pull, judged, verdict)
        if commit:
            click.echo(f"recorded: {commit} on {pull.branch}")
        _conclude(pull, {run.head, pull.head, commit or run.head}, verdict)
        if commit:
            _test(pull)
    except NothingToDoError as reason:
        click.echo(str(reason))


@dataclass(frozen=True)
class FinalStatus:
    """The gate's own verdict as a status, as the job of `pipeline answer` hands it on."""

    state: statuses.State
    description: str
    url: str

    @classmethod
    def read(cls) -> "FinalStatus | None":
        """None where a person runs the command: the status then stays as it is."""
        state, description, url = (os.environ.get(f"GATE_{name}", "") for name in ("STATE", "DESCRIPTION", "URL"))
        if not state:
            return None
        if state not in get_args(statuses.State):
            allowed = ", ".join(get_args(statuses.State))
            raise PipelineError(f"GATE_STATE: {state!r} is no state of a status; allowed: {allowed}")
        return cls(cast("statuses.State", state), description, url)


def contents(bundle: Bundle) -> dict[str, str]:
    """The text of each file to record, none of no measurement; PipelineError where one is not what it should be."""
    if bundle.measurement.outcome != "measured":
        click.echo(f"the measurement is `{bundle.measurement.outcome}`: nothing to record")
        return {}
    found = {path: _text(path, content) for path, content in recorded(bundle).items()}
    if "dvc.lock" not in found:
        raise PipelineError("the measurement has no dvc.lock; nothing recorded")
    _check_lock(found["dvc.lock"])
    for path in found.keys() - {"dvc.lock"}:
        try:
            json.loads(found[path])
        except (ValueError, RecursionError):
            raise PipelineError(f"the measurement's {path} is no JSON; nothing recorded") from None
    return found


def _text(path: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise PipelineError(f"the measurement's {path} is no UTF-8 text; nothing recorded") from None


def _check_lock(text: str) -> None:
    try:
        lock = untrusted_yaml.parse(text.encode(), "the measurement's dvc.lock")
    except PipelineError as problem:
        raise PipelineError(f"{problem}; nothing recorded") from None
    if set(lock) != {"schema", "stages"} or not isinstance(lock["stages"], dict):
        raise PipelineError("the measurement's dvc.lock is not what DVC writes; nothing recorded")


def _open(run: Run) -> Pull:
    """The pull request to record on: of this repository, and its head still the measured commit."""
    pull = pulls.of_run(run)
    if pull.fork:
        told = "comes from a fork, where nobody else may push; its comment says how to record what was measured"
        raise NothingToDoError(f"pull request {pull.number}: {told}")
    return pull


def _recorded(run: Run, pull: Pull, judged: int | None, verdict: FinalStatus | None) -> str | None:
    """The new commit, which the branch has; None where there is nothing to record after all."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            bundle = artifact.fetch(run, artifact.of_run(run, judged), Path(folder, "measurement"))
            recorded_files.check(bundle, pull)
            if pull.head != run.head:
                click.echo(f"{pull.branch}: {pull.head[:7]} records this measurement already")
                return None
            files = contents(bundle)
            commit = _commit(run, files) if files else None
        if commit:
            _push(run, pull, commit)
    except PipelineError as problem:
        with contextlib.suppress(PipelineError):
            if verdict and (statuses.current(pull.head) or {}).get("state") == "pending":  # it waits for this record
                statuses.post(pull.head, "error", f"not recorded: {problem}", verdict.url)
        raise
    return commit


def _commit(run: Run, files: dict[str, str]) -> str | None:
    """A commit on the measured one, on no branch yet; None where the files are there already."""
    entries = [{"path": path, "mode": "100644", "type": "blob", "content": text} for path, text in files.items()]
    tree = api.call("POST", "git/trees", {"base_tree": run.tree, "tree": entries}, to=TO)["sha"]
    if tree == run.tree:
        click.echo(f"{run.branch}: has what was measured already; nothing to record")
        return None
    message = f"Record what was measured\n\n{TRAILER}{run.head}"
    body = {"message": message, "tree": tree, "parents": [run.head]}
    return str(api.call("POST", "git/commits", body, to=TO)["sha"])


def _push(run: Run, pull: Pull, commit: str) -> None:
    """Move the branch to the commit, unless it has moved meanwhile: then nothing is recorded and nothing lost."""
    outdated = NothingToDoError(
        f"{pull.branch}: has moved since {run.head[:7]} was measured; outdated, nothing recorded"
    )
    ref = quote(f"heads/{pull.branch}")
    try:
        # A branch that was set back would take the commit as a fast-forward, and with it what was dropped.
        if api.call("GET", f"git/ref/{ref}", to="read the branch")["object"]["sha"] != run.head:
            raise outdated
        api.call("PATCH", f"git/refs/{ref}", {"sha": commit, "force": False}, to=TO)
    except api.RefusedError as problem:
        if problem.status == 404 or (problem.status == 422 and re.search(MOVED, str(problem))):
            raise outdated from None
        raise


def _conclude(pull: Pull, commits: set[str], verdict: FinalStatus | None) -> None:
    """Set the final status of the measured head and of what records it; a person's override, as it is now, decides."""
    if verdict is None:
        return
    override = overrides.standing(pull.number, commits)
    state: statuses.State = "success" if override else verdict.state
    for sha in sorted(commits):
        statuses.post(sha, state, reply.by(override, verdict.description), verdict.url)


def _test(pull: Pull) -> None:
    """The bot's push does not start the tests by itself."""
    body = {"ref": pull.branch}
    api.call("POST", f"actions/workflows/{TESTS}/dispatches", body, to="start the tests of the new commit")
    click.echo(f"{TESTS}: started for {pull.branch}")
