"""Train: training and validation rows into a LightGBM model and its signature."""

import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from pipeline.core import costs, files, params, parquet
from pipeline.core.figures import number
from pipeline.models import feature_code, refitting, training
from pipeline.models.boosting import choose_device
from pipeline.models.signature import Rows

PROGRESS_EVERY = 50  # trees
NO_SPLIT = (
    "train: warning: no split was possible, every row gets the same score: lower train.min_data_in_leaf or add rows"
)


@click.command()
@click.option("--train", "train_path", type=click.Path(path_type=Path), required=True, help="Rows to train on.")
@click.option(
    "--validation", "validation_path", type=click.Path(path_type=Path), required=True, help="Rows for early stopping."
)
@click.option("--features", "features_path", type=click.Path(path_type=Path), required=True, help="Feature code.")
@click.option("--folds", "folds_path", type=click.Path(path_type=Path), required=True, help="The folds' states.")
@click.option("--model", "model_path", type=click.Path(path_type=Path), required=True, help="Native LightGBM model.")
@click.option("--signature", "signature_path", type=click.Path(path_type=Path), required=True, help="Its signature.")
@click.option("--training", "training_path", type=click.Path(path_type=Path), required=True, help="How it was trained.")
def command(
    train_path: Path,
    validation_path: Path,
    features_path: Path,
    folds_path: Path,
    model_path: Path,
    signature_path: Path,
    training_path: Path,
) -> None:
    """Train the model."""
    settings = training.Settings(
        params.section(params.Data),
        params.section(params.TaskSection),
        params.section(params.Features),
        params.section(params.Split),
        params.section(params.Train),
        feature_code.for_training(features_path, folds_path),
    )
    with costs.measured("train") as cost:
        device, reason = choose_device(settings.train.device)
        click.echo(f"train: on the {'CPU' if device == 'cpu' else 'GPU (' + device + ')'}: {reason}")
        fitted, text, signature = refitting.measured(
            parquet.read(train_path), parquet.read(validation_path), settings, device, [report_progress()]
        )
        files.write_text(model_path, text)
        files.write_text(signature_path, signature.model_dump_json(indent=2) + "\n")
        files.write_json(training_path, describe(fitted, device))
        cost |= {
            "rows": fitted.rows["train"],
            "device": device,
            "device_reason": reason,
            "trees": fitted.best_iteration,
        }
    for line in summary(fitted, signature.refitted):
        click.echo(line)


def summary(fitted: training.Fitted, refitted: Rows | None) -> list[str]:
    """What was trained on how many rows; a warning where it learned nothing."""
    trees, best = fitted.best_iteration, fitted.curve[fitted.best_iteration - 1]
    lines = [] if fitted.booster.feature_importance("gain", iteration=trees).any() else [NO_SPLIT]
    lines.append(f"train: {trees} trees on {fitted.rows['train']:,} rows, validation {fitted.loss} {number(best)}")
    if refitted is not None:
        lines.append(f"train: fitted again on {refitted.count:,} rows, up to {refitted.last}: this model is measured")
    return lines


def describe(fitted: training.Fitted, device: str) -> dict[str, Any]:
    """The training report: device, platform, trees and the validation loss by tree."""
    return {
        "device": device,
        "platform": f"{sys.platform}-{platform.machine()}",
        "best_iteration": fitted.best_iteration,
        "rows": fitted.rows,
        "loss": fitted.loss,
        "curve": [{"tree": tree, "validation": value} for tree, value in enumerate(fitted.curve, start=1)],
    }


def report_progress() -> Callable[[Any], None]:
    """A LightGBM callback that prints the validation loss every 50 trees."""

    def callback(env: Any) -> None:
        if (env.iteration + 1) % PROGRESS_EVERY == 0:
            _, name, value, _ = env.evaluation_result_list[0][:4]
            click.echo(f"train: tree {env.iteration + 1}, validation {name} {number(value)}")

    return callback
