"""The one drift issue through its life: opened, kept, closed, and left alone where a person closed it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pipeline.github.client import api
from pipeline.github.drift_issue import issue_text, issues, retraining
from pipeline.github.drift_issue.issue_text import Pages
from pipeline.github.drift_issue.issues import Issue
from pipeline.github.drift_issue.state import Memory
from pipeline.watch.monitor.result import Result


@dataclass(frozen=True)
class Look:
    """What the monitor found, and what is known beside it."""

    result: Result
    pages: Pages
    environment: str  # of GitHub, whose deployments say what is in production
    assignees: tuple[str, ...]
    least: int  # windows beyond the bound that make an alarm

    def standing(self, before: Mapping[str, datetime]) -> dict[str, datetime]:
        """The signals that alarm, or have not recovered since they did."""
        return issue_text.standing(self.result, before, self.least)


@dataclass(frozen=True)
class Kept:
    """What was done, the issue that the report belongs on, and what went wrong beside it."""

    said: str
    number: int | None = None
    problem: str | None = None


def keep(look: Look, known: Sequence[Issue]) -> Kept:
    """Bring the drift issue in line with the result; without sight, or with too few rows, none is opened or closed."""
    if look.result.state == "blind":
        return Kept("drift: the monitor can't see; its issue stays as it is")
    issue = issues.current(known, "drift")
    if issue and issue.open and not issue.memory.closed:
        return _live(issue, look)
    now = look.standing({})
    if not now:
        return _quiet(issue, look)
    if issue is None:
        return _open(look)
    if not issue.open and (reason := _left_alone(issue, look)):
        return Kept(f"drift: #{issue.number} {reason}")
    if not issue.open and issue.memory.closed:
        return _open(look)
    new = issue_text.differences([] if issue.open else issue.memory.signals, now)[0]
    memory = issue.memory.but(f"opened again: {new}", at=look.result.until, signals=now, closed=None, asked=())
    return _update(issue, memory, look)


def _left_alone(issue: Issue, look: Look) -> str | None:
    """Why a closed issue stays closed, and no new one is opened, though something alarms."""
    memory, now = issue.memory, look.standing({})
    if memory.closed is None and set(now) <= set(memory.signals):
        return "was closed by hand and no other signal alarms: it stays closed"
    if memory.closed and memory.released and not issue_text.seen_since(look.result, now, memory.released):
        return "was closed by a release, and no window since then alarms: no new issue"
    return None


def _quiet(issue: Issue | None, look: Look) -> Kept:
    """Nothing alarms and nothing of ours is open; what a person closed and recovered makes way for a new one."""
    if issue and not issue.open and not issue.memory.closed and not look.standing(issue.memory.signals):
        memory = issue.memory.but("the signals recovered", at=look.result.until, closed="recovered", signals={})
        issues.changed(issue, body=issues.remembering(issue, memory))
    return Kept("drift: too few rows to judge" if look.result.state == "not_enough_data" else "drift: no signal alarms")


def _open(look: Look) -> Kept:
    result, now = look.result, look.standing({})
    memory = Memory().but(f"opened: {issue_text.differences([], now)[0]}", at=result.until, signals=now)
    body = issues.written("drift", memory, issue_text.text(result, memory, look.pages, "…"))
    issue = issues.opened("drift", issue_text.title(now), body, issues.assignees(look.assignees))
    return _update(issue, issue.memory, look)


def _live(issue: Issue, look: Look) -> Kept:
    """The issue that is open: kept up to date, or closed."""
    memory, result = issue.memory, look.result
    now = look.standing(memory.signals)
    if (
        not now
        and (found := retraining.retraining(issue.number))
        and found.state == "merged"
        and found.number != memory.cure
    ):
        return _update(issue, memory, look)  # the reference has learned what drifted, the serving model has not
    memory = memory.but(*issue_text.differences(memory.signals, now), at=result.until, signals=now)
    return _update(issue, memory, look) if now else _close(issue, memory, look, "recovered", "the signals are back")


def _update(issue: Issue, memory: Memory, look: Look) -> Kept:
    """Write what is known now, start retraining where it is due, and close where its model is in production."""
    found = retraining.retraining(issue.number)
    if found and found.merge and found.number != memory.cure:
        release = retraining.production(look.environment)
        if release and retraining.holds(release.commit, found.merge):
            reason = f"the model that #{found.number} retrained is in production"
            memory = memory.model_copy(update={"cure": found.number, "released": release.since})
            return _close(issue, memory, look, "released", reason)
    memory, said, problem = _treated(issue.number, found, memory, look.result)
    body = issues.written("drift", memory, issue_text.text(look.result, memory, look.pages, said))
    issues.changed(issue, title=issue_text.title(memory.signals), body=body, state="open")
    return Kept(f"drift: {issue_text.names(memory.signals)}: {issue.url}", issue.number, problem)


def _treated(
    number: int, found: retraining.Retraining | None, memory: Memory, result: Result
) -> tuple[Memory, str, str | None]:
    """The memory with what was asked for, what is done about the alarm, and what went wrong with that."""
    if found and found.number != memory.cure:
        return memory, _pull_request(found), None
    wanted = retraining.curable(memory.signals)
    if not wanted:
        return memory, "training again cures none of these: look at the service, and at what calls it.", None
    labelled = result.labels.rows if result.labels.joined else 0
    if wanted <= set(memory.asked) and labelled <= memory.labelled:
        return memory, f"{retraining.ASKED}.", None
    try:
        reason = retraining.ask(number)
    except api.RefusedError as problem:
        return memory, "retraining could not be started; the run says why.", str(problem)
    if reason:
        return memory, f"retraining can't be started: {reason}.", None
    asked = {"asked": tuple(sorted({*memory.asked, *wanted})), "labelled": labelled}
    return memory.but("retraining was started", at=result.until, **asked), f"{retraining.ASKED}.", None


def _pull_request(found: retraining.Retraining) -> str:
    if found.state == "open":
        return f"#{found.number} brings the newly labelled rows; a person merges it."
    if found.state == "refused":
        return f"#{found.number} was closed without being merged. {retraining.BY_HAND}"
    return f"#{found.number} is merged; this issue is closed when its model is in production."


def _close(issue: Issue, memory: Memory, look: Look, how: Literal["recovered", "released"], reason: str) -> Kept:
    memory = memory.but(f"closed: {reason}", at=look.result.until, closed=how)
    body = issues.written("drift", memory, issue_text.closing(look.result, memory, look.pages, reason))
    issues.changed(issue, body=body, state="closed", state_reason="completed")
    return Kept(f"drift: closed #{issue.number}: {reason}", issue.number)
