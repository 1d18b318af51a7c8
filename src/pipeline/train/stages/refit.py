"""Refit: the model that ships: the measured one or, after a split by time, one that learned the newest rows too."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import click

from pipeline.core import costs, files, params, report_shapes
from pipeline.features.code import FeatureCode
from pipeline.models import feature_code, model_text
from pipeline.models import signature as signatures


@click.command(short_help="Stage: the model that ships, fitted again where the split is by time.")
@click.option("--train", "train_path", type=click.Path(path_type=Path), required=True, help="Training rows.")
@click.option(
    "--validation", "validation_path", type=click.Path(path_type=Path), required=True, help="Validation rows."
)
@click.option("--test", "test_path", type=click.Path(path_type=Path), required=True, help="Test rows.")
@click.option("--features", "features_path", type=click.Path(path_type=Path), required=True, help="Feature code.")
@click.option("--folds", "folds_path", type=click.Path(path_type=Path), required=True, help="The folds' states.")
@click.option("--measured", type=click.Path(path_type=Path), required=True, help="Folder of the measured model.")
@click.option("--training", "training_path", type=click.Path(path_type=Path), required=True, help="How it was trained.")
@click.option("--model", "model_path", type=click.Path(path_type=Path), required=True, help="The model that ships.")
@click.option("--signature", "signature_path", type=click.Path(path_type=Path), required=True, help="Its signature.")
def command(
    train_path: Path,
    validation_path: Path,
    test_path: Path,
    features_path: Path,
    folds_path: Path,
    measured: Path,
    training_path: Path,
    model_path: Path,
    signature_path: Path,
) -> None:
    """Fit the measured model again on all rows where split.time and train.refit say so, else copy it."""
    with costs.measured("refit") as cost:
        if not params.section(params.Train).refits(params.section(params.Split)):
            _copy(measured / model_text.MODEL, model_path)
            _copy(measured / model_text.SIGNATURE, signature_path)
            click.echo("refit: the model that ships is the measured one")
            return
        trees = int(report_shapes.read(training_path, "training")["best_iteration"])
        sides = (train_path, validation_path, test_path)
        code = feature_code.for_training(features_path, folds_path)
        chosen = signatures.read(measured / model_text.SIGNATURE)
        rows = _refit(sides, code, chosen, trees, model_path, signature_path)
        cost |= {"rows": rows.count, "trees": trees}
    click.echo(f"refit: {trees} trees on all {rows.count:,} rows, {rows.first} to {rows.last}: this model ships")


def _refit(
    sides: Sequence[Path],
    code: FeatureCode | None,
    measured: signatures.Signature,
    trees: int,
    model_path: Path,
    signature_path: Path,
) -> signatures.Rows:
    """Fit and write the model; the rows that it learned from."""
    import pandas as pd

    from pipeline.core import parquet
    from pipeline.models import refitting, training
    from pipeline.models.boosting import choose_device

    settings = training.Settings(
        params.section(params.Data),
        params.section(params.TaskSection),
        params.section(params.Features),
        params.section(params.Split),
        params.section(params.Train),
        code,
    )
    train, *others = (parquet.read(path) for path in sides)
    folds = training.folds_of(train, others, settings)
    rows = pd.concat([train, *others], ignore_index=True)
    device, _ = choose_device(settings.train.device)
    text, signature = refitting.refit(rows, settings, measured, trees, device, folds)
    files.write_text(model_path, text)
    files.write_text(signature_path, signature.model_dump_json(indent=2) + "\n")
    assert signature.refitted is not None
    return signature.refitted


def _copy(source: Path, target: Path) -> None:
    with files.replacing(target) as temporary:
        shutil.copyfile(source, temporary)
