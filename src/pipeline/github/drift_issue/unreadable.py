"""What the monitor can't see: a warning issue for each kind, until it can."""

from collections.abc import Sequence

from pipeline.github.drift_issue import issues
from pipeline.github.drift_issue.issue_text import Pages
from pipeline.github.drift_issue.issues import Issue
from pipeline.github.drift_issue.state import Memory, lasted, moment
from pipeline.markup import markdown
from pipeline.watch.monitor.result import Result, Unreadable

TITLES: dict[issues.Kind, str] = {
    "log": "Monitor: the prediction log can't be read",
    "labels": "Monitor: the labels can't be read",
    "reference": "Monitor: the reference can't be read",
}
MANUAL = "[What to do](../blob/HEAD/docs/how-to/watch-production.md#when-something-cant-be-read)"


def keep(result: Result, assignees: Sequence[str], pages: Pages, known: Sequence[Issue]) -> list[str]:
    """Open, update or close the warnings; what was done, a line each. Where nothing was judged, none is closed."""
    said = list[str | None]()
    if result.blind:
        said.append(_warn(issues.current(known, result.blind.kind), result.blind, result, assignees, pages))
    if result.state != "blind":
        readable = [kind for kind in TITLES if result.blind is None or kind != result.blind.kind]
        open_ = [issue for kind in readable if (issue := issues.current(known, kind)) and not issue.memory.closed]
        said += [_close(issue, result) for issue in open_]
    return [line for line in said if line]


def _warn(issue: Issue | None, blind: Unreadable, result: Result, assignees: Sequence[str], pages: Pages) -> str:
    if issue and not issue.open and not issue.memory.closed:
        return f"{blind.kind}: can't be read; #{issue.number} was closed by hand and stays closed"
    memory = issue.memory if issue and issue.open and not issue.memory.closed else None
    if memory is None:
        memory = Memory().but("opened", at=result.until, signals={blind.kind: result.until})
    body = issues.written(blind.kind, memory, _text(blind, result, memory, pages))
    if issue is None or not issue.open:
        issue = issues.opened(blind.kind, TITLES[blind.kind], body, issues.assignees(assignees))
    else:
        issues.changed(issue, body=body)
    return f"{blind.kind}: can't be read: {issue.url}"


def _text(blind: Unreadable, result: Result, memory: Memory, pages: Pages) -> str:
    since = memory.signals.get(blind.kind, result.until)
    where = f" {pages}." if str(pages) else ""
    what = "Nobody looked for drift" if result.state == "blind" else "Drift is watched, but performance was not judged"
    return (
        f"{markdown.escape(blind.reason[:1000])}\n\n"
        f"{what} for {lasted(since, result.until)}, since {moment(since)}: this is no all-clear.\n\n"
        f"Last look: {moment(result.until)}.{where}\n\n"
        f"<sub>The monitor closes this issue when it can see again. {MANUAL}.</sub>\n"
    )


def _close(issue: Issue, result: Result) -> str | None:
    """It can be read again. What a person had closed only remembers that: the next time is a new issue."""
    memory = issue.memory.but("can be read again", at=result.until, closed="recovered", signals={})
    if not issue.open:
        issues.changed(issue, body=issues.remembering(issue, memory))
        return None
    body = issues.written(issue.kind, memory, f"It can be read again since {moment(result.until)}.\n")
    issues.changed(issue, body=body, state="closed", state_reason="completed")
    return f"{issue.kind}: can be read again: closed #{issue.number}"
