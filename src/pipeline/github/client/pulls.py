"""The pull request of a train run, found by the run's own head commit, and the train run of a pull request."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pipeline.core.errors import PipelineError
from pipeline.github.client import api

WORKFLOW = ".github/workflows/train.yaml"
EVENTS = ("pull_request", "workflow_dispatch")
RECORDED = ("dvc.lock", "reports/metrics.json", "data/source.json")  # what the bot's commit may change
TRAILER = "Measured-Commit: "
# Conclusions of runs that measured nothing; of what the workflow's own token opens, GitHub waits for an approval.
SILENT = frozenset({"cancelled", "skipped", "action_required"})
RECENT = 10  # runs of a branch that are looked at


class NothingToDoError(Exception):
    """Why there is nothing to answer, announce or record: one sentence."""


@dataclass(frozen=True)
class Run:
    """A run of train.yaml; `owner` and `source` are those of the repository that the branch is in, if it still is."""

    id: int
    attempt: int
    status: str
    conclusion: str | None
    started: str
    head: str
    tree: str
    branch: str
    owner: str | None
    source: str | None
    url: str

    @property
    def ended(self) -> bool:
        return self.status == "completed"


@dataclass(frozen=True)
class Pull:
    """An open pull request; `blobs` names what the bot recorded on top of the measured commit, by path."""

    number: int
    head: str
    branch: str
    base: str
    fork: bool
    labels: tuple[str, ...]
    blobs: Mapping[str, str]


def run(number: int) -> Run:
    """The train run of this id; PipelineError where it is a run of something else."""
    data = api.call("GET", f"actions/runs/{number}", to=f"read run {number}")
    path = str(data.get("path", "")).partition("@")[0]
    if path != WORKFLOW or data.get("event") not in EVENTS:
        raise PipelineError(f"run {number}: is of {path} on {data.get('event')}, not of {WORKFLOW} on a pull request")
    return _run(data)


def of_run(run: Run) -> Pull:
    """The open pull request whose head this run measured; NothingToDoError where there is none (any more)."""
    if run.owner is None:
        raise NothingToDoError(f"run {run.id}: the repository of its branch is gone; nothing to answer")
    path = f"pulls?state=open&head={quote(f'{run.owner}:{run.branch}', safe=':')}"
    candidates = [data for data in api.pages(path, to="list the pull requests") if _repository(data) == run.source]
    found = [pull for data in candidates if (pull := measured(run, data))]
    if not found:
        raise NothingToDoError(f"run {run.id}: no open pull request has {run.head[:7]} as its head; outdated")
    return _into_default(found)


def of_number(number: int) -> tuple[Run, Pull]:
    """A pull request and the latest train run of its head (or of the commit that the bot recorded there)."""
    data = api.call("GET", f"pulls/{number}", to=f"read pull request {number}")
    if data["state"] != "open":
        raise NothingToDoError(f"pull request {number}: is {data['state']}; nothing to answer")
    head = data["head"]
    for query in (f"head_sha={head['sha']}", f"branch={quote(head['ref'], safe='')}"):
        for run in _latest(query):
            if run.source == _repository(data) and (pull := measured(run, data)):
                return run, _into_default([pull])
    raise NothingToDoError(
        f"pull request {number}: {head['sha'][:7]} has no run of train.yaml yet; it is answered when it has"
    )


def measured(run: Run, data: Any) -> Pull | None:
    """The pull request where its head is what the run measured, or the bot's record of that; None where it is not."""
    head = data["head"]["sha"]
    if head == run.head:
        return _pull(data, {})
    recorded = _record(run, head)
    return None if recorded is None else _pull(data, recorded)


def newer(run: Run) -> bool:
    """Whether the branch has a later run of train.yaml, whatever became of it, or the run a later attempt."""
    path = f"actions/workflows/{WORKFLOW.rsplit('/', 1)[1]}/runs"
    for query in (f"branch={quote(run.branch, safe='')}", f"head_sha={run.head}"):
        listed = api.call("GET", f"{path}?{query}&per_page={RECENT}", to="list the runs of train.yaml")
        found = [_run(data) for data in listed["workflow_runs"] if data["event"] in EVENTS]
        if any((other.id, other.attempt) > (run.id, run.attempt) and other.source == run.source for other in found):
            return True
    return False


def _into_default(found: list[Pull]) -> Pull:
    """The first that goes from another branch into the default branch, whose judge and bounds are those that judge."""
    default = api.call("GET", "", to="read the default branch")["default_branch"]
    fit = [pull for pull in found if pull.base == default and (pull.fork or pull.branch != default)]
    if fit:
        return min(fit, key=lambda pull: pull.number)
    pull = min(found, key=lambda pull: pull.number)
    way = f"goes into {pull.base}" if pull.base != default else f"comes from {default} itself"
    judged = f"only what goes from another branch into {default} is judged"
    raise NothingToDoError(f"pull request {pull.number}: {way}; {judged}")


def _record(run: Run, head: str) -> dict[str, str] | None:
    """The blobs that a single commit on top of the measured one brought, where it says so and brought no others.

    Anybody can write such a commit: whoever relies on it compares the blobs with what was measured.
    """
    try:
        data = api.call("GET", f"compare/{run.head}...{head}", to="compare the head with what was measured")
    except api.RefusedError as problem:
        if problem.status in {404, 422}:  # it was pushed over
            return None
        raise
    commits, files = data["commits"], data.get("files", [])
    if data["status"] != "ahead" or [commit["sha"] for commit in commits] != [head]:
        return None
    parents = [parent["sha"] for parent in commits[0]["parents"]]
    said = f"{TRAILER}{run.head}" in commits[0]["commit"]["message"].splitlines()
    kept = all(file["filename"] in RECORDED and file["status"] in {"added", "modified"} for file in files)
    return {file["filename"]: file["sha"] for file in files} if said and kept and parents == [run.head] else None


def _latest(query: str) -> Iterable[Run]:
    path = f"actions/workflows/{WORKFLOW.rsplit('/', 1)[1]}/runs?{query}&per_page={RECENT}"
    found = api.call("GET", path, to="list the runs of train.yaml")["workflow_runs"]
    runs = [_run(data) for data in found if data["event"] in EVENTS and data["conclusion"] not in SILENT]
    return sorted(runs, key=lambda run: (run.id, run.attempt), reverse=True)


def _run(data: Any) -> Run:
    source = data.get("head_repository") or {}
    commit = data.get("head_commit") or {}
    return Run(
        id=data["id"],
        attempt=data.get("run_attempt", 1),
        status=data["status"],
        conclusion=data["conclusion"],
        started=data.get("run_started_at") or data["created_at"],
        head=data["head_sha"],
        tree=commit.get("tree_id", ""),
        branch=data["head_branch"] or "",
        owner=(source.get("owner") or {}).get("login"),
        source=source.get("full_name"),
        url=data["html_url"],
    )


def _pull(data: Any, blobs: Mapping[str, str]) -> Pull:
    head, base = data["head"], data["base"]
    return Pull(
        number=data["number"],
        head=head["sha"],
        branch=head["ref"],
        base=base["ref"],
        fork=_repository(data) != base["repo"]["full_name"],
        labels=tuple(label["name"] for label in data["labels"]),
        blobs=blobs,
    )


def _repository(data: Any) -> str | None:
    """owner/name of the repository that the pull request comes from; None where it was deleted."""
    repo = data["head"]["repo"]
    return repo["full_name"] if repo else None
