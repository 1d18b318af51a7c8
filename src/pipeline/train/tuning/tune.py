"""`pipeline tune`: search `tune.space` for better train parameters, and write them to params.yaml."""

import hashlib
import json
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from pipeline.core import params, parquet
from pipeline.core.errors import PipelineError
from pipeline.core.params import Params
from pipeline.core.tasks import higher_is_better
from pipeline.train.tuning import yaml_edit

DATABASE = Path(".pipeline/tune.db")
# Of the median pruner: it stops none of the first trials, and no trial before this sum of learning rates.
STARTUP_TRIALS, WARMUP_STEPS = 5, 2
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
    study = open_study(settings, train_path, validation_path)
    finished = search(study, settings, train_path, validation_path, trials, timeout)
    log(study, settings)
    if not finished:
        count = len(finished_trials(study))
        click.echo(f"tune: interrupted; {count} finished trials are kept, `pipeline tune` continues from them")
        context.exit(INTERRUPTED)
    click.echo("\n".join(write_best(study, settings)))


def open_study(settings: Params, *tables: Path) -> Any:
    """The Optuna study of this space, task and data: the earlier one, or a new one where any of them has changed."""
    from pipeline.train.tuning.objective import check_space

    check_space(settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    DATABASE.parent.mkdir(parents=True, exist_ok=True)
    directions = optuna.study.StudyDirection
    direction = directions.MAXIMIZE if higher_is_better(settings.gate.primary) else directions.MINIMIZE
    pruner = optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS, n_warmup_steps=WARMUP_STEPS)
    study = optuna.create_study(
        storage=f"sqlite:///{DATABASE}",
        study_name=study_name(settings, tables),
        direction=direction,
        pruner=pruner,
        load_if_exists=True,
    )
    # A sampler with the same seed would draw the earlier trials again.
    study.sampler = optuna.samplers.TPESampler(seed=settings.tune.seed + len(study.trials))
    return study


def study_name(settings: Params, tables: tuple[Path, ...]) -> str:
    """The experiment's name and a hash of everything that must be equal for trials to be comparable."""
    fixed = {name: value for name, value in settings.train.model_dump().items() if name not in settings.tune.space}
    parts: list[Any] = [
        fixed,
        settings.tune.model_dump(include={"space"}),
        settings.task.model_dump(),
        settings.features.model_dump(),
    ]
    parts += [settings.gate.primary, settings.data.key, settings.split.time]
    text = json.dumps(parts, sort_keys=True) + "".join(_sha256(path) for path in tables)
    return f"{settings.tracking.experiment}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def search(
    study: Any, settings: Params, train: Path, validation: Path, trials: int | None, timeout: float | None
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
            _objective(settings, train, validation),
            n_trials=left,
            timeout=timeout or settings.tune.timeout,
            callbacks=[_progress(settings.gate.primary, total)],
        )
    except KeyboardInterrupt:
        return False
    return True


def _objective(settings: Params, train: Path, validation: Path) -> Any:
    from pipeline.models.boosting import choose_device
    from pipeline.train.tuning.objective import Objective

    device, _ = choose_device(settings.train.device)
    return Objective(settings, parquet.read(train), parquet.read(validation), device)


def finished_trials(study: Any) -> list[Any]:
    """The trials that ended with a result: complete, or pruned."""
    return [trial for trial in study.trials if trial.state.name in ("COMPLETE", "PRUNED")]


def best_trial(study: Any, values: Mapping[str, Any] | None = None) -> Any:
    """The best complete trial, among those with these values where they are given; None where there is none."""
    complete = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
    candidates = [trial for trial in complete if values is None or trial.user_attrs["values"] == values]
    sign = 1 if study.direction.name == "MINIMIZE" else -1
    return min(candidates, key=lambda trial: (sign * trial.value, trial.number), default=None)


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
    problem = mlflow_runs.log_trials(tracking.tracking_uri(), settings.tracking.experiment, study.study_name, trials)
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


def _sha256(path: Path) -> str:
    if not path.is_file():
        raise PipelineError(f"{path}: no such file; `make run` makes it")
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
