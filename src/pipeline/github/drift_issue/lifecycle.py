"""The life of the one drift issue: opened, updated, closed, and left alone where a person closed it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pipeline.github.client import deployments
from pipeline.github.drift_issue import issue_text, issues, retraining, when_to_retrain
from pipeline.github.drift_issue.issue_text import Pages
from pipeline.github.drift_issue.issues import Issue
from pipeline.github.drift_issue.state import State
from pipeline.watch.monitor.result import Result


@dataclass(frozen=True)
class MonitorRun:
    """The monitor's result, and what the issue needs beside it."""

    result: Result
    pages: Pages
    environment: str  # of GitHub, whose deployments tell what is in production
    assignees: tuple[str, ...]
    minimum: int  # windows beyond the bound that make an alarm

    def alarming_signals(self, previous: Mapping[str, datetime]) -> dict[str, datetime]:
        """The signals that alarm, or have not recovered since they did."""
        return issue_text.alarming_signals(self.result, previous, self.minimum)


@dataclass(frozen=True)
class IssueUpdate:
    """What was done, the issue to post the report on, and what went wrong nevertheless."""

    message: str
    number: int | None = None
    problem: str | None = None


def update(run: MonitorRun, existing: Sequence[Issue]) -> IssueUpdate:
    """Open, update or close the drift issue; neither opened nor closed on unreadable input or too few rows."""
    if run.result.state == "blind":
        return IssueUpdate("drift: the monitor can't read its input; the issue stays as it is")
    issue = issues.current(existing, "drift")
    if issue and issue.open and not issue.state.closed:
        return _update_open(issue, run)
    signals = run.alarming_signals({})
    if not signals:
        return _no_alarm(issue, run)
    if issue is None:
        return _open(run)
    if not issue.open and (reason := _reason_to_stay_closed(issue, run)):
        return IssueUpdate(f"drift: #{issue.number} {reason}")
    if not issue.open and issue.state.closed:
        return _open(run)
    change = issue_text.changes([] if issue.open else issue.state.signals, signals)[0]
    state = issue.state.updated(f"opened again: {change}", at=run.result.until, signals=signals, closed=None, asked=())
    return _write(issue, state, run)


def _reason_to_stay_closed(issue: Issue, run: MonitorRun) -> str | None:
    """Why a closed issue stays closed, and no new one is opened, though something alarms."""
    state, signals = issue.state, run.alarming_signals({})
    if state.closed is None and set(signals) <= set(state.signals):
        return "was closed by hand and no other signal alarms: it stays closed"
    if state.closed and state.released and not issue_text.judged_since(run.result, signals, state.released):
        return "was closed by a release, and no window since then alarms: no new issue"
    return None


def _no_alarm(issue: Issue | None, run: MonitorRun) -> IssueUpdate:
    """Nothing alarms, no issue is open. Once one closed by hand has recovered, the next alarm opens a new one."""
    if issue and not issue.open and not issue.state.closed and not run.alarming_signals(issue.state.signals):
        state = issue.state.updated("the signals recovered", at=run.result.until, closed="recovered", signals={})
        issues.edit(issue, body=issues.with_state(issue, state))
    few = run.result.state == "not_enough_data"
    return IssueUpdate("drift: too few rows to judge" if few else "drift: no signal alarms")


def _open(run: MonitorRun) -> IssueUpdate:
    result, signals = run.result, run.alarming_signals({})
    state = State().updated(f"opened: {issue_text.changes([], signals)[0]}", at=result.until, signals=signals)
    body = issues.render("drift", state, issue_text.open_text(result, state, run.pages, "…"))
    issue = issues.create("drift", issue_text.title(signals), body, issues.assignees(run.assignees))
    return _write(issue, issue.state, run)


def _update_open(issue: Issue, run: MonitorRun) -> IssueUpdate:
    """Update the open issue, or close it."""
    state, result = issue.state, run.result
    signals = run.alarming_signals(state.signals)
    if (
        not signals
        and (pull := retraining.of_issue(issue.number))
        and pull.state == "merged"
        and pull.number != state.retraining
    ):
        return _write(issue, state, run)  # the reference contains the drifted rows already, the served model does not
    state = state.updated(*issue_text.changes(state.signals, signals), at=result.until, signals=signals)
    if signals:
        return _write(issue, state, run)
    return _close(issue, state, run, "recovered", "the signals recovered")


def _write(issue: Issue, state: State, run: MonitorRun) -> IssueUpdate:
    """Write the issue, start retraining where it is due, and close the issue where its model is in production."""
    pull = retraining.of_issue(issue.number)
    if pull and pull.merge and pull.number != state.retraining:
        release = deployments.in_production(run.environment)
        if release and retraining.contains(release.commit, pull.merge):
            reason = f"the model that #{pull.number} retrained is in production"
            state = state.model_copy(update={"retraining": pull.number, "released": release.since})
            return _close(issue, state, run, "released", reason)
    state, action, problem = when_to_retrain.decide(issue.number, pull, state, run.result)
    body = issues.render("drift", state, issue_text.open_text(run.result, state, run.pages, action))
    issues.edit(issue, title=issue_text.title(state.signals), body=body, state="open")
    return IssueUpdate(f"drift: {issue_text.names(state.signals)}: {issue.url}", issue.number, problem)


def _close(
    issue: Issue, state: State, run: MonitorRun, how: Literal["recovered", "released"], reason: str
) -> IssueUpdate:
    state = state.updated(f"closed: {reason}", at=run.result.until, closed=how)
    body = issues.render("drift", state, issue_text.closed_text(run.result, state, run.pages, reason))
    issues.edit(issue, body=body, state="closed", state_reason="completed")
    return IssueUpdate(f"drift: closed #{issue.number}: {reason}", issue.number)
