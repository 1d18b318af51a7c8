"""What is answered on a measurement: main's verdict on it, in words and as a status."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.core import params, template
from pipeline.core.errors import PipelineError
from pipeline.core.files import read_json
from pipeline.core.git import blob_hash, git
from pipeline.core.yaml import load_yaml
from pipeline.github.client import api, statuses
from pipeline.github.client.pulls import Pull, Run
from pipeline.github.drift_issue import issues
from pipeline.github.pull_request import artifact, overrides, recorded_files, schedule
from pipeline.github.pull_request.changes import Changes
from pipeline.github.pull_request.inputs import Inputs
from pipeline.github.pull_request.recorded_files import recorded
from pipeline.markup import markdown
from pipeline.review.comment import render
from pipeline.review.comment.render import Context
from pipeline.review.gate import judges
from pipeline.review.gate import pull_request as pull_request_gate
from pipeline.review.gate.override import Override
from pipeline.review.measure.measurement import Bundle

LOCK, METRICS = Path("dvc.lock"), Path("reports/metrics.json")
BOT, AUTHOR = "recording what was measured", "commit dvc.lock as the comment says"
Recording = Literal["none", "bot", "fork"]


@dataclass(frozen=True)
class Reply:
    """The comment, the verdict as a status, who has something to record, and the artifact that was judged.

    `commits` are the measured head and the one that records it, which an override of either holds for; none where it
    is not known that the pull request's head is one of them.
    """

    text: str
    state: statuses.State
    description: str
    recording: Recording = "none"
    artifact: int | None = None
    commits: frozenset[str] = frozenset()

    def final(self, override: Override | None) -> tuple[statuses.State, str]:
        """The final status: a person's, but pending while the author of a fork has to record."""
        state: statuses.State = "success" if override else self.state
        if state == "success" and self.recording == "fork":
            return "pending", by(override, AUTHOR)
        return state, by(override, self.description)

    def first(self, override: Override | None) -> tuple[statuses.State, str]:
        """What is said until the bot has recorded: nothing is merged without its lock."""
        state, said = self.final(override)
        waits = state == "success" and self.recording == "bot"
        return ("pending", by(override, BOT)) if waits else (state, said)


def by(override: Override | None, said: str) -> str:
    """A status's description, with who overruled it first."""
    return f"{overrides.sentence(override)}: {said}" if override else said


def of_bundle(bundle: Bundle, run: Run, pull: Pull, artifacts: Mapping[str, str]) -> Reply:
    """Judge and render. PipelineError where it is unusable, NothingToDoError where it is not of the head."""
    recorded_files.check(bundle, pull)
    changes = Changes.of(pull)
    _check_claim(bundle, changes)
    main = params.read()
    verdict = pull_request_gate.judge(bundle, main.gate, main.evaluate, changes.of_judges(bundle, template.read()))
    commits = frozenset({run.head, pull.head})
    override = overrides.standing(pull.number, commits)
    recording = _recording(bundle, pull, changes)
    stopped = schedule.stopped()
    context = Context(
        main_params=load_yaml(params.PATH, str(params.PATH)),
        main_metrics=_main_metrics(),
        pull_request=pull.number,
        run_url=run.url,
        artifacts=artifacts,
        override=override,
        stale_override=overrides.LABEL in pull.labels and override is None,
        recording=recording,
        production=_production(stopped),
        repository=api.repository(),
    )
    text = render.render(artifact.noted(bundle, [*_moved(bundle), *([stopped] if stopped else [])]), verdict, context)
    state, said = statuses.of_verdict(verdict)
    if asked := judges.acceptance(verdict):
        said = statuses.cut(f"needs a person: {asked}")
    return Reply(text, state, said, recording, commits=commits)


def _check_claim(bundle: Bundle, changes: Changes) -> None:
    """That nothing had to run is the run's own word: what main's stages depend on must be as it is in main."""
    if bundle.measurement.outcome != "unchanged":
        return
    claim = "it says that nothing had to run, though"
    if not changes.whole:
        raise PipelineError(f"{claim} more files have changed than GitHub lists; make it smaller, or change what runs")
    inputs = Inputs.of_lock(LOCK)
    if inputs is None:
        raise PipelineError(f"{claim} main has no dvc.lock with stages; run train.yaml again")
    if touched := inputs.touched(changes.paths) or changes.of_stages(bundle, inputs.sections):
        raise PipelineError(f"{claim} {touched} has changed; run train.yaml again")


def _recording(bundle: Bundle, pull: Pull, changes: Changes) -> Recording:
    if bundle.measurement.outcome != "measured" or pull.blobs:
        return "none"
    if all(changes.blob(path) == blob_hash(content) for path, content in recorded(bundle).items()):
        return "none"
    return "fork" if pull.fork else "bot"


def _moved(bundle: Bundle) -> list[str]:
    """A note where main is no longer what the measurement compared with."""
    base, here = bundle.measurement.base_commit, git(Path(), "rev-parse", "HEAD").stdout.strip()
    if not here or base in {None, here}:
        return []
    return [f"main has moved on since this was measured ({str(base)[:7]}, now {here[:7]}): update the branch."]


def _main_metrics() -> Mapping[str, Any] | None:
    if not METRICS.is_file():
        return None
    found: Mapping[str, Any] = read_json(METRICS)
    return found


def _production(stopped: str | None) -> str | None:
    """What the monitor last said: the issue that it keeps open while it sees drift; or that it says nothing."""
    if stopped or not schedule.watched():
        return markdown.escape(stopped or "not watched: the repository variable PIPELINE_LOG_URL names no log")
    try:
        issue = issues.current(issues.read_all(), "drift")
    except api.RefusedError:
        return None
    if issue is None or not issue.open:
        return "no open drift issue"
    return f"#{issue.number} is open: {markdown.escape(issue.title)}"
