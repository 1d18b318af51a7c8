"""The pipeline run for a measurement: what each stage did, and the last lines of the one that failed."""

import re
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import click

from pipeline.core import costs, lock, params
from pipeline.core.errors import PipelineError
from pipeline.data.source import sources
from pipeline.review.measure import model_tests, printed, remote
from pipeline.review.measure.base import NEEDED, Base
from pipeline.review.measure.measurement import Failure
from pipeline.train import reproduce

State = Literal["ran", "cached", "unchanged", "failed", "skipped"]
# What DVC says of a stage, by the words that follow its name.
SAID: tuple[tuple[re.Pattern[str], State], ...] = (
    (re.compile(r"^Running stage '([^']+)'"), "ran"),
    (re.compile(r"^Stage '([^']+)' is cached"), "cached"),
    (re.compile(r"^Stage '([^']+)' didn't change"), "unchanged"),
)
FAILED = re.compile(r"(?:^stage|failed to reproduce) '([^']+)'")


@dataclass
class Reproduction:
    """How it went; `states` has the stages that DVC came to, `stale` what does not fit the lock (nothing ran)."""

    outcome: Literal["measured", "unchanged", "failed"] = "measured"
    states: dict[str, State] = field(default_factory=dict)
    failure: Failure | None = None
    seconds: float | None = None
    notes: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)

    def hear(self, message: str) -> None:
        """Take note of what DVC says."""
        for pattern, state in SAID:
            if found := pattern.match(message):
                self.states[found[1]] = state


def taken(base: Base) -> Reproduction:
    """The work tree as it is: nothing runs, and what does not fit the lock is said."""
    params.read()
    stale = lock.misfits()
    if _is_unchanged(base, stale):
        return Reproduction("unchanged")
    notes = [f"outputs are stale: `make run` makes them anew ({stale[0]})"] if stale else []
    return Reproduction(notes=notes, stale=stale)


def made(base: Base, push: bool) -> Reproduction:
    """Run what changed, as `pipeline run` does; nothing where lock and model tests are the base's."""
    done, steps = Reproduction(), ["params"]
    with printed.kept() as lines:
        try:
            _run(done, base, push, steps)
        except PipelineError as error:
            problem = str(error)
            for line in problem.splitlines():
                click.echo(f"error: {line}", err=True)
            done.outcome = "failed"
    if done.outcome == "failed":
        done.failure = _failure(done, steps[-1], problem, list(lines))
    return done


def _run(done: Reproduction, base: Base, push: bool, steps: list[str]) -> None:
    """`steps` takes the name of each step as it begins, so that a failure has a place."""
    knobs = params.read()
    reproduce.check_names(knobs)
    steps.append("source")
    near = not sources.is_remote(knobs.data.source)
    if near:  # a file here may have changed; one elsewhere does not measure a change of the documentation
        reproduce.look_at_source(knobs.data)
    steps.append("dvc.lock")
    if _is_unchanged(base, lock.misfits()):
        click.echo(f"dvc.lock is {base.name}'s and fits: nothing to run")
        done.outcome = "unchanged"
        return
    reachable = _bring(done, base)
    steps.append("source")
    if not near:
        reproduce.look_at_source(knobs.data)
    steps.append("dvc.yaml")
    shutil.rmtree(costs.FOLDER, ignore_errors=True)
    start = time.perf_counter()
    reproduce.reproduce(done.hear)
    done.seconds = round(time.perf_counter() - start, 3)
    if push and reachable and (problem := remote.push()):
        done.notes.append(problem)


def _bring(done: Reproduction, base: Base) -> bool:
    """Bring from the DVC remote what the lock and the base's lock name; False where there is no remote."""
    if not remote.configured():
        done.notes.append(remote.NONE)
        return False
    readable, problem = remote.pull()
    done.notes += [problem] if problem else []
    wanted = [md5 for path in NEEDED if (md5 := base.md5(path)) and base.file(path) is None]
    if readable and wanted:
        remote.bring(wanted)
    return True


def _failure(done: Reproduction, step: str, problem: str, lines: list[str]) -> Failure:
    """What failed, with its own last lines; a step before the stages has its errors alone."""
    found = FAILED.search(problem)
    if step != "dvc.yaml" or found is None:
        return Failure(stage=step, lines=printed.tidy(problem.splitlines()))
    stage = found[1]
    started = [place for place, line in enumerate(lines) if line.startswith(f"Running stage '{stage}'")]
    done.states[stage] = "failed"
    said = lines[started[-1] :] if started else problem.splitlines()
    return Failure(stage=stage, lines=printed.tidy([line for line in said if "and said why above" not in line]))


def _is_unchanged(base: Base, stale: list[str]) -> bool:
    """Whether there is nothing to measure: neither a new model nor new tests of the one that the base has."""
    return not stale and _is_lock_of(base) and not model_tests.changed_since(base.commit)


def _is_lock_of(base: Base) -> bool:
    return (
        base.lock is not None
        and Path(reproduce.LOCK).is_file()
        and reproduce.LOCK.read_text(encoding="utf-8") == base.lock
    )
