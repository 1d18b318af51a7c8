"""`pipeline doctor`: all checks at the same time, and a line for each in the order of the table."""

import threading
import time
from collections.abc import Iterator

import click

from pipeline.core import template
from pipeline.core.errors import PipelineError
from pipeline.doctor import machine, on_github, project, template_state
from pipeline.doctor.finding import Check, Checks, Finding, not_visible, wrong

PATIENCE = 25.0  # seconds for all checks together


@click.command(short_help="Look at the whole set-up, here and on GitHub; exit 1 where something is wrong.")
@click.pass_context
def command(context: click.Context) -> None:
    """A line for each part of the set-up, good, missing, wrong or not visible from here, and what mends it."""
    if not template.PATH.is_file():
        raise PipelineError(f"{template.PATH}: no such file; run from the top of the repository")
    findings = examine({**machine.CHECKS, **project.CHECKS, **template_state.CHECKS, **on_github.checks()})
    for line in table(findings):
        click.echo(line)
    states = [finding.state for finding in findings.values()]
    counts = [f"{states.count(state)} {state}" for state in ("wrong", "missing", "not visible", "good")]
    click.echo(f"doctor: {', '.join(counts)}")
    context.exit(1 if "wrong" in states else 0)


def examine(checks: Checks) -> dict[str, Finding]:
    """What each check finds; one that has not ended in time is not visible from here."""
    findings = dict[str, Finding]()

    def examine_one(name: str, check: Check) -> None:
        findings[name] = _finding(check)

    # Daemons: a check that hangs must not keep the process.
    threads = [
        threading.Thread(target=examine_one, args=item, daemon=True, name=f"doctor {item[0]}")
        for item in checks.items()
    ]
    for thread in threads:
        thread.start()
    end = time.monotonic() + PATIENCE
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    late = not_visible(f"no answer within {PATIENCE:g} s")
    return {name: findings.get(name, late) for name in checks}


def table(findings: dict[str, Finding]) -> Iterator[str]:
    """The lines, aligned: state, name, text, and after an arrow what mends it."""
    width = max(map(len, findings), default=0)
    for name, finding in findings.items():
        remedy = f" → {finding.remedy}" if finding.remedy else ""
        yield f"{finding.state:<11}  {name:<{width}}  {_one_line(finding.text)}{remedy}"


def _finding(check: Check) -> Finding:
    try:
        return check()
    except PipelineError as error:
        lines = str(error).splitlines()
        more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
        return wrong(lines[0] + more, "")


def _one_line(text: str) -> str:
    return " ".join(text.split())
