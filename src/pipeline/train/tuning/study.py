"""The study of `pipeline tune`: Optuna's trials in a SQLite database, which outlives a crash and a new Optuna."""

import hashlib
import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.errors import PipelineError
from pipeline.core.params import Params, Train
from pipeline.core.tasks import higher_is_better

DATABASE = Path(".pipeline/tune.db")
# Of the median pruner: it stops none of the first trials, and no trial before this sum of learning rates.
STARTUP_TRIALS, WARMUP_STEPS = 5, 2
REMEDY = "remove it to start anew, without its trials"


def open_study(settings: Params, *tables: Path, code: str = "") -> Any:
    """The Optuna study of this space, task, data and version of the feature code: the earlier one, or a new one where
    any of them has changed."""
    from pipeline.train.tuning.objective import check_space

    check_space(settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    directions = optuna.study.StudyDirection
    direction = directions.MAXIMIZE if higher_is_better(settings.gate.primary) else directions.MINIMIZE
    pruner = optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS, n_warmup_steps=WARMUP_STEPS)
    name = study_name(settings, tables, code)
    with database_errors(), errors_of_content():
        DATABASE.parent.mkdir(parents=True, exist_ok=True)
        study = optuna.create_study(
            storage=f"sqlite:///{DATABASE}", study_name=name, direction=direction, pruner=pruner, load_if_exists=True
        )
        _check_trials(study, settings)
    # A sampler with the same seed would draw the earlier trials again.
    study.sampler = optuna.samplers.TPESampler(seed=settings.tune.seed + len(study.trials))
    return study


def study_name(settings: Params, tables: tuple[Path, ...], code: str = "") -> str:
    """The experiment's name and a hash of everything that must be equal for trials to be comparable."""
    fixed = {name: value for name, value in settings.train.model_dump().items() if name not in settings.tune.space}
    parts: list[Any] = [
        fixed,
        settings.tune.model_dump(include={"space"}),
        settings.task.model_dump(),
        settings.features.model_dump(),
    ]
    parts += [settings.gate.primary, settings.data.key, settings.split.time, *filter(None, [settings.split.group])]
    text = json.dumps(parts, sort_keys=True) + "".join(_sha256(path) for path in tables) + code
    return f"{settings.tracking.experiment}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


@contextmanager
def database_errors() -> Iterator[None]:
    """Around what reads or writes the database: where SQLite can't, a PipelineError says which file and the way out."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, StorageInternalError) as error:
        cause = error.__cause__ if isinstance(error, StorageInternalError) else error
        reason = " ".join(str(getattr(cause, "orig", None) or cause).split())[:200]
        raise PipelineError(f"{DATABASE}: the database of trials can't be used ({reason}); {REMEDY}") from None


@contextmanager
def errors_of_content() -> Iterator[None]:
    """Around Optuna's first look at the database: what it raises for one of another version, or with other content."""
    from optuna.exceptions import OptunaError

    try:
        yield
    except OSError as error:
        raise PipelineError(f"{DATABASE}: can't be written: {files.reason(error)}") from None
    except RuntimeError as error:  # Optuna's word for a database of another version
        upgrade = f"`optuna storage upgrade --storage sqlite:///{DATABASE}` upgrades an older one, or {REMEDY}"
        raise PipelineError(f"{DATABASE}: made by another version of Optuna; {upgrade}") from error
    except (OptunaError, LookupError, ValueError, TypeError, AttributeError, AssertionError) as error:
        problem = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise PipelineError(f"{DATABASE}: the database of trials is damaged ({problem}); {REMEDY}") from error


def _check_trials(study: Any, settings: Params) -> None:
    """Read all that is used of the trials; one of the errors of `errors_of_content` where something is missing."""
    for trial in finished_trials(study):
        Train.model_validate(settings.train.model_dump() | dict(trial.user_attrs["values"]))
        if trial.state.name == "COMPLETE":
            float(trial.value)


def finished_trials(study: Any) -> list[Any]:
    """The trials that ended with a result: complete, or pruned."""
    return [trial for trial in study.trials if trial.state.name in ("COMPLETE", "PRUNED")]


def best_trial(study: Any, values: Mapping[str, Any] | None = None) -> Any:
    """The best complete trial, among those with these values where they are given; None where there is none."""
    complete = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
    candidates = [trial for trial in complete if values is None or trial.user_attrs["values"] == values]
    sign = 1 if study.direction.name == "MINIMIZE" else -1
    return min(candidates, key=lambda trial: (sign * trial.value, trial.number), default=None)


def _sha256(path: Path) -> str:
    if not path.is_file():
        raise PipelineError(f"{path}: no such file; `make run` makes it")
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
