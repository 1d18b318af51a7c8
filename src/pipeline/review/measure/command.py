"""`pipeline measure`: what a change did to the model, gathered in one folder for whoever judges and reports it."""

import importlib.metadata
import os
import platform
import shutil
from pathlib import Path

import click

from pipeline.core import files, params
from pipeline.core.errors import PipelineError
from pipeline.core.git import git
from pipeline.review.measure import base as bases
from pipeline.review.measure import datadiff, measurement, model_tests, printed, reproduction, stages
from pipeline.review.measure.folder import replaced, write_manifest
from pipeline.review.measure.measurement import Bundle, Champion, Measurement
from pipeline.review.measure.reproduction import Reproduction

# The files of a measurement that are files of the work tree. The scores and the model are asked for by name.
TAKEN = {
    **{f"{name}.json": f"reports/{name}.json" for name in ("metrics", "slices", "fairness", "importance", "drift")},
    "data_quality.json": "reports/data_quality.json",
    "training.json": "reports/training.json",
    "signature.json": "models/signature.json",
    "source.json": "data/source.json",
    "schema.yaml": "data/schema.yaml",
    "params.yaml": "params.yaml",
    "dvc.lock": "dvc.lock",
    "model_card.md": "reports/model_card.md",
    "scores.parquet": "reports/scores.parquet",
}
ASKED = ("reports/scores.parquet", "reports/metrics.json", "models/model.txt", "models/signature.json")
VERSIONS = ("lightgbm", "pandas", "numpy", "dvc", "evidently")


@click.command(short_help="Gather what a change did to the model.")
@click.option("--base", help="Git revision to compare with (default: origin/main, else main).")
@click.option(
    "--run", "run_", is_flag=True, help="Run what changed first; nothing where dvc.lock is the base's and fits."
)
@click.option(
    "--rebuild/--no-rebuild", default=None, help="Train a champion again whose files can't be had (as --run)."
)
@click.option("--push", is_flag=True, help="With --run: give the DVC remote the outputs and the run cache.")
def command(base: str | None, run_: bool, rebuild: bool | None, push: bool) -> None:
    """Compare this work tree with the base and write .pipeline/measurement/; exit 1 where a stage failed."""
    bundle = measure(base, run=run_, rebuild=run_ if rebuild is None else rebuild, push=push)
    found = bundle.measurement
    for note in found.notes:
        click.echo(f"measure: {note}")
    click.echo(f"measure: {found.outcome}; the measurement is in {bundle.folder}")
    click.get_current_context().exit(1 if found.outcome == "failed" else 0)


def measure(
    base: str | None, *, run: bool, rebuild: bool, push: bool = False, folder: Path = measurement.FOLDER
) -> Bundle:
    """Measure the work tree against `base` (default: origin/main, else main); `folder` is replaced as a whole.

    `run` reproduces the pipeline first; a stage that fails is an outcome. PipelineError where there is nothing to
    measure, or for a base that is mistyped.
    """
    against, head = bases.find(base), _head()  # before anything is written
    done = reproduction.made(against, push) if run else reproduction.taken(against)
    graph = stages.nodes()
    described = stages.described(graph, done, run, against)
    left_out = stages.unfinished(graph, described)
    with replaced(folder) as new:
        found = Measurement(
            head=head,
            base=against.name[:1000],
            base_commit=against.commit,
            outcome=done.outcome,
            failure=done.failure,
            seconds=done.seconds,
            stages=described,
            environment=_environment(left_out),
            notes=[against.reason, *done.notes] if against.reason else done.notes,
        )
        notes = _copy(new, left_out)
        if done.outcome != "failed":
            found = _with_champion(found, new, against, rebuild)
        found = _with_data(found, new, against, done, left_out)
        if done.outcome == "measured":
            _test_model(new)
        write_manifest(new, found.model_copy(update={"notes": _short([*found.notes, *notes])}))
    return measurement.read(folder)


def _test_model(new: Path) -> None:
    """Run the project's tests of the model and keep their outcome."""
    if (outcome := model_tests.run()) is not None:
        files.write_text(new / model_tests.FILE, outcome.model_dump_json(indent=1) + "\n")


