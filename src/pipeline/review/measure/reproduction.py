"""The pipeline run for a measurement: what each stage did, and the last lines of the one that failed."""

import re
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import click

from pipeline.core import costs, dvc_lock, params
from pipeline.core.errors import PipelineError
from pipeline.data.source import sources
from pipeline.review.measure import model_tests, printed, remote
from pipeline.review.measure.base import NEEDED, Base
from pipeline.review.measure.measurement import Failure
from pipeline.train import reproduce

State = Literal["ran", "cached", "unchanged", "failed", "skipped"]
# The messages of DVC that tell what a stage does.
STATE_MESSAGES: tuple[tuple[re.Pattern[str], State], ...] = (
    (re.compile(r"^Running stage '([^']+)'"), "ran"),
    (re.compile(r"^Stage '([^']+)' is cached"), "cached"),
    (re.compile(r"^Stage '([^']+)' didn't change"), "unchanged"),
)
FAILED = re.compile(r"(?:^stage|failed to reproduce) '([^']+)'")


@dataclass
class Reproduction:
    """How it went; `states` holds the stages that DVC reached."""

    outcome: Literal["measured", "unchanged", "failed"] = "measured"
    states: dict[str, State] = field(default_factory=dict)
    failure: Failure | None = None
    seconds: float | None = None
    notes: list[str] = field(default_factory=list)

    def record(self, message: str) -> None:
        """Record a stage's state from a message of DVC."""
        for pattern, state in STATE_MESSAGES:
            if match := pattern.match(message):
                self.states[match[1]] = state


def inspect(base: Base) -> Reproduction:
    """The work tree as it is: nothing runs. PipelineError where its outputs are not those of its inputs."""
    params.read()
    dvc_lock.check()
    if _is_unchanged(base, []):
        return Reproduction("unchanged")
    return Reproduction(notes=[note] if (note := dvc_lock.uncommitted()) else [])


def run_stages(base: Base, push: bool) -> Reproduction:
    """Run what changed, as `pipeline run` does; nothing where lock and model tests are the base's."""
    repro, steps = Reproduction(), ["params"]
    with printed.captured() as lines:
        try:
            _run(repro, base, push, steps)
        except PipelineError as error:
            problem = str(error)
            for line in problem.splitlines():
                click.echo(f"error: {line}", err=True)
            repro.outcome = "failed"
    if repro.outcome == "failed":
        repro.failure = _failure(repro, steps[-1], problem, list(lines))
    return repro


def _run(repro: Reproduction, base: Base, push: bool, steps: list[str]) -> None:
    """`steps` gets the name of each step as it begins, so that a failure can name it."""
    knobs = params.read()
    reproduce.check_names(knobs)
    steps.append("source")
    is_local = not sources.is_remote(knobs.data.source)
    if is_local:  # a remote source is not read for a change of the documentation
        reproduce.refresh_source(knobs.data)
    steps.append("dvc.lock")
    if _is_unchanged(base, dvc_lock.mismatches()):
        click.echo(f"dvc.lock is {base.name}'s and fits: nothing to run")
        repro.outcome = "unchanged"
        return
    reachable = _fetch(repro, base)
    steps.append("source")
    if not is_local:
        reproduce.refresh_source(knobs.data)
    steps.append("dvc.yaml")
    shutil.rmtree(costs.FOLDER, ignore_errors=True)
    start = time.perf_counter()
    reproduce.reproduce(repro.record)
    repro.seconds = round(time.perf_counter() - start, 3)
    if push and reachable and (problem := remote.push()):
        repro.notes.append(problem)


def _fetch(repro: Reproduction, base: Base) -> bool:
    """Fetch from the DVC remote what the lock and the base's lock name; False where there is no remote."""
    if not remote.configured():
        repro.notes.append(remote.NO_REMOTE)
        return False
    readable, problem = remote.pull()
    repro.notes += [problem] if problem else []
    missing = [md5 for path in NEEDED if (md5 := base.md5(path)) and base.file(path) is None]
    if readable and missing:
        remote.fetch(missing)
    return True


def _failure(repro: Reproduction, step: str, problem: str, lines: list[str]) -> Failure:
    """What failed, with its own last lines; a step before the stages has only its errors."""
    match = FAILED.search(problem)
    if step != "dvc.yaml" or match is None:
        return Failure(stage=step, lines=printed.last_lines(problem.splitlines()))
    stage = match[1]
    starts = [index for index, line in enumerate(lines) if line.startswith(f"Running stage '{stage}'")]
    repro.states[stage] = "failed"
    output = lines[starts[-1] :] if starts else problem.splitlines()
    return Failure(stage=stage, lines=printed.last_lines([line for line in output if "and said why above" not in line]))


def _is_unchanged(base: Base, stale: list[str]) -> bool:
    """Whether there is nothing to measure: neither a new model nor new tests of the one that the base has."""
    return not stale and _is_lock_of(base) and not model_tests.changed_since(base.commit)


def _is_lock_of(base: Base) -> bool:
    return (
        base.lock is not None
        and Path(reproduce.LOCK).is_file()
        and reproduce.LOCK.read_text(encoding="utf-8") == base.lock
    )
