"""`pipeline measure`: what a change did to the model, gathered in one folder for the gate and the comment."""

import importlib.metadata
import os
import platform
import shutil
from pathlib import Path

import click

from pipeline.core import dvc_lock, files, params, pipelines, report_shapes
from pipeline.core.errors import PipelineError
from pipeline.core.git import DIRTY, described_head, short_commit
from pipeline.review.measure import base as bases
from pipeline.review.measure import datadiff, measurement, model_tests, printed, reproduction, stages
from pipeline.review.measure.folder import replaced, write_manifest
from pipeline.review.measure.measurement import Bundle, Champion, Measurement
from pipeline.review.measure.reproduction import Reproduction

# The files of a measurement that are copied from the work tree, and the files without which nothing is measured.
COPIED = {
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
SPLIT = Path("reports/split.json")  # copied with the number of new rows on each side
REQUIRED = ("reports/scores.parquet", "reports/metrics.json", "models/model.txt", "models/signature.json")
VERSIONS = ("lightgbm", "pandas", "numpy", "dvc", "evidently")


@click.command(short_help="Gather what a change did to the model.")
@click.option("--base", help="Git revision to compare with (default: the remote's default branch).")
@click.option(
    "--run", "run_", is_flag=True, help="Run what changed first; nothing where dvc.lock is the base's and fits."
)
@click.option(
    "--rebuild/--no-rebuild", default=None, help="Train a champion again whose files are unavailable (as --run)."
)
@click.option("--push", is_flag=True, help="With --run: push the outputs and the run cache to the DVC remote.")
def command(base: str | None, run_: bool, rebuild: bool | None, push: bool) -> None:
    """Compare this work tree with the base and write .pipeline/measurement/; exit 1 where a stage failed."""
    bundle = measure(base, run=run_, rebuild=run_ if rebuild is None else rebuild, push=push)
    manifest = bundle.measurement
    for note in manifest.notes:
        click.echo(f"measure: {note}")
    click.echo(f"measure: {manifest.outcome}; the measurement is in {bundle.folder}")
    click.get_current_context().exit(1 if manifest.outcome == "failed" else 0)


def measure(
    revision: str | None, *, run: bool, rebuild: bool, push: bool = False, folder: Path | None = None
) -> Bundle:
    """Measure the work tree against `revision` (default: the remote's default branch); `folder` (default:
    that of this pipeline) is replaced as a whole.

    `run` reproduces the pipeline first; a stage that fails is an outcome. PipelineError where there is nothing to
    measure, or for a revision that is mistyped.
    """
    folder = folder or measurement.folder()
    base, head = bases.find(revision), _head()  # before anything is written
    repro = reproduction.run_stages(base, push) if run else reproduction.inspect(base)
    graph = stages.nodes()
    entries = stages.describe(graph, repro, run, base)
    left_out = stages.unfinished(graph, entries)
    with replaced(folder) as new:
        manifest = Measurement(
            head=head,
            base=base.name[:1000],
            base_commit=base.commit,
            outcome=repro.outcome,
            failure=repro.failure,
            seconds=repro.seconds,
            stages=entries,
            environment=_environment(left_out),
            notes=[base.reason, *repro.notes] if base.reason else repro.notes,
        )
        notes = _copy(new, left_out)
        if repro.outcome != "failed":
            manifest = _with_champion(manifest, new, base, rebuild)
        manifest = _with_data(manifest, new, base, repro, left_out)
        if repro.outcome == "measured":
            notes += _describe_features(new, base)
            _test_model(new)
        write_manifest(new, manifest.model_copy(update={"notes": _shortened([*manifest.notes, *notes])}))
    return measurement.read(folder)


def _test_model(new: Path) -> None:
    """Run the project's tests of the model and keep their outcome."""
    if (outcome := model_tests.run()) is not None:
        files.write_text(new / model_tests.FILE, outcome.model_dump_json(indent=1) + "\n")


def _describe_features(new: Path, base: bases.Base) -> list[str]:
    """Write the report on the project's features; a note where it can't be made."""
    from pipeline.review.measure import baselines, feature_figures, feature_report

    try:
        report = feature_figures.report(baselines.columns(base))
    except PipelineError as error:
        return [f"the features are not described: {str(error).splitlines()[0]}"]
    if report is not None:
        text = report.model_dump_json(indent=1) + "\n"
        if len(text.encode()) > measurement.FILES[feature_report.FILE]:
            return ["the features are not described: there is too much to say for a measurement"]
        files.write_text(new / feature_report.FILE, text)
    return []


def _with_champion(manifest: Measurement, new: Path, base: bases.Base, rebuild: bool) -> Measurement:
    """The measurement with the champion (and gate.reference) scored on the candidate's rows."""
    if manifest.outcome == "unchanged":
        same = Champion(state="same", name=manifest.base, model=base.md5("models/model.txt") or "")
        return manifest.model_copy(update={"champion": same})
    for path in REQUIRED:
        if not Path(path).is_file():
            raise PipelineError(f"{path}: no such file; run `make run` first")
    from pipeline.evaluation import scoring
    from pipeline.review.measure import baselines

    knobs, candidate = params.read(), scoring.read(Path(COPIED["scores.parquet"]))
    baseline = baselines.measure_baseline(base, candidate, knobs, rebuild)
    notes = [*manifest.notes]
    changes = {"champion": baseline.champion, "champion_gains": baseline.gains, "features_main": baseline.features}
    if baseline.scored is not None:
        scoring.write(new / "champion.parquet", baseline.scored)
    if not base.reason and (problem := baselines.missing(baseline)):
        notes.append(problem)
    if knobs.gate.reference:
        reference = baselines.measure_baseline(_reference(knobs.gate.reference), candidate, knobs, rebuild)
        changes["reference"] = reference.champion
        if reference.scored is not None:
            scoring.write(new / "reference.parquet", reference.scored)
        notes += [problem] if (problem := baselines.missing(reference)) else []
    return manifest.model_copy(update={**changes, "notes": notes})


def _reference(revision: str) -> bases.Base:
    """The release that gate.reference names; one that git does not know is missing, and the gate warns."""
    try:
        return bases.find(revision)
    except PipelineError as error:
        return bases.Base(revision, reason=str(error), state="missing")


def _with_data(
    manifest: Measurement, new: Path, base: bases.Base, repro: Reproduction, left_out: set[str]
) -> Measurement:
    """The measurement with the data's change and drift; what can't be compared is a note."""
    try:
        diff = datadiff.compare(base, params.read(), left_out)
    except PipelineError as error:
        if manifest.outcome == "failed":  # for example by params.yaml: the failure says so
            return manifest
        diff = datadiff.DataDiff(notes=[f"the data are not compared: {error}"])
    if diff.drift is not None:
        files.write_json(new / "drift_main.json", diff.drift)
    if str(SPLIT) not in left_out and SPLIT.is_file():
        files.write_json(new / SPLIT.name, report_shapes.read(SPLIT, "split") | ({"new": diff.new} if diff.new else {}))
    return manifest.model_copy(update={"data": diff.change, "notes": [*manifest.notes, *diff.notes]})


def _copy(new: Path, left_out: set[str]) -> list[str]:
    """Copy the work tree's files into the measurement; a note for each that is too large for it."""
    notes = []
    for name, path in COPIED.items():
        if path in left_out or not Path(path).is_file():
            continue
        if Path(path).stat().st_size > measurement.FILES[name]:
            notes.append(f"{path} is left out: it is larger than {measurement.FILES[name] // measurement.MB} MB")
            continue
        shutil.copyfile(path, new / name)
    return notes


def _shortened(notes: list[str]) -> list[str]:
    return list(dict.fromkeys(printed.clean(" ".join(note.split())) for note in notes))[:50]


def _head() -> str | None:
    """The commit that is measured; None where git knows none, or files that it tracks are changed."""
    commit = described_head(Path(), besides=_recorded_for_others())
    return None if commit is None or commit.endswith(DIRTY) else commit


def _recorded_for_others() -> list[str]:
    """What the measurements of the repository's other pipelines have made before, as paths from here."""
    top, own = pipelines.top(), pipelines.folder()
    others = [folder for folder in pipelines.folders() if folder != own]
    return [str(top / folder / path) for folder in others for path in dvc_lock.RECORDED]


def _environment(left_out: set[str]) -> dict[str, str]:
    """The software and hardware that the figures were made with."""
    facts = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1),
    }
    signature = Path("models/signature.json")
    if str(signature) not in left_out and signature.is_file():
        content = files.read_json(signature)
        facts["device"] = str(content.get("device", "unknown") if isinstance(content, dict) else "unknown")
    if reason := stages.read_costs("train").get("device_reason"):
        facts["device reason"] = str(reason)
    for name in VERSIONS:
        facts[name] = importlib.metadata.version(name)
    if commit := described_head(
        Path(), besides=[*dvc_lock.RECORDED, *_recorded_for_others()]
    ):  # that is what a run makes
        facts["commit"] = short_commit(commit)
    return {name: printed.clean(value) for name, value in facts.items()}
