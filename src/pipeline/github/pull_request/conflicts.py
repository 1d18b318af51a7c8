"""`pipeline merge-main`: pull requests that conflict with main, for which GitHub runs no workflow on `pull_request`.

Where only what the pipeline makes conflicts, main is merged and the result measured; else the author gets the commands.
"""

import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from pipeline.core import pipelines
from pipeline.core.conflicts import MADE
from pipeline.core.errors import PipelineError, listed
from pipeline.core.git import git
from pipeline.data.source.sources import FINGERPRINT
from pipeline.github.client import api, posting, refs, statuses
from pipeline.github.pull_request import main_merge
from pipeline.github.pull_request.main_merge import Merge
from pipeline.markup.markdown import code, escape, fenced

PURPOSE = "merge main"
INTERVAL = 3  # seconds between two looks at whether GitHub knows already
STARTED = {"train.yaml": {"answer": "true"}, "test.yaml": {}}  # a push of the workflow's own token starts neither
CONFLICT = "conflicts with main"
GONE = "no longer conflicts with main: push, or close and reopen it, to have it measured"
DEPENDABOT = "dependabot[bot]"


@click.command()
@click.option("--wait", type=float, default=60, show_default=True, help="Seconds that GitHub may take to find out.")
def command(wait: float) -> None:
    """Merge main into the pull requests that conflict in dvc.lock and the metrics alone; tell the others what to do."""
    default = api.call("GET", "", purpose="read the default branch")["default_branch"]
    main = git(Path(), "rev-parse", "HEAD").stdout.strip()
    problems = []
    for listed_pull in api.pages(f"pulls?state=open&base={quote(default, safe='')}", purpose="list the pull requests"):
        try:
            pull = _with_mergeability(listed_pull["number"], wait)
            click.echo(f"pull request {pull['number']}: {update(pull, main)}")
        except PipelineError as problem:
            problems.append(f"pull request {listed_pull['number']}: {problem}")
    if problems:
        raise PipelineError("\n".join(problems))


def update(pull: Any, main: str) -> str:
    """Deal with one pull request; what was done, in a few words."""
    head = str(pull["head"]["sha"])
    if pull["mergeable"]:
        for _ in pipelines.each():
            if str((statuses.current(head) or {}).get("description", "")).startswith(CONFLICT):
                statuses.post(head, "error", GONE, pull["html_url"])
        return "no conflict"
    merge = main_merge.merge(main, pull["number"], head)
    if pull["mergeable"] is None and not merge.conflicts:
        return "no conflict"
    reason = obstacle(pull, merge)
    if reason is None:
        try:
            return f"main was merged: {push(pull, merge)}"
        except api.RefusedError as problem:
            if problem.status not in {403, 422}:
                raise
            reason = str(problem)
    refuse(pull, merge, reason)
    return f"{CONFLICT}: {reason}"


def obstacle(pull: Any, merge: Merge) -> str | None:
    """Why a person has to merge main; None where the pipeline can."""
    taken = (*_of_each(*MADE), *_of_each(str(FINGERPRINT)))  # main's version: the measurement makes them anew
    others = [path for path in merge.conflicts if path not in taken or not main_merge.content(merge.main, path)]
    if others:
        return f"in {listed(others)}"
    if not merge.conflicts:
        return "in the eyes of GitHub, though not in git's"
    if (pull["head"]["repo"] or {}).get("full_name") != api.repository():
        return "it comes from a fork, to which no workflow may push"
    if (pull["user"] or {}).get("login") == DEPENDABOT:
        return "it is Dependabot's: comment `@dependabot rebase`"
    for path in _of_each(str(FINGERPRINT)):
        if path in merge.conflicts and _has_batches(main_merge.content(merge.head, path)):
            return f"in {path}, which names rows that the branch adds"
    if merge.changes_workflows:
        return "main has other workflow files, which no workflow may push"
    return None


def push(pull: Any, merge: Merge) -> str:
    """Merge main on the branch, and start what measures and tests it; the commit, or that the branch has moved."""
    tree = git(Path(), "rev-parse", f"{merge.head}^{{tree}}").stdout.strip()
    body = {"base_tree": tree, "tree": merge.entries()}
    new_tree = api.call("POST", "git/trees", body, purpose=PURPOSE)["sha"]
    message = f"Merge main\n\nIts {listed(merge.conflicts)}: to be measured again"
    content = {"message": message, "tree": new_tree, "parents": [merge.head, merge.main]}
    commit = str(api.call("POST", "git/commits", content, purpose=PURPOSE)["sha"])
    branch = str(pull["head"]["ref"])
    if not refs.fast_forward(branch, merge.head, commit, purpose=PURPOSE):
        return "nothing pushed, as the branch has moved"
    for _ in pipelines.each():
        statuses.post(commit, "pending", "main was merged; being measured", pull["html_url"])
    for workflow, inputs in STARTED.items():
        path = f"actions/workflows/{workflow}/dispatches"
        api.call("POST", path, {"ref": branch, "inputs": inputs}, purpose=f"start {workflow}")
    return commit


def refuse(pull: Any, merge: Merge, reason: str) -> None:
    """Fail each pipeline's status, and say in a comment how to merge main; nothing is written twice."""
    description = statuses.shorten(f"{CONFLICT}: {reason}")
    posting.upsert(pull["number"], "conflict", comment(pull, merge, reason))
    for _ in pipelines.each():
        current = statuses.current(merge.head) or {}
        if (current.get("state"), current.get("description")) != ("failure", description):
            statuses.post(merge.head, "failure", description, pull["html_url"])


def comment(pull: Any, merge: Merge, reason: str) -> str:
    """Why GitHub runs no workflow, and the commands that merge main. Names of files are untrusted."""
    made = [path for path in merge.conflicts if path in _of_each(*MADE)]
    others = [path for path in merge.conflicts if path not in made]
    commands = [
        f"gh pr checkout {pull['number']}",
        f"git fetch {api.server()}/{api.repository()}.git {pull['base']['ref']}",
        "git merge FETCH_HEAD",
        *([f"git checkout --theirs {' '.join(made)}  # main's; the run makes them anew"] if made else []),
        *(["# edit the other files, and `git add` each of them"] if others else []),
        f"git add {' '.join(made)}".rstrip() if made else "",
        "git commit --no-edit",
        "git push",
    ]
    files = f" Edit: {', '.join(code(path) for path in others[:20])}." if others else ""
    why = f"until main is merged, and the pipeline can't merge it: {escape(reason)}.{files}"
    block = fenced("\n".join(filter(None, commands)), "console")
    return f"### ❌ Conflicts with main\n\nGitHub runs no workflow for {code(merge.head[:9])} {why}\n\n{block}\n"


def _of_each(*paths: str) -> list[str]:
    """These paths of each pipeline, from the top of the repository."""
    return [folder + path for folder in pipelines.folders() for path in paths]


def _with_mergeability(number: int, wait: float) -> Any:
    """The pull request; its `mergeable` is null until GitHub has found out, which the first request starts."""
    end = time.monotonic() + wait
    while True:
        pull = api.call("GET", f"pulls/{number}", purpose=f"read pull request {number}")
        if pull["mergeable"] is not None or time.monotonic() + INTERVAL > end:
            return pull
        time.sleep(INTERVAL)


def _has_batches(fingerprint: str) -> bool:
    """Whether a version of data/source.json names batches of added rows; also where it can't be read."""
    try:
        return bool(json.loads(fingerprint).get("added"))
    except (ValueError, AttributeError, RecursionError):
        return True
