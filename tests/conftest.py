"""What holds for the project's tests and the engine's alike: their order, and that GitHub names what is skipped."""

import os
from pathlib import Path

import pytest

SUMMARY = os.environ.get("GITHUB_STEP_SUMMARY")  # read before the engine's tests forget what surrounds them
# Of tests/pipeline: what takes longest, from a minute upwards, the longest first.
SLOW_FIRST = (
    "test_fork_story.py",
    "workflows/test_watched_story.py",
    "workflows/test_story.py",
    "ship/deploy/test_story.py",
    "ship/release/test_story.py",
    "ship/release/test_workflow.py",
    "ship/deploy/test_adversity.py",
    "runner/test_containers.py",
    "review/measure/test_command.py",
    "test_bad_inputs.py",
    "test_pipeline.py",
    "workflows/test_retrain.py",
    "workflows/test_monitor.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: no process is to end long after the other."""
    places = {Path(__file__).parent / "pipeline" / name: place for place, name in enumerate(SLOW_FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


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
