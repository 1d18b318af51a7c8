"""`pipeline record`: commit what was measured to the branch, so that what is merged is what was measured."""

import contextlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

import click

from pipeline.core.errors import PipelineError
from pipeline.github.client import api, pulls, refs, statuses
from pipeline.github.client.numbers import Number
from pipeline.github.client.pulls import TRAILER, NothingToDoError, Pull, Run
from pipeline.github.pull_request import artifact, overrides, recorded_files, reply
from pipeline.github.pull_request.recorded_files import recorded
from pipeline.review.measure.measurement import Bundle
from pipeline.review.untrusted import yaml as untrusted_yaml

TESTS = "test.yaml"
PURPOSE = "record what was measured"


@click.command()
@click.option(
    "--run", "number", type=Number(), required=True, metavar="ID", help="Run of train.yaml that was answered."
)
@click.option("--artifact", "artifact_id", type=Number(), metavar="ID", help="The judged measurement; else the newest.")
def command(number: int, artifact_id: int | None) -> None:
    """Commit dvc.lock and the metrics of a train run to its branch, where they differ from what it has."""
    final = FinalStatus.read()
    try:
        run = pulls.run(number)
        if not run.ended:
            raise NothingToDoError(f"run {number}: is {run.status}; nothing recorded")
        pull = _open_pull(run)
        commit = _record(run, pull, artifact_id, final)
        if commit:
            click.echo(f"recorded: {commit} on {pull.branch}")
        _set_final_status(pull, {run.head, pull.head, commit or run.head}, final)
        if commit:
            _start_tests(pull)
    except NothingToDoError as reason:
        click.echo(str(reason))


@dataclass(frozen=True)
class FinalStatus:
    """The gate's own verdict as a status, from the outputs of the job that ran `pipeline answer`."""

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
            raise PipelineError(f"GATE_STATE: {state!r} is not a status's state; allowed: {allowed}")
        return cls(cast("statuses.State", state), description, url)


def contents(bundle: Bundle) -> dict[str, str]:
    """The text of each file to record, none where nothing was measured; PipelineError where one is malformed."""
    if bundle.measurement.outcome != "measured":
        click.echo(f"the measurement is `{bundle.measurement.outcome}`: nothing to record")
        return {}
    files = {path: _decode(path, content) for path, content in recorded(bundle).items()}
    if "dvc.lock" not in files:
        raise PipelineError("the measurement has no dvc.lock; nothing recorded")
    _check_lock(files["dvc.lock"])
    for path in files.keys() - {"dvc.lock"}:
        try:
            json.loads(files[path])
        except (ValueError, RecursionError):
            raise PipelineError(f"the measurement's {path} is no JSON; nothing recorded") from None
    return files


def _decode(path: str, content: bytes) -> str:
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


def _open_pull(run: Run) -> Pull:
    """The pull request to record on: of this repository, and its head still the measured commit."""
    pull = pulls.of_run(run)
    if pull.fork:
        reason = "comes from a fork, where nobody else may push; its comment says how to record what was measured"
        raise NothingToDoError(f"pull request {pull.number}: {reason}")
    return pull


def _record(run: Run, pull: Pull, artifact_id: int | None, final: FinalStatus | None) -> str | None:
    """Commit and push; the new commit, None where there is nothing to record."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            bundle = artifact.fetch(run, artifact.of_run(run, artifact_id), Path(folder, "measurement"))
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
            if final and (statuses.current(pull.head) or {}).get("state") == "pending":  # it waits for this record
                statuses.post(pull.head, "error", f"not recorded: {problem}", final.url)
        raise
    return commit


def _commit(run: Run, files: dict[str, str]) -> str | None:
    """A commit on the measured one, on no branch yet; None where that has the files already."""
    entries = [{"path": path, "mode": "100644", "type": "blob", "content": text} for path, text in files.items()]
    tree = api.call("POST", "git/trees", {"base_tree": run.tree, "tree": entries}, purpose=PURPOSE)["sha"]
    if tree == run.tree:
        click.echo(f"{run.branch}: has what was measured already; nothing to record")
        return None
    message = f"Record what was measured\n\n{TRAILER}{run.head}"
    body = {"message": message, "tree": tree, "parents": [run.head]}
    return str(api.call("POST", "git/commits", body, purpose=PURPOSE)["sha"])


def _push(run: Run, pull: Pull, commit: str) -> None:
    """Move the branch to the commit; NothingToDoError where it has moved meanwhile."""
    if not refs.fast_forward(pull.branch, run.head, commit, purpose=PURPOSE):
        moved = f"has moved since {run.head[:7]} was measured; outdated, nothing recorded"
        raise NothingToDoError(f"{pull.branch}: {moved}")


def _set_final_status(pull: Pull, commits: set[str], final: FinalStatus | None) -> None:
    """Set the final status of the measured head and of the commit that records it; an active override decides."""
    if final is None:
        return
    override = overrides.active(pull.number, commits)
    state: statuses.State = "success" if override else final.state
    for sha in sorted(commits):
        statuses.post(sha, state, reply.with_override(override, final.description), final.url)


def _start_tests(pull: Pull) -> None:
    """Start the tests of the new commit: a push by the workflow's own token starts none."""
    body = {"ref": pull.branch}
    api.call("POST", f"actions/workflows/{TESTS}/dispatches", body, purpose="start the tests of the new commit")
    click.echo(f"{TESTS}: started for {pull.branch}")
