"""`pipeline record`: commit what was measured to the branch, so that what is merged is what was measured."""

import contextlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

import click

from pipeline.core import pipelines
from pipeline.core.errors import PipelineError
from pipeline.github.client import api, pulls, refs, statuses
from pipeline.github.client.numbers import Number
from pipeline.github.client.pulls import TRAILER, NothingToDoError, Pull, Run
from pipeline.github.pull_request import artifact, final_statuses, overrides, recorded_files, reply
from pipeline.github.pull_request.final_statuses import FinalStatus
from pipeline.github.pull_request.recorded_files import recorded
from pipeline.review.measure.measurement import Bundle
from pipeline.review.untrusted import yaml as untrusted_yaml

LOCK, TESTS = "dvc.lock", "test.yaml"
PURPOSE = "record what was measured"


@click.command()
@click.option(
    "--run", "number", type=Number(), required=True, metavar="ID", help="Run of train.yaml that was answered."
)
def command(number: int) -> None:
    """Commit dvc.lock and the metrics of a train run to its branch, where they differ from what it has."""
    final = final_statuses.read()
    try:
        run = pulls.run(number)
        if not run.ended:
            raise NothingToDoError(f"run {number}: is {run.status}; nothing recorded")
        pull = _open_pull(run)
        commit = _record(run, pull, final)
        if commit:
            click.echo(f"recorded: {commit} on {pull.branch}")
        _set_final_statuses(pull, {run.head, pull.head, commit or run.head}, final or {})
        if commit:
            _start_tests(pull)
    except NothingToDoError as reason:
        click.echo(str(reason))


def contents(bundle: Bundle) -> dict[str, str]:
    """The text of each file to record, none where nothing was measured; PipelineError where one is malformed."""
    if bundle.measurement.outcome != "measured":
        click.echo(f"the measurement is `{bundle.measurement.outcome}`: nothing to record")
        return {}
    files = {path: _decode(path, content) for path, content in recorded(bundle).items()}
    lock = pipelines.folder() + LOCK
    if lock not in files:
        raise PipelineError(f"the measurement has no {lock}; nothing recorded")
    _check_lock(files[lock], lock)
    for path in files.keys() - {lock}:
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


def _check_lock(text: str, path: str) -> None:
    try:
        lock = untrusted_yaml.parse(text.encode(), f"the measurement's {path}")
    except PipelineError as problem:
        raise PipelineError(f"{problem}; nothing recorded") from None
    if set(lock) != {"schema", "stages"} or not isinstance(lock["stages"], dict):
        raise PipelineError(f"the measurement's {path} is not what DVC writes; nothing recorded")


def _open_pull(run: Run) -> Pull:
    """The pull request to record on: of this repository, and its head still the measured commit."""
    pull = pulls.of_run(run)
    if pull.fork:
        reason = "comes from a fork, where nobody else may push; its comment says how to record what was measured"
        raise NothingToDoError(f"pull request {pull.number}: {reason}")
    return pull


def _record(run: Run, pull: Pull, final: Mapping[str, FinalStatus] | None) -> str | None:
    """Commit and push; the new commit, None where there is nothing to record."""
    try:
        measured, files = _measured(run, final)
        recorded_files.check_blobs(measured, pull.blobs, pull)
        if pull.head != run.head:
            click.echo(f"{pull.branch}: {pull.head[:7]} records this measurement already")
            return None
        commit = _commit(run, files) if files else None
        if commit:
            _push(run, pull, commit)
    except PipelineError as problem:
        _report(problem, pull, final or {})
        raise
    return commit


def _measured(run: Run, final: Mapping[str, FinalStatus] | None) -> tuple[dict[str, bytes], dict[str, str]]:
    """What the run measured of each pipeline that has something to record, and the text of each file to commit."""
    measured, files = dict[str, bytes](), dict[str, str]()
    with tempfile.TemporaryDirectory() as temporary:
        for index, _ in enumerate(pipelines.each()):
            own = final.get(statuses.own_context()) if final is not None else None
            if final is not None and not (own and own.record):
                continue
            artifacts = artifact.of_run(run, own.artifact if own else None)
            bundle = artifact.fetch(run, artifacts, Path(temporary, str(index)))
            measured |= recorded(bundle)
            files |= contents(bundle)
    return measured, files


def _report(problem: PipelineError, pull: Pull, final: Mapping[str, FinalStatus]) -> None:
    """Set the statuses that wait for this record to an error."""
    for _ in pipelines.each():
        own = final.get(statuses.own_context())
        with contextlib.suppress(PipelineError):
            if own and (statuses.current(pull.head) or {}).get("state") == "pending":
                statuses.post(pull.head, "error", f"not recorded: {problem}", own.url)


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


def _set_final_statuses(pull: Pull, commits: set[str], final: Mapping[str, FinalStatus]) -> None:
    """Set the final statuses of the measured head and of the commit that records it; an active override decides."""
    override = overrides.active(pull.number, commits) if final else None
    for _ in pipelines.each():
        if own := final.get(statuses.own_context()):
            state: statuses.State = "success" if override else own.state
            for sha in sorted(commits):
                statuses.post(sha, state, reply.with_override(override, own.description), own.url)


def _start_tests(pull: Pull) -> None:
    """Start the tests of the new commit: a push by the workflow's own token starts none."""
    body = {"ref": pull.branch}
    api.call("POST", f"actions/workflows/{TESTS}/dispatches", body, purpose="start the tests of the new commit")
    click.echo(f"{TESTS}: started for {pull.branch}")
