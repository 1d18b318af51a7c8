"""`pipeline seeds`: what another seed changes in the primary metric, beside the tolerance that the gate has for it."""

import math
from collections.abc import Callable
from pathlib import Path

import click
import pandas as pd

from pipeline.core import params, parquet
from pipeline.core.errors import PipelineError
from pipeline.core.params import Params
from pipeline.core.tasks import label
from pipeline.evaluation import point, seed_spread
from pipeline.evaluation.scoring import Scored
from pipeline.evaluation.seed_spread import ENOUGH, SeedSpread
from pipeline.evaluation.tolerance import allowed, constant
from pipeline.features.code import FeatureCode
from pipeline.models import feature_code, refitting, training
from pipeline.models.boosting import choose_device, lightgbm
from pipeline.models.model import Model
from pipeline.train.stages import evaluate

SEEDS = 5
LARGEST = 2**31 - 1  # LightGBM's


@click.command(short_help="Measure what another seed changes, beside the gate's tolerance.")
@click.option("--train", "train_path", type=click.Path(path_type=Path), default=Path("data/split/train.parquet"))
@click.option(
    "--validation", "validation_path", type=click.Path(path_type=Path), default=Path("data/split/validation.parquet")
)
@click.option("--test", "test_path", type=click.Path(path_type=Path), default=Path("data/split/test.parquet"))
@click.option("--json", "target", type=click.Path(path_type=Path), default=seed_spread.PATH, show_default=True)
def command(train_path: Path, validation_path: Path, test_path: Path, target: Path) -> None:
    """Train five models that differ in their seed alone; print the primary metric's spread beside the tolerance."""
    knobs = params.read()
    train, validation, test = (parquet.read(path) for path in (train_path, validation_path, test_path))
    spread, scored = measure(knobs, train, validation, test, click.echo, feature_code.for_training())
    seed_spread.write(spread, target)
    click.echo("\n".join([*report(spread, scored, knobs), f"seeds: the gate reads {target}; commit it"]))


def measure(
    knobs: Params,
    train: pd.DataFrame,
    validation: pd.DataFrame,
    test: pd.DataFrame,
    echo: Callable[[str], None],
    code: FeatureCode | None = None,
) -> tuple[SeedSpread, Scored]:
    """The spread over five seeds from train.seed on, and the test rows as the first one's model scores them.

    PipelineError where the metric is undefined on the test rows.
    """
    metric, task, values = knobs.gate.primary, knobs.task, dict[int, float]()
    device, _ = choose_device(knobs.train.device)
    scored = list[Scored]()
    for step in range(SEEDS):
        chosen = knobs.train.model_copy(update={"seed": (knobs.train.seed + step) % LARGEST})
        settings = training.Settings(knobs.data, task, knobs.features, knobs.split, chosen, code)
        _, text, signature = refitting.measured(train, validation, settings, device)
        model = Model(lightgbm().Booster(model_str=text), signature, code)
        scored.append(evaluate.score(model, test, knobs.evaluate))
        value = point.figures(scored[-1], [metric])[metric]
        if not math.isfinite(value):
            raise PipelineError(
                f"gate.primary: {label(metric)} is undefined on the {len(test):,} test rows; choose another"
            )
        values[chosen.seed] = value
        echo(f"seeds: train.seed {chosen.seed}: {label(metric)} {value:.6g}")
    return SeedSpread.of(task.type, task.target, metric, len(test), values), scored[0]


def report(spread: SeedSpread, scored: Scored, knobs: Params) -> list[str]:
    """The tolerance of the gate beside the spread, and what to do where it is too small."""
    metric = spread.metric
    tolerated = allowed(knobs.gate.tolerance, metric, scored, constant(scored, metric), "this model")
    enough, compared = spread.compared(tolerated.value)
    lines = [f"seeds: gate.tolerance allows {tolerated}: {compared}"]
    if not enough:
        need = ENOUGH * spread.standard_deviation
        lines.append(f"seeds: with less than {ENOUGH} another seed alone may fail; allow a loss of {need:.2g} or more")
    return lines
