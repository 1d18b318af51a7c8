"""The reply to a measurement: main's verdict on it, as a comment and as a status."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.core import params, pipelines, template
from pipeline.core.errors import PipelineError
from pipeline.core.files import read_json
from pipeline.core.git import blob_hash, git
from pipeline.core.yaml import load_yaml
from pipeline.data.contract import schema
from pipeline.data.source import sources
from pipeline.evaluation import seed_spread
from pipeline.github.client import api, statuses
from pipeline.github.client.pulls import Pull, Run
from pipeline.github.drift_issue import issues
from pipeline.github.pull_request import artifact, feature_code, monitor_schedule, overrides, recorded_files
from pipeline.github.pull_request.changes import Changes
from pipeline.github.pull_request.inputs import Inputs
from pipeline.github.pull_request.recorded_files import recorded
from pipeline.markup import markdown
from pipeline.review.comment import render
from pipeline.review.comment.render import Context
from pipeline.review.gate import measurement_verdict as pull_request_gate
from pipeline.review.gate import protected
from pipeline.review.gate.override import LABEL, Override
from pipeline.review.measure.measurement import Bundle

LOCK, METRICS = Path("dvc.lock"), Path("reports/metrics.json")
BOT, AUTHOR = "recording what was measured", "commit dvc.lock as the comment says"
Recording = Literal["none", "bot", "fork"]


@dataclass(frozen=True)
class Reply:
    """The comment, the verdict as a status, who has something to record, and the artifact that was judged.

    `commits` are the measured head and the one that records it; an override of either counts for both. Empty where
    the pull request's head may be neither.
    """

    text: str
    state: statuses.State
    description: str
    recording: Recording = "none"
    artifact: int | None = None
    commits: frozenset[str] = frozenset()

    def final_status(self, override: Override | None) -> tuple[statuses.State, str]:
        """The final status: an override decides, but it is pending while the author of a fork has to record."""
        state: statuses.State = "success" if override else self.state
        if state == "success" and self.recording == "fork":
            return "pending", with_override(override, AUTHOR)
        return state, with_override(override, self.description)

    def initial_status(self, override: Override | None) -> tuple[statuses.State, str]:
        """The status until the bot has recorded what was measured: nothing is merged without its lock."""
        state, description = self.final_status(override)
        waits = state == "success" and self.recording == "bot"
        return ("pending", with_override(override, BOT)) if waits else (state, description)


def with_override(override: Override | None, description: str) -> str:
    """A status's description, after who overruled the gate and why."""
    return f"{overrides.status_prefix(override)} ({description})" if override else description


def of_bundle(bundle: Bundle, run: Run, pull: Pull, changes: Changes, artifacts: Mapping[str, str]) -> Reply:
    """Judge and render. PipelineError where the bundle is unusable, NothingToDoError where it is not of the head."""
    recorded_files.check(bundle, pull)
    recorded_files.check_scores(bundle)
    _check_claim(bundle, changes)
    main = params.read()
    changed = changes.affecting_verdict(bundle, template.read())
    spread = seed_spread.read(main.task.type, main.task.target, main.gate.primary)
    verdict = pull_request_gate.judge(bundle, main.gate, main.evaluate, changed, spread)
    commits = frozenset({run.head, pull.head})
    override = overrides.active(pull.number, commits)
    recording = _recording(bundle, pull, changes)
    monitor_problem = monitor_schedule.problem()
    context = Context(
        main_params=load_yaml(params.PATH, str(params.PATH)),
        main_metrics=_main_json(METRICS),
        main_schema=load_yaml(schema.PATH, str(schema.PATH)) if schema.PATH.is_file() else None,
        main_source=_main_json(sources.FINGERPRINT),
        main_features=feature_code.of_main(),
        features_problem=feature_code.problem(bundle, changes),
        pull_request=pull.number,
        run_url=run.url,
        artifacts=artifacts,
        override=override,
        stale_override=LABEL in pull.labels and override is None,
        recording=recording,
        production=_production(monitor_problem),
        repository=api.repository(),
        folder=changes.folder,
    )
    notes = [*_outdated_base(bundle), *([monitor_problem] if monitor_problem else [])]
    text = render.render(artifact.with_notes(bundle, notes), verdict, context)
    state, description = statuses.of_verdict(verdict)
    if acceptance := protected.acceptance(verdict):
        description = statuses.shorten(f"needs a person: {acceptance}")
    return Reply(text, state, description, recording, commits=commits)


def _check_claim(bundle: Bundle, changes: Changes) -> None:
    """Check the run's untrusted claim that nothing had to run: no input of main's stages may have changed."""
    if bundle.measurement.outcome != "unchanged":
        return
    claim = "it says that nothing had to run, though"
    if not changes.complete:
        raise PipelineError(
            f"{claim} more files have changed than GitHub lists; make it smaller, or change an input of a stage"
        )
    inputs = Inputs.of_lock(LOCK, pipelines.current())
    if inputs is None:
        raise PipelineError(f"{claim} main has no dvc.lock with stages; run train.yaml again")
    if changed := inputs.first_changed(changes.paths) or changes.first_changed_section(bundle, inputs.sections):
        raise PipelineError(f"{claim} {changed} has changed; run train.yaml again")


def _recording(bundle: Bundle, pull: Pull, changes: Changes) -> Recording:
    if bundle.measurement.outcome != "measured" or pull.blobs:
        return "none"
    if all(changes.blob(path) == blob_hash(content) for path, content in recorded(bundle).items()):
        return "none"
    return "fork" if pull.fork else "bot"


def _outdated_base(bundle: Bundle) -> list[str]:
    """A note where main is no longer the commit that the measurement compared with."""
    base, main = bundle.measurement.base_commit, git(Path(), "rev-parse", "HEAD").stdout.strip()
    if not main or base in {None, main}:
        return []
    return [f"main has moved on since this was measured ({str(base)[:7]}, now {main[:7]}): update the branch."]


def _main_json(path: Path) -> Mapping[str, Any] | None:
    """The content of a file of main; None where it has none."""
    found: Mapping[str, Any] | None = read_json(path) if path.is_file() else None
    return found


def _production(monitor_problem: str | None) -> str | None:
    """The state of production: the monitor's open drift issue, that there is none, or that nothing is watched."""
    if monitor_problem or not monitor_schedule.is_watched():
        return markdown.escape(monitor_problem or "not watched: the repository variable PIPELINE_LOG_URL names no log")
    try:
        issue = issues.current(issues.read_all(), "drift")
    except api.RefusedError:
        return None
    if issue is None or not issue.open:
        return "no open drift issue"
    return f"#{issue.number} is open: {markdown.escape(issue.title)}"