def _with_champion(found: Measurement, new: Path, against: bases.Base, rebuild: bool) -> Measurement:
    """The measurement with the champion (and gate.reference) scored on the candidate's rows."""
    if found.outcome == "unchanged":
        same = Champion(state="same", name=found.base, model=against.md5("models/model.txt") or "")
        return found.model_copy(update={"champion": same})
    for path in ASKED:
        if not Path(path).is_file():
            raise PipelineError(f"{path}: no such file; run `make run` first")
    from pipeline.evaluation import scoring
    from pipeline.review.measure import baselines

    knobs, candidate = params.read(), scoring.read(Path(TAKEN["scores.parquet"]))
    baseline = baselines.measure_baseline(against, candidate, knobs, rebuild)
    notes = [*found.notes]
    changes = {"champion": baseline.champion, "champion_gains": baseline.gains, "features_main": baseline.features}
    if baseline.scored is not None:
        scoring.write(new / "champion.parquet", baseline.scored)
    if not against.reason and (problem := baselines.missing(baseline)):
        notes.append(problem)
    if knobs.gate.reference:
        pinned = baselines.measure_baseline(_reference(knobs.gate.reference), candidate, knobs, rebuild)
        changes["reference"] = pinned.champion
        if pinned.scored is not None:
            scoring.write(new / "reference.parquet", pinned.scored)
        notes += [problem] if (problem := baselines.missing(pinned)) else []
    return found.model_copy(update={**changes, "notes": notes})


def _reference(revision: str) -> bases.Base:
    """The release that gate.reference names; one that git does not know is missing, and the gate warns."""
    try:
        return bases.find(revision)
    except PipelineError as error:
        return bases.Base(revision, reason=str(error), state="missing")


def _with_data(
    found: Measurement, new: Path, against: bases.Base, done: Reproduction, left_out: set[str]
) -> Measurement:
    """The measurement with the data's change and drift; what can't be compared is a note."""
    try:
        diff = datadiff.compare(against, params.read(), done.stale, left_out)
    except PipelineError as error:
        if found.outcome == "failed":  # params.yaml, for one: the failure says it
            return found
        diff = datadiff.DataDiff(notes=[f"the data are not compared: {error}"])
    if diff.drift is not None:
        files.write_json(new / "drift_main.json", diff.drift)
    return found.model_copy(update={"data": diff.change, "notes": [*found.notes, *diff.notes]})


def _copy(new: Path, left_out: set[str]) -> list[str]:
    """Copy the work tree's files into the measurement; a note for each that is too large for it."""
    notes = []
    for name, path in TAKEN.items():
        if path in left_out or not Path(path).is_file():
            continue
        if Path(path).stat().st_size > measurement.FILES[name]:
            notes.append(f"{path} is left out: it is larger than {measurement.FILES[name] // measurement.MB} MB")
            continue
        shutil.copyfile(path, new / name)
    return notes


def _short(notes: list[str]) -> list[str]:
    return list(dict.fromkeys(printed.clean(" ".join(note.split())) for note in notes))[:50]


def _head() -> str | None:
    """The commit that is measured; None where git knows none, or files that it tracks are changed."""
    changed = git(Path(), "status", "--porcelain", "--untracked-files=no")
    commit = git(Path(), "rev-parse", "--verify", "--quiet", "HEAD^{commit}").stdout.strip()
    return commit if commit and changed.returncode == 0 and not changed.stdout.strip() else None


def _environment(left_out: set[str]) -> dict[str, str]:
    """What the figures were made with and on."""
    found = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1),
    }
    signature = Path("models/signature.json")
    if str(signature) not in left_out and signature.is_file():
        found["device"] = str(files.read_json(signature).get("device", "unknown"))
    if reason := stages.read_costs("train").get("device_reason"):
        found["device reason"] = str(reason)
    for name in VERSIONS:
        found[name] = importlib.metadata.version(name)
    if commit := git(Path(), "rev-parse", "--short", "HEAD").stdout.strip():
        found["commit"] = commit
    return {name: printed.clean(value) for name, value in found.items()}
