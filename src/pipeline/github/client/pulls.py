"""The pull request of a train run, found by the run's own head commit, and the train run of a pull request."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pipeline.core import pipelines
from pipeline.core.errors import PipelineError
from pipeline.github.client import api

WORKFLOW = ".github/workflows/train.yaml"
EVENTS = ("pull_request", "workflow_dispatch")
RECORDED = ("dvc.lock", "reports/metrics.json", "data/source.json")  # of each pipeline: the bot's commit may change it
TRAILER = "Measured-Commit: "
# The conclusion of a run that waits for a person's approval: one of a fork, or of a workflow token's own push.
UNAPPROVED = "action_required"
# Conclusions of runs that measured nothing.
UNMEASURED = frozenset({UNAPPROVED, "cancelled", "skipped", "stale", "neutral", "startup_failure"})
MAX_RUNS = 10  # the newest runs of a branch, which are searched


class NothingToDoError(Exception):
    """Why there is nothing to answer, announce or record: one sentence."""


@dataclass(frozen=True)
class Run:
    """A run of train.yaml; `owner` and `source` name the repository of the branch, None where it is gone."""

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
    """An open pull request; `blobs` are the hashes of what the bot recorded on the measured commit, by path.

    `url`: its page.
    """

    number: int
    head: str
    branch: str
    base: str
    fork: bool
    labels: tuple[str, ...]
    blobs: Mapping[str, str]
    url: str


def run(number: int) -> Run:
    """The train run of this id; PipelineError where it is a run of another workflow or event."""
    data = api.call("GET", f"actions/runs/{number}", purpose=f"read run {number}")
    path = str(data.get("path", "")).partition("@")[0]
    if path != WORKFLOW or data.get("event") not in EVENTS:
        raise PipelineError(f"run {number}: is of {path} on {data.get('event')}, not of {WORKFLOW} on a pull request")
    return _run(data)


def of_run(run: Run) -> Pull:
    """The open pull request whose head this run measured; NothingToDoError where there is none."""
    if run.owner is None:
        raise NothingToDoError(f"run {run.id}: the repository of its branch was deleted; nothing to answer")
    path = f"pulls?state=open&head={quote(f'{run.owner}:{run.branch}', safe=':')}"
    candidates = [data for data in api.pages(path, purpose="list the pull requests") if _repository(data) == run.source]
    pulls = [pull for data in candidates if (pull := matching_pull(run, data))]
    if not pulls:
        raise NothingToDoError(f"run {run.id}: no open pull request has {run.head[:7]} as its head; outdated")
    return _into_default_branch(pulls)


def of_number(number: int) -> tuple[Run, Pull]:
    """A pull request and the latest train run of its head (or of the commit that the bot recorded there)."""
    data = api.call("GET", f"pulls/{number}", purpose=f"read pull request {number}")
    if data["state"] != "open":
        raise NothingToDoError(f"pull request {number}: is {data['state']}; nothing to answer")
    head = data["head"]
    for query in (f"head_sha={head['sha']}", f"branch={quote(head['ref'], safe='')}"):
        for run in _latest(query):
            if run.source == _repository(data) and (pull := matching_pull(run, data)):
                return run, _into_default_branch([pull])
    raise NothingToDoError(
        f"pull request {number}: {head['sha'][:7]} has no run of train.yaml yet; it is answered when it has"
    )


def matching_pull(run: Run, data: Any) -> Pull | None:
    """The pull request if its head is the measured commit, or the bot's commit that records it; else None."""
    head = data["head"]["sha"]
    if head == run.head:
        return _pull(data, {})
    blobs = recorded_blobs(run.head, head)
    return None if blobs is None else _pull(data, blobs)


def has_newer_run(run: Run) -> bool:
    """Whether the branch has a later run of train.yaml that has started, or the run a later attempt."""
    path = f"actions/workflows/{WORKFLOW.rsplit('/', 1)[1]}/runs"
    for query in (f"branch={quote(run.branch, safe='')}", f"head_sha={run.head}"):
        response = api.call("GET", f"{path}?{query}&per_page={MAX_RUNS}", purpose="list the runs of train.yaml")
        started = [data for data in response["workflow_runs"] if data["conclusion"] != UNAPPROVED]
        runs = [_run(data) for data in started if data["event"] in EVENTS]
        if any((other.id, other.attempt) > (run.id, run.attempt) and other.source == run.source for other in runs):
            return True
    return False


def _into_default_branch(pulls: list[Pull]) -> Pull:
    """The first that goes from another branch into the default branch, whose code and bounds judge it."""
    default = api.call("GET", "", purpose="read the default branch")["default_branch"]
    eligible = [pull for pull in pulls if pull.base == default and (pull.fork or pull.branch != default)]
    if eligible:
        return min(eligible, key=lambda pull: pull.number)
    pull = min(pulls, key=lambda pull: pull.number)
    problem = f"goes into {pull.base}" if pull.base != default else f"comes from {default} itself"
    rule = f"only what goes from another branch into {default} is judged"
    raise NothingToDoError(f"pull request {pull.number}: {problem}; {rule}")


def recorded_blobs(measured: str, head: str) -> dict[str, str] | None:
    """The recorded files' hashes, where the head is one commit on the measured one that names it and changes no others.

    Anybody can write such a commit: callers must compare the blobs with what was measured.
    """
    try:
        comparison = api.call("GET", f"compare/{measured}...{head}", purpose="compare the head with what was measured")
    except api.RefusedError as problem:
        if problem.status in {404, 422}:  # the branch was force-pushed
            return None
        raise
    commits, files = comparison["commits"], comparison.get("files", [])
    if comparison["status"] != "ahead" or [commit["sha"] for commit in commits] != [head]:
        return None
    parents = [parent["sha"] for parent in commits[0]["parents"]]
    has_trailer = f"{TRAILER}{measured}" in commits[0]["commit"]["message"].splitlines()
    recorded = {folder + path for folder in pipelines.folders() for path in RECORDED}
    only_recorded = all(file["filename"] in recorded and file["status"] in {"added", "modified"} for file in files)
    if not (has_trailer and only_recorded and parents == [measured]):
        return None
    return {file["filename"]: file["sha"] for file in files}


def _latest(query: str) -> Iterable[Run]:
    path = f"actions/workflows/{WORKFLOW.rsplit('/', 1)[1]}/runs?{query}&per_page={MAX_RUNS}"
    response = api.call("GET", path, purpose="list the runs of train.yaml")
    runs = [
        _run(data)
        for data in response["workflow_runs"]
        if data["event"] in EVENTS and data["conclusion"] not in UNMEASURED
    ]
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
        url=data["html_url"],
    )


def _repository(data: Any) -> str | None:
    """owner/name of the repository that the pull request comes from; None where it was deleted."""
    repo = data["head"]["repo"]
    return repo["full_name"] if repo else None
