"""What holds for the project's tests and the engine's alike: their order, and that GitHub names what is skipped."""

import os
from pathlib import Path

import pytest

SUMMARY = os.environ.get("GITHUB_STEP_SUMMARY")  # read before the engine's tests forget what surrounds them
# Of tests/pipeline: what takes longest, from twenty seconds upwards, the longest first. Two files that measure how a
# Docker host behaves under load are not neighbours, as they would then run at the same time.
SLOW_FIRST = (
    "workflows/test_story.py",
    "workflows/test_watched_story.py",
    "test_fork_story.py",
    "review/measure/test_command.py",
    "ship/deploy/test_story.py",
    "test_pipeline.py",
    "workflows/test_jobs.py",
    "ship/service/test_service.py",
    "adopt/test_command.py",
    "test_bad_inputs.py",
    "ship/deploy/test_connections.py",
    "adopt/test_dvc_data.py",
    "test_values.py",
    "ship/release/test_story.py",
    "github/pull_request/test_answer.py",
    "workflows/test_retrain.py",
    "doctor/test_on_github.py",
    "test_fuzz.py",
    "test_sub_folder.py",
    "workflows/test_two_pipelines.py",
    "runner/test_containers.py",
    "ship/deploy/test_adversity.py",
    "ship/service/test_log.py",
    "test_tables_once_wrong.py",
    "train/test_split_by_time.py",
    "upgrade/test_story.py",
    "ship/service/test_request_rows.py",
    "github/pull_request/test_overrule.py",
    "github/drift_issue/test_watch.py",
    "test_unusual_tables.py",
    "review/comment/test_command.py",
    "data/source/test_dvc_files.py",
    "ship/release/test_workflow.py",
    "ship/release/test_registration.py",
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
