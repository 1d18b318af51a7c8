"""`pipeline record`: commit what was measured onto the branch, so that what is merged is what was measured."""

import json
import re
import tempfile
from pathlib import Path
from urllib.parse import quote

import click

from pipeline.errors import PipelineError
from pipeline.github import api, artifact, pulls, statuses
from pipeline.github.pulls import TRAILER, NothingToDoError, Pull, Run
from pipeline.github.records import recorded
from pipeline.measure.measurement import Bundle
from pipeline.report import untrusted_yaml

TESTS = "test.yaml"
MOVED = "not a fast.forward|Reference does not exist"  # what GitHub says of a branch that is elsewhere
TO = "record what was measured"
FORK = """\
pull request {pull}: comes from a fork, where nobody else may push; whoever opened it records what was measured by
  gh run download {run} --repo {repository} --name measurement --dir .pipeline/measurement
  cp .pipeline/measurement/dvc.lock dvc.lock && cp .pipeline/measurement/metrics.json reports/metrics.json
  git add dvc.lock reports/metrics.json && git commit -m "Record what was measured" && git push"""


@click.command()
@click.option("--run", "number", type=int, required=True, metavar="ID", help="Run of train.yaml that was answered.")
def command(number: int) -> None:
    """Commit dvc.lock and the metrics of a train run to its branch, where they differ from what it has."""
    try:
        run = pulls.run(number)
        if not run.ended:
            raise NothingToDoError(f"run {number}: is {run.status}; nothing recorded")
        pull = _open(run)
        with tempfile.TemporaryDirectory() as folder:
            bundle = artifact.fetch(run, artifact.of_run(run), Path(folder, "measurement"))
            commit = _commit(run, contents(bundle))
        _push(run, pull, commit)
        click.echo(f"recorded: {commit} on {pull.branch}")
        _follow(pull, commit)
    except NothingToDoError as reason:
        click.echo(str(reason))


def contents(bundle: Bundle) -> dict[str, str]:
    """The text of each file to record; PipelineError where one is not what it should be."""
    if bundle.measurement.outcome != "measured":
        raise NothingToDoError(f"the measurement is `{bundle.measurement.outcome}`: nothing to record")
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
    lock = untrusted_yaml.parse(text.encode(), "the measurement's dvc.lock")
    if set(lock) != {"schema", "stages"} or not isinstance(lock["stages"], dict):
        raise PipelineError("the measurement's dvc.lock is not what DVC writes; nothing recorded")


def _open(run: Run) -> Pull:
    """The pull request to record on: of this repository, and its head still the measured commit."""
    pull = pulls.of_run(run)
    if pull.fork:
        raise NothingToDoError(FORK.format(pull=pull.number, run=run.id, repository=api.repository()))
    if pull.head != run.head:
        raise NothingToDoError(f"{pull.branch}: {pull.head[:7]} records this measurement already")
    return pull


def _commit(run: Run, files: dict[str, str]) -> str:
    """A commit on the measured one, on no branch yet; NothingToDoError where the files are there already."""
    entries = [{"path": path, "mode": "100644", "type": "blob", "content": text} for path, text in files.items()]
    tree = api.call("POST", "git/trees", {"base_tree": run.tree, "tree": entries}, to=TO)["sha"]
    if tree == run.tree:
        raise NothingToDoError(f"{run.branch}: has what was measured already; nothing to record")
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


def _follow(pull: Pull, commit: str) -> None:
    """What a bot's push does not start by itself: the gate's status on the new commit, and the tests."""
    status = statuses.current(pull.head)
    if status:
        statuses.post(commit, status["state"], status["description"] or "", status["target_url"] or "")
    body = {"ref": pull.branch}
    api.call("POST", f"actions/workflows/{TESTS}/dispatches", body, to="start the tests of the new commit")
    click.echo(f"{TESTS}: started for {pull.branch}")
