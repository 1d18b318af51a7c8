"""Who overrules a failed verdict: a person at the command line, or the override of the pull request that was merged."""

import datetime
from pathlib import Path
from typing import Any

from pipeline.core import pipelines
from pipeline.core.errors import PipelineError
from pipeline.core.git import blob_hash, git
from pipeline.github.client import api, override_runs, pulls
from pipeline.github.client.posting import is_by_bot
from pipeline.review.gate import override
from pipeline.review.gate.override import Override
from pipeline.ship.release.verdict import Overruling

LOCK = "dvc.lock"
MAX_REASON = 500  # characters of a reason


def by_person(person: str | None, reason: str | None) -> Overruling | None:
    """What --overruled-by and --reason say; PipelineError where one of them is missing or blank."""
    if person is None and reason is None:
        return None
    name, why = " ".join((person or "").split()), " ".join((reason or "").split())
    if not name or not why:
        lacking = "--reason WHY" if name else "--overruled-by NAME"
        raise PipelineError(f"release: overruling the gate takes a name and a reason; {lacking} is missing")
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return Overruling(by=name[:100], at=now, reason=why[:MAX_REASON])


def of_merged(root: Path) -> Overruling | None:
    """The override of the pull request that brought this dvc.lock, where it was given for a commit with this lock.

    None without such a pull request, as after a direct push. PipelineError where GitHub can't be asked.
    """
    merge = git(root, "log", "-1", "--first-parent", "--format=%H", "HEAD", "--", LOCK).stdout.strip()
    if not merge:
        return None
    default = api.call("GET", "", purpose="read the default branch")["default_branch"]
    for data in api.call("GET", f"commits/{merge}/pulls", purpose="find the pull request that was merged"):
        if not data.get("merged_at") or data["base"]["ref"] != default:
            continue
        if override.LABEL not in {label["name"] for label in data["labels"]}:
            continue
        for active in _active(data["number"]):
            if _has_lock(root, f"{merge}^1", active.commit, data["head"]["sha"]):
                return Overruling(
                    by=active.by,
                    at=active.at.isoformat(),
                    reason=active.reason or "no reason was asked for",
                    pull_request=data["number"],
                )
    return None


def _active(number: int) -> list[Override]:
    """The overrides of a pull request that GitHub's data confirm and that were not withdrawn, the newest first."""
    comments = [data for data in api.pages(f"issues/{number}/comments", purpose="read the comments") if is_by_bot(data)]
    overrides = [given for data in comments if (given := override.recorded(data.get("body")))]
    standing = [given for given in reversed(overrides) if not given.withdrawn]
    return [given for given in standing if override_runs.problem(given, number) is None]


def _has_lock(root: Path, base: str, overruled: str, head: str) -> bool:
    """Whether the overruled commit, or the bot's record of its measurement at the head, has this very dvc.lock."""
    path = pipelines.folder(root) + LOCK
    own = blob_hash((root / LOCK).read_bytes())
    if _blob(root, base, overruled, path) == own:
        return True
    return head != overruled and (pulls.recorded_blobs(overruled, head) or {}).get(path) == own


def _blob(root: Path, base: str, commit: str, path: str) -> str:
    """git's hash of a file at a commit: from this clone, else from GitHub's comparison with `base`."""
    local = git(root, "rev-parse", "--verify", "--quiet", f"{commit}:{path}")
    if local.returncode == 0:
        return local.stdout.strip()
    first = git(root, "rev-parse", base).stdout.strip()
    compared: Any = api.call("GET", f"compare/{first}...{commit}", purpose="compare the overruled commit with main")
    return next((str(file["sha"]) for file in compared.get("files", []) if file["filename"] == path), "")
