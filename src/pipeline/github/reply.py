"""What is answered on a measurement: main's verdict on it, in words and as a status."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline import markdown, params
from pipeline.errors import PipelineError
from pipeline.files import read_json
from pipeline.git import git
from pipeline.github import api, artifact, statuses
from pipeline.github.changes import Changes
from pipeline.github.pulls import NothingToDoError, Pull, Run
from pipeline.github.records import blob, recorded
from pipeline.measure import base
from pipeline.measure.measurement import Bundle
from pipeline.report import judgement, render
from pipeline.report.render import Context
from pipeline.strict_yaml import load_yaml

LOCK, METRICS = Path("dvc.lock"), Path("reports/metrics.json")
DRIFT_LABEL = "drift"
Recording = Literal["none", "bot", "fork", "outdated"]


@dataclass(frozen=True)
class Reply:
    """The comment, the status, and whether the bot has something to record."""

    text: str
    state: statuses.State
    description: str
    record: bool


def of_bundle(bundle: Bundle, run: Run, pull: Pull, artifacts: Mapping[str, str]) -> Reply:
    """Judge and render. PipelineError where it is unusable, NothingToDoError where it is not of the head."""
    _check_record(bundle, pull)
    changes = Changes.of(pull)
    _check_claim(bundle, changes)
    verdict = judgement.judge(bundle, params.read().gate, changes.of_judge(bundle))
    override = statuses.overruled(pull.head) if statuses.LABEL in pull.labels else None
    recording = _recording(bundle, pull, changes)
    context = Context(
        main_params=load_yaml(params.PATH, str(params.PATH)),
        main_metrics=_main_metrics(),
        pull_request=pull.number,
        run_url=run.url,
        artifacts=artifacts,
        override=override,
        stale_override=statuses.LABEL in pull.labels and override is None,
        recording=recording,
        production=_production(),
        repository=api.repository(),
    )
    text = render.render(artifact.noted(bundle, _moved(bundle)), verdict, context)
    return Reply(text, *statuses.of_verdict(verdict, override), record=recording == "bot")


def _check_record(bundle: Bundle, pull: Pull) -> None:
    """Anybody can write a commit that looks like the bot's: only what was measured may stand in it."""
    measured = {path: blob(content) for path, content in recorded(bundle).items()}
    if any(measured.get(path) != found for path, found in pull.blobs.items()):
        raise NothingToDoError(f"pull request {pull.number}: its head holds something else than was measured; outdated")


def _check_claim(bundle: Bundle, changes: Changes) -> None:
    """That nothing had to run is the run's own word: what main's stages depend on must be as it is in main."""
    if bundle.measurement.outcome != "unchanged" or not LOCK.is_file():
        return
    stages = base.stages(LOCK.read_text(encoding="utf-8")).values()
    inputs = {str(LOCK), *(str(dep["path"]) for stage in stages for dep in stage.get("deps", []))}
    if touched := sorted(inputs.intersection(changes.paths)):
        raise PipelineError(f"it says that nothing had to run, though {touched[0]} has changed; run train.yaml again")


def _recording(bundle: Bundle, pull: Pull, changes: Changes) -> Recording:
    if bundle.measurement.outcome != "measured" or pull.blobs:
        return "none"
    if all(changes.blob(path) == blob(content) for path, content in recorded(bundle).items()):
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


def _production() -> str | None:
    """What the monitor last said: the issue that it keeps open while it sees drift."""
    try:
        listed = api.pages(f"issues?labels={DRIFT_LABEL}&state=open", to="read the drift issue", limit=1)
        issue = next((data for data in listed if "pull_request" not in data), None)
    except api.RefusedError:
        return None
    return f"#{issue['number']} is open: {markdown.escape(issue['title'])}" if issue else "no open drift issue"
