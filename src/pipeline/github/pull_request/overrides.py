"""Overrides of the gate on GitHub: each is a comment of the bot, for people to read, with the data in its first line.

An override counts while the label is on the pull request, for the commit that it names, until it is withdrawn. The
comment is not believed by itself: GitHub's own data must confirm it, and the person must still be allowed to overrule.
"""

import re
import sys
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pipeline.github.client import api, override_runs
from pipeline.github.client.posting import is_by_bot
from pipeline.github.pull_request import authors
from pipeline.markup.markdown import bold, code, cut, escape
from pipeline.review.gate.override import LABEL, LINE, Override, recorded

MAX_REASON = 60  # characters of a reason in a status, which has room for 140


def active(number: int, commits: Collection[str]) -> Override | None:
    """The newest override of one of these commits that counts now; None where there is none."""
    pull = api.call("GET", f"pulls/{number}", purpose="read the pull request's labels")
    if LABEL not in {label["name"] for label in pull["labels"]}:
        return None
    recorded = [override for _, override in _recorded(_comments(number))]
    for override in reversed(recorded):
        if override.commit in commits and not override.withdrawn and _counts(override, pull):
            return override
    return None


def _counts(override: Override, pull: Any) -> bool:
    """Whether GitHub's data confirm it and main's rule still allows it; prints why not."""
    reason = override_runs.problem(override, pull["number"]) or authors.refusal(pull, override.by)
    if reason:
        line = f"the override of {override.commit[:7]} in the name of @{override.by} does not count: {reason}"
        print(line, file=sys.stderr)
    return reason is None


def record(pull: Any, override: Override) -> None:
    """Set the label and record in a comment who overruled the gate, when, for which commit and why."""
    number = pull["number"]
    if LABEL in {label["name"] for label in pull["labels"]} and not override_runs.is_label_of(override, number):
        # Somebody else set it: off and on again, so that its last event is the workflow's.
        path = f"issues/{number}/labels/{quote(LABEL)}"
        api.call("DELETE", path, purpose=f"set the label {LABEL} again")
    api.call("POST", f"issues/{number}/labels", {"labels": [LABEL]}, purpose=f"set the label {LABEL}")
    body = {"body": render(override)}
    api.call("POST", f"issues/{number}/comments", body, purpose="record the override", retry=False)


def withdraw(number: int, at: datetime) -> bool:
    """Withdraw all overrides of this pull request; whether there was one."""
    to_withdraw = [(id_, item) for id_, item in _recorded(_comments(number)) if not item.withdrawn]
    for id_, override in to_withdraw:
        body = {"body": render(override.model_copy(update={"withdrawn": at}))}
        api.call("PATCH", f"issues/comments/{id_}", body, purpose="withdraw the override")
    return bool(to_withdraw)


def reason(number: int, person: str) -> str | None:
    """The reason in the person's newest comment `Override: why`, if no override was recorded since; else None."""
    newest = None
    for data in _comments(number):
        comment = re.match(r"\s*override:(.*)", data["body"] or "", re.IGNORECASE | re.DOTALL)
        if LINE.match(data["body"] or "") and is_by_bot(data):
            newest = None
        elif comment and _login(data).casefold() == person.casefold():
            newest = comment[1]
    return newest


def render(override: Override) -> str:
    """The comment of an override. Nothing in its data can end the line that GitHub does not show."""
    data = override.model_dump_json(exclude_none=True).replace(">", "\\u003e")
    withdrawn = f"\n\nWithdrawn {override.withdrawn:%Y-%m-%d %H:%M} UTC." if override.withdrawn else ""
    sentence = (
        f"{bold('@' + override.by)} overruled the gate for {code(override.commit[:7])}: {escape(override.reason)}"
    )
    return f"<!-- pipeline-override {data} -->\n{sentence}{withdrawn}"


def _comments(number: int) -> list[Any]:
    return list(api.pages(f"issues/{number}/comments", purpose="read the comments"))


def _recorded(comments: list[Any]) -> Iterator[tuple[int, Override]]:
    """The bot's comments that record an override, the oldest first, without damaged ones."""
    for data in comments:
        override = recorded(data["body"]) if is_by_bot(data) else None
        if override:
            yield data["id"], override


def status_prefix(override: Override) -> str:
    """The beginning of its status, for people: who overruled and why. It is never read back as an override."""
    return f"overruled by {override.by}: {cut(override.reason or 'no reason was asked for', MAX_REASON)}"


def is_override_status(status: Mapping[str, Any]) -> bool:
    """Whether a status says that the gate was overruled, even if that was withdrawn since."""
    return str(status.get("description") or "").startswith("overruled by ")


def _login(data: Any) -> str:
    return str((data.get("user") or {}).get("login") or "")
