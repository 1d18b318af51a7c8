"""Overrides of the gate on GitHub: each a comment of ours that people read, and in its first line the data.

An override counts while the label is on the pull request, for the commit that it names, until it is withdrawn. Whoever
can forge one can edit our comments, which takes the permission to write, and so can set the status by hand as well.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from pipeline.github.client import api, statuses
from pipeline.github.client.posting import BOT
from pipeline.markup.markdown import bold, code, escape
from pipeline.review.gate.override import Override

LABEL = "gate: override"
LINE = re.compile(r"<!-- pipeline-override (\{.*\}) -->\r?\n")
# What the status said before an override was data. Today's has no @: nothing reads it back.
SENTENCE = re.compile(r"overruled by @([A-Za-z0-9][A-Za-z0-9_-]*(?:\[bot\])?)")


def standing(number: int, commits: Collection[str]) -> Override | None:
    """The newest override of one of these commits that counts at this moment; None where there is none."""
    data = api.call("GET", f"pulls/{number}", to="read the pull request's labels")
    if LABEL not in {label["name"] for label in data["labels"]}:
        return None
    known = [override for _, override in _recorded(_comments(number))]
    if known:
        return next((one for one in reversed(known) if one.commit in commits and not one.withdrawn), None)
    return next(filter(None, (_of_status(sha) for sha in sorted(commits))), None)


def record(number: int, override: Override) -> None:
    """Put the label on and say for good who overruled the gate, when, for which commit and why."""
    api.call("POST", f"issues/{number}/labels", {"labels": [LABEL]}, to=f"set the label {LABEL}")
    body = {"body": written(override)}
    api.call("POST", f"issues/{number}/comments", body, to="record the override", again=False)


def withdraw(number: int, at: datetime) -> bool:
    """From now on no override of this pull request counts; whether one did."""
    standing = [(id_, one) for id_, one in _recorded(_comments(number)) if not one.withdrawn]
    for id_, override in standing:
        body = {"body": written(override.model_copy(update={"withdrawn": at}))}
        api.call("PATCH", f"issues/comments/{id_}", body, to="withdraw the override")
    return bool(standing)


def reason(number: int, person: str) -> str | None:
    """What the person's newest comment `Override: why` says, where no override was recorded since; else None."""
    found = None
    for data in _comments(number):
        said = re.match(r"\s*override:(.*)", data["body"] or "", re.IGNORECASE | re.DOTALL)
        if LINE.match(data["body"] or "") and _is_ours(data):
            found = None
        elif said and _login(data).casefold() == person.casefold():
            found = said[1]
    return found


def written(override: Override) -> str:
    """The comment of an override. Nothing in its data can end the line that GitHub does not show."""
    data = override.model_dump_json(exclude_none=True).replace(">", "\\u003e")
    gone = f"\n\nWithdrawn {override.withdrawn:%Y-%m-%d %H:%M} UTC." if override.withdrawn else ""
    told = f"{bold('@' + override.by)} overruled the gate for {code(override.commit[:7])}: {escape(override.reason)}"
    return f"<!-- pipeline-override {data} -->\n{told}{gone}"


def _comments(number: int) -> list[Any]:
    return list(api.pages(f"issues/{number}/comments", to="read the comments"))


def _recorded(comments: list[Any]) -> Iterator[tuple[int, Override]]:
    """Our comments that record an override, the oldest first; one that somebody has damaged records nothing."""
    for data in comments:
        found = LINE.match(data["body"] or "") if _is_ours(data) else None
        try:
            if found:
                yield data["id"], Override.model_validate_json(found[1])
        except ValidationError:
            continue


def sentence(override: Override) -> str:
    """How a status begins that says it. One without a reason is known by its status alone, which stays as it was."""
    return f"overruled by {'' if override.reason else '@'}{override.by}"


def says_so(status: Mapping[str, Any]) -> bool:
    """Whether a status says that the gate was overruled, which it does also where that is withdrawn since."""
    return str(status.get("description") or "").startswith("overruled by ")


def _of_status(sha: str) -> Override | None:
    status = statuses.current(sha) or {}
    said = SENTENCE.match(status.get("description") or "")
    if said is None or status.get("state") not in {"success", "pending"}:
        return None
    return Override(by=said[1], at=status["created_at"], commit=sha)


def _is_ours(data: Any) -> bool:
    return (_login(data), (data.get("user") or {}).get("type")) == (BOT, "Bot")


def _login(data: Any) -> str:
    return str((data.get("user") or {}).get("login") or "")
