"""What holds for the project's tests and the engine's alike: on GitHub no test is skipped in silence."""

import os

import pytest

SUMMARY = os.environ.get("GITHUB_STEP_SUMMARY")  # read before the engine's tests forget what surrounds them


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Add the skipped tests and their reasons to the summary of the job."""
    skipped = terminalreporter.stats.get("skipped", [])
    if SUMMARY and skipped and not hasattr(terminalreporter.config, "workerinput"):  # xdist's workers report to it
        lines = [f"- `{report.nodeid}`: {_reason(report)}" for report in skipped]
        with open(SUMMARY, "a", encoding="utf-8") as summary:
            summary.write("\n".join([f"### {len(lines)} skipped by pytest", "", *lines, ""]))


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    place = report.longrepr
    return str(place[2] if isinstance(place, tuple) else place).removeprefix("Skipped: ")
