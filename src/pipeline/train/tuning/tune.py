"""`pipeline tune`: search `tune.space` for better train parameters, and write them to params.yaml."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from pipeline.core import params, parquet
from pipeline.core.params import Params
from pipeline.features.code import FeatureCode
from pipeline.models import feature_code
from pipeline.train.tuning import yaml_edit
from pipeline.train.tuning.study import best_trial, database_errors, finished_trials, open_study

INTERRUPTED = 130


@click.command(short_help="Search for better train parameters.")
@click.option("--trials", type=click.IntRange(min=1), help="Trials of the study in all (params.yaml: tune.trials).")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds after which no trial starts.")
@click.option("--train", "train_path", type=click.Path(path_type=Path), default=Path("data/split/train.parquet"))
@click.option(
    "--validation", "validation_path", type=click.Path(path_type=Path), default=Path("data/split/validation.parquet")
)
@click.pass_context
def command(
    context: click.Context, trials: int | None, timeout: float | None, train_path: Path, validation_path: Path
) -> None:
    """Search for train parameters that score better on the validation rows, and write them to params.yaml."""
    settings = params.read()
    code = feature_code.for_training()
    study = open_study(settings, train_path, validation_path, code=code.version if code else "")
    with database_errors():
        finished = search(study, settings, code, train_path, validation_path, trials, timeout)
    log(study, settings)
    if not finished:
        count = len(finished_trials(study))
        click.echo(f"tune: interrupted; {count} finished trials are kept, `pipeline tune` continues from them")
        context.exit(INTERRUPTED)
    click.echo("\n".join(write_best(study, settings)))


def search(
    study: Any,
    settings: Params,
    code: FeatureCode | None,
    train: Path,
    validation: Path,
    trials: int | None,
    timeout: float | None,
) -> bool:
    """Run the trials that are left, the current parameters first; False where Ctrl-C ended it."""
    current = {name: getattr(settings.train, name) for name in settings.tune.space}
    if best_trial(study, current) is None and not any(trial.state.name == "WAITING" for trial in study.trials):
        study.enqueue_trial({}, user_attrs={"current": True})
    total = trials or settings.tune.trials
    left = max(total - len(finished_trials(study)), int(best_trial(study, current) is None))
    click.echo(f"tune: study {study.study_name}: {len(finished_trials(study))} trials finished, {left} to go")
    if not left:
        return True
    try:
        study.optimize(
            _objective(settings, code, train, validation),
            n_trials=left,
            timeout=timeout or settings.tune.timeout,
            callbacks=[_progress(settings.gate.primary, total)],
        )
    except KeyboardInterrupt:
        return False
    return True


def _objective(settings: Params, code: FeatureCode | None, train: Path, validation: Path) -> Any:
    from pipeline.models.boosting import choose_device
    from pipeline.train.tuning.objective import Objective

    device, _ = choose_device(settings.train.device)
    return Objective(settings, parquet.read(train), parquet.read(validation), device, code)


def write_best(study: Any, settings: Params) -> Iterator[str]:
    """Write the best trial's values to params.yaml where they beat the current ones; yields lines on what changed."""
    current = {name: getattr(settings.train, name) for name in settings.tune.space}
    best, before, primary = best_trial(study), best_trial(study, current), settings.gate.primary
    if best is None or before is None:
        yield "tune: the current parameters have no result yet; run `pipeline tune` again with more time"
        return
    if best.value == before.value:
        yield f"tune: no trial beats the current parameters ({primary} {before.value:.6g} on the validation rows)"
        return
    changed = {name: value for name, value in best.user_attrs["values"].items() if value != current[name]}
    yaml_edit.replace(params.PATH, "train", changed)
    yield f"tune: {primary} on the validation rows {before.value:.6g} -> {best.value:.6g} (trial {best.number})"
    for name, value in changed.items():
        yield f"tune: {params.PATH}: train.{name}: {yaml_edit.scalar(current[name])} -> {yaml_edit.scalar(value)}"
    yield "tune: `make run` trains with them and evaluates on the test rows"


def log(study: Any, settings: Params) -> None:
    """Log the finished trials to MLflow; where it can't be reached, print a warning: the next run logs them."""
    from pipeline.train.tracking import mlflow_runs
    from pipeline.train.tracking import track as tracking

    finished = {"COMPLETE": "FINISHED", "PRUNED": "KILLED"}
    trials = [
        {
            "number": trial.number,
            "params": trial.user_attrs["values"],
            "metrics": {settings.gate.primary: trial.value} if trial.state.name == "COMPLETE" else {},
            "state": finished[trial.state.name],
            "start": int(trial.datetime_start.timestamp() * 1000),
            "end": int(trial.datetime_complete.timestamp() * 1000),
        }
        for trial in finished_trials(study)
    ]
    problem = mlflow_runs.log_trials(tracking.tracking_uri(), settings.experiment, study.study_name, trials)
    if problem:
        click.echo(
            f"the trials are not in {mlflow_runs.without_credentials(tracking.tracking_uri())} ({problem}); "
            "they are kept: the next `pipeline tune` logs them",
            err=True,
        )


def _progress(primary: str, total: int) -> Any:
    def callback(study: Any, trial: Any) -> None:
        best, trees = best_trial(study), trial.user_attrs.get("trees", 0)
        result = (
            f"{primary} {trial.value:.6g}" if trial.state.name == "COMPLETE" else "stopped early: worse than the median"
        )
        if trial.user_attrs.get("current"):
            result += " (the current parameters)"
        best_text = f"; best {best.value:.6g} (trial {best.number})" if best else ""
        click.echo(f"tune: {len(finished_trials(study))}/{total}: {result}, {trees} trees{best_text}")

    return callback
