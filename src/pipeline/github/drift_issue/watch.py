"""`pipeline watch`: update the issues to what the monitor found, and start retraining once for an alarm."""

import os
from pathlib import Path

import click

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.github.client import api, posting, steps
from pipeline.github.client.posting import Marker
from pipeline.github.client.pulls import NothingToDoError
from pipeline.github.drift_issue import issues, lifecycle, unreadable
from pipeline.github.drift_issue.issue_text import Pages
from pipeline.github.drift_issue.lifecycle import MonitorRun
from pipeline.watch.monitor import result as results

FOLDER = Path("reports/monitor")


@click.command()
@click.option("--result", "path", type=click.Path(path_type=Path), default=FOLDER / "monitor.json", show_default=True)
@click.option("--report", type=click.Path(path_type=Path), default=FOLDER / "monitor.md", show_default=True)
@click.option("--artifact", metavar="URL", help="Address of the report as a page.")
def command(path: Path, report: Path, artifact: str | None) -> None:
    """Open, update or close the monitor's issues; exit 0 where that worked, whatever the monitor found."""
    result, text, knobs = results.read(path), _read_text(report), params.read()
    steps.summary(text)
    pages, assignees = Pages(_run_url(), artifact), knobs.monitor.assignees
    existing = issues.read_all()
    messages = unreadable.update(result, assignees, pages, existing)
    run = MonitorRun(result, pages, knobs.environment, assignees, knobs.monitor.alarm)
    update = lifecycle.update(run, existing)
    if update.number is not None:
        messages.append(_comment(update.number, text))
    for line in [*messages, update.message]:
        click.echo(line)
    if update.problem:
        raise PipelineError(update.problem)


def _comment(number: int, report: str) -> str:
    """Post the report as the issue's one comment; a message on that."""
    run, attempt = (int(os.environ.get(f"GITHUB_RUN_{name}") or 0) for name in ("ID", "ATTEMPT"))
    marker = Marker(run, attempt, os.environ.get("GITHUB_SHA") or "0" * 40, "final")
    try:
        return f"reported: {posting.post(number, marker, report, target='issue')}"
    except NothingToDoError as reason:
        return str(reason)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise PipelineError(f"{path}: can't be read ({problem}); run `pipeline monitor` again") from None


def _run_url() -> str | None:
    number = os.environ.get("GITHUB_RUN_ID")
    return f"{api.server()}/{api.repository()}/actions/runs/{number}" if number else None
