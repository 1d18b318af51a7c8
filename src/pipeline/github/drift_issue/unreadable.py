"""What the monitor can't read: a warning issue for each kind of input, until it can."""

from collections.abc import Sequence

from pipeline.github.drift_issue import issues
from pipeline.github.drift_issue.issue_text import Pages
from pipeline.github.drift_issue.issues import Issue
from pipeline.github.drift_issue.state import State, format_duration, format_time
from pipeline.markup import documentation, markdown
from pipeline.watch.monitor.result import Result, Unreadable

TITLES: dict[issues.Kind, str] = {
    "log": "the prediction log can't be read",
    "labels": "the labels can't be read",
    "reference": "the reference can't be read",
}
MANUAL = ("What to do", "docs/how-to/watch-production.md#when-something-cant-be-read")  # text and page


def update(result: Result, assignees: Sequence[str], pages: Pages, existing: Sequence[Issue]) -> list[str]:
    """Open, update or close the warnings; what was done, a line each. Where nothing was judged, none is closed."""
    messages = list[str | None]()
    if result.blind:
        messages.append(_warn(issues.current(existing, result.blind.kind), result.blind, result, assignees, pages))
    if result.state != "blind":
        readable = [kind for kind in TITLES if result.blind is None or kind != result.blind.kind]
        to_close = [issue for kind in readable if (issue := issues.current(existing, kind)) and not issue.state.closed]
        messages += [_close(issue, result) for issue in to_close]
    return [line for line in messages if line]


def _warn(issue: Issue | None, unreadable: Unreadable, result: Result, assignees: Sequence[str], pages: Pages) -> str:
    if issue and not issue.open and not issue.state.closed:
        return f"{unreadable.kind}: can't be read; #{issue.number} was closed by hand and stays closed"
    state = issue.state if issue and issue.open and not issue.state.closed else None
    if state is None:
        state = State().updated("opened", at=result.until, signals={unreadable.kind: result.until})
    body = issues.render(unreadable.kind, state, _text(unreadable, result, state, pages))
    if issue is None or not issue.open:
        issue = issues.create(
            unreadable.kind, f"{issues.heading()}: {TITLES[unreadable.kind]}", body, issues.assignees(assignees)
        )
    else:
        issues.edit(issue, body=body)
    return f"{unreadable.kind}: can't be read: {issue.url}"


def _text(unreadable: Unreadable, result: Result, state: State, pages: Pages) -> str:
    since = state.signals.get(unreadable.kind, result.until)
    links = f" {pages}." if str(pages) else ""
    effect = "Drift was not checked" if result.state == "blind" else "Drift was checked, but performance was not judged"
    return (
        f"{markdown.escape(unreadable.reason[:1000])}\n\n"
        f"{effect} for {format_duration(since, result.until)}, since {format_time(since)}: this is no all-clear.\n\n"
        f"Last run: {format_time(result.until)}.{links}\n\n"
        f"<sub>The monitor closes this issue when it can read this input again. {documentation.link(*MANUAL)}.</sub>\n"
    )


def _close(issue: Issue, result: Result) -> str | None:
    """Close the issue of an input that can be read again. One that a person closed gets the new state only.

    So the next time is a new issue.
    """
    state = issue.state.updated("can be read again", at=result.until, closed="recovered", signals={})
    if not issue.open:
        issues.edit(issue, body=issues.with_state(issue, state))
        return None
    body = issues.render(issue.kind, state, f"It can be read again since {format_time(result.until)}.\n")
    issues.edit(issue, body=body, state="closed", state_reason="completed")
    return f"{issue.kind}: can be read again: closed #{issue.number}"
