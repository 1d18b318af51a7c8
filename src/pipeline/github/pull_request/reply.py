"""What is answered on a measurement: main's verdict on it, in words and as a status."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.core.files import read_json
from pipeline.core.git import blob_hash, git
from pipeline.core.yaml import load_yaml
from pipeline.github.client import api, statuses
from pipeline.github.client.pulls import Pull, Run
from pipeline.github.drift_issue import issues
from pipeline.github.pull_request import artifact, recorded_files, schedule
from pipeline.github.pull_request.changes import Changes
from pipeline.github.pull_request.recorded_files import recorded
from pipeline.markup import markdown
from pipeline.review.comment import render
from pipeline.review.comment.render import Context
from pipeline.review.gate import pull_request as pull_request_gate
from pipeline.review.measure import base
from pipeline.review.measure.measurement import Bundle

LOCK, METRICS = Path("dvc.lock"), Path("reports/metrics.json")
BOT, AUTHOR = "recording what was measured", "commit dvc.lock as the comment says"
Recording = Literal["none", "bot", "fork"]


@dataclass(frozen=True)
class Reply:
    """The comment, the verdict as a status, who has something to record, and the artifact that was judged."""

    text: str
    state: statuses.State
    description: str
    recording: Recording = "none"
    artifact: int | None = None

    def final(self, override: str | None) -> tuple[statuses.State, str]:
        """The last word: of who overruled it, but pending while it is the author of a fork who has to record."""
        state: statuses.State = "success" if override else self.state
        if state == "success" and self.recording == "fork":
            return "pending", _by(override, AUTHOR)
        return state, _by(override, self.description)

    def first(self, override: str | None) -> tuple[statuses.State, str]:
        """What is said until the bot has recorded: nothing is merged without its lock."""
        state, said = self.final(override)
        waits = state == "success" and self.recording == "bot"
        return ("pending", _by(override, BOT)) if waits else (state, said)


def _by(override: str | None, said: str) -> str:
    return f"overruled by @{override}: {said}" if override else said


def of_bundle(bundle: Bundle, run: Run, pull: Pull, artifacts: Mapping[str, str]) -> Reply:
    """Judge and render. PipelineError where it is unusable, NothingToDoError where it is not of the head."""
    recorded_files.check(bundle, pull)
    changes = Changes.of(pull)
    _check_claim(bundle, changes)
    verdict = pull_request_gate.judge(bundle, params.read().gate, changes.of_judge(bundle))
    override = statuses.overruled(pull.head) if statuses.LABEL in pull.labels else None
    recording = _recording(bundle, pull, changes)
    stopped = schedule.stopped()
    context = Context(
        main_params=load_yaml(params.PATH, str(params.PATH)),
        main_metrics=_main_metrics(),
        pull_request=pull.number,
        run_url=run.url,
        artifacts=artifacts,
        override=override,
        stale_override=statuses.LABEL in pull.labels and override is None,
        recording=recording,
        production=_production(stopped),
        repository=api.repository(),
    )
    text = render.render(artifact.noted(bundle, [*_moved(bundle), *([stopped] if stopped else [])]), verdict, context)
    return Reply(text, *statuses.of_verdict(verdict), recording)


def _check_claim(bundle: Bundle, changes: Changes) -> None:
    """That nothing had to run is the run's own word: what main's stages depend on must be as it is in main."""
    if bundle.measurement.outcome != "unchanged":
        return
    claim = "it says that nothing had to run, though"
    if not changes.whole:
        raise PipelineError(f"{claim} more files have changed than GitHub lists; make it smaller, or change what runs")
    stages = base.stages(LOCK.read_text(encoding="utf-8")).values() if LOCK.is_file() else ()
    inputs = {str(LOCK), *(str(dep["path"]) for stage in stages for dep in stage.get("deps", []))}
    touched = next(iter(sorted(inputs.intersection(changes.paths))), None) or changes.of_stages(bundle)
    if touched:
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
        issue = issues.current(issues.ours(), "drift")
    except api.RefusedError:
        return None
    if issue is None or not issue.open:
        return "no open drift issue"
    return f"#{issue.number} is open: {markdown.escape(issue.title)}"
