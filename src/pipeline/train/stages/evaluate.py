"""Evaluate: the model on the test rows, by every metric of its task, curve, slice, group and feature."""

from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.core import costs, files, params, parquet
from pipeline.core.errors import PipelineError
from pipeline.core.figures import estimate as estimate_text
from pipeline.core.tasks import DEVIANCES, ENOUGH_ROWS, METRICS, metrics_of
from pipeline.data.values import keys
from pipeline.evaluation import curves, fairness, scoring, slices
from pipeline.evaluation.bootstrap import estimate, intervals, resamples
from pipeline.evaluation.scoring import Scored
from pipeline.models import targets
from pipeline.models.model import Model, load
from pipeline.models.signature import Signature


def score(model: Model, test: pd.DataFrame, evaluate: params.Evaluate) -> Scored:
    """The test rows with target, score, key, slices and groups; PipelineError where they can't be used to evaluate."""
    signature = model.signature
    cut = slices.labels(test, evaluate.slices, evaluate.slice_bins, "evaluate.slices")
    groups = slices.labels(test, evaluate.sensitive, evaluate.slice_bins, "evaluate.sensitive")
    target = checked_target(test, signature)
    return Scored(
        task=signature.task,
        target=target,
        score=model.predict(test),
        keys=keys.names(test, signature.key),
        classes=tuple(signature.classes),
        threshold=signature.threshold,
        quantile=signature.quantile,
        slices=cut.reset_index(drop=True),
        sensitive=groups.reset_index(drop=True),
        bins=evaluate.calibration_bins,
        deviance=DEVIANCES.get(model.objective) if signature.task == "regression" else None,
    )


def checked_target(test: pd.DataFrame, signature: Signature) -> npt.NDArray[np.float64]:
    """The target as numbers (rows,); PipelineError where there is none, or one class only."""
    advice = "give the test rows a larger split.test in params.yaml, another split.seed, or more data"
    if test.empty:
        raise PipelineError(f"the test table has no rows; {advice}")
    target = np.asarray(targets.encode(test, signature), dtype=np.float64)
    if not np.isfinite(target).all():
        raise PipelineError(
            f"target {signature.target}: {int((~np.isfinite(target)).sum()):,} test rows have no value; label or "
            "remove them in the source"
        )
    if signature.task != "regression" and len(np.unique(target)) < 2:
        name = signature.classes[int(target[0])]
        raise PipelineError(
            f"target {signature.target}: all {len(target):,} test rows are of one class ({name}); {advice}"
        )
    return target


def metrics(scored: Scored, evaluate: params.Evaluate) -> dict[str, Any]:
    """Every metric of the task with its interval, and the confusion matrix or the figures of each class."""
    names = metrics_of(scored.task, scored.deviance)
    estimates = intervals(scored.task, names, scored, evaluate.bootstrap, evaluate.confidence, evaluate.seed)
    content: dict[str, Any] = {"rows": len(scored)} | {name: value.to_json() for name, value in estimates.items()}
    if scored.task == "binary":
        _, counts = fairness.cells(scored.target, scored.decisions(), np.zeros(len(scored)))
        (true_negatives, false_positives), (false_negatives, true_positives) = counts[0].tolist()
        matrix = {"true_positives": true_positives, "false_positives": false_positives}
        matrix |= {"true_negatives": true_negatives, "false_negatives": false_negatives}
        content |= {"threshold": scored.threshold, "confusion": matrix}
    if scored.task == "multiclass":
        content["per_class"] = per_class(scored, evaluate)
    return content


def per_class(scored: Scored, evaluate: params.Evaluate) -> dict[str, dict[str, Any]]:
    """Precision, recall and F1 with their intervals, and rows of each class; null where it is never predicted or does
    not occur. A class of too few rows has no interval."""
    classes = np.arange(len(scored.classes))
    is_actual, is_predicted = scored.target[:, None] == classes, scored.decisions()[:, None] == classes
    flags = np.hstack([is_actual & is_predicted, is_actual, is_predicted])
    flags = flags.astype(np.float32)  # exact up to 2**24 rows

    def figures(weights: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        hits, actual, predicted = np.split((weights.astype(np.float32) @ flags).astype(float), 3, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.stack([hits / predicted, hits / actual, 2 * hits / (actual + predicted)])

    point = figures(np.ones((1, len(scored))))[:, 0]
    samples = resamples(len(scored), evaluate.bootstrap, evaluate.seed)
    draws = np.concatenate([figures(weights) for weights in samples], axis=1)  # (figures, resamples, classes)
    draws[:, :, is_actual.sum(axis=0) < ENOUGH_ROWS] = np.nan
    return {
        name: {
            figure: estimate(float(point[k, i]), draws[k, :, i], evaluate.confidence).to_json()
            for k, figure in enumerate(("precision", "recall", "f1"))
        }
        | {"rows": int(is_actual[:, i].sum())}
        for i, name in enumerate(scored.classes)
    }


def importance(model: Model, test: pd.DataFrame, evaluate: params.Evaluate) -> list[dict[str, Any]]:
    """Each feature's share of the gain and mean absolute SHAP value over a sample of rows (Lundberg et al. 2020)."""
    size = min(evaluate.shap_rows, len(test))
    positions = np.sort(np.random.default_rng(evaluate.seed).choice(len(test), size, replace=False))
    shap = np.abs(model.contributions(test.iloc[positions])).mean(axis=0)
    names = [feature.name for feature in model.signature.features]
    rows = [
        {"feature": name, "gain": float(gain), "shap": float(value)}
        for name, gain, value in zip(names, model.gains(), shap, strict=True)
    ]
    return sorted(rows, key=lambda row: (-row["shap"], row["feature"]))


def write_curves(folder: Path, points: dict[str, curves.Points]) -> None:
    """One file for each curve; those that the task does not have are empty, so that `dvc plots` finds them all."""
    for name in curves.NAMES:
        files.write_json(folder / f"{name}.json", points.get(name, []))


@click.command(short_help="Judge the model on the test rows.")
@click.option("--model", "model_path", type=click.Path(path_type=Path), required=True, help="Folder of the model.")
@click.option("--test", "test_path", type=click.Path(path_type=Path), required=True, help="Test rows (Parquet).")
@click.option("--reports", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
def command(model_path: Path, test_path: Path, reports: Path) -> None:
    """Metrics with intervals, curves, slices, fairness, importance and the scores of the test rows."""
    evaluate = params.section(params.Evaluate)
    with costs.measured("evaluate") as cost:
        model, test = load(model_path), parquet.read(test_path)
        scored = score(model, test, evaluate)
        click.echo(f"evaluate: {len(scored):,} test rows scored")
        scoring.write(reports / "scores.parquet", scored)
        figures = metrics(scored, evaluate)
        files.write_json(reports / "metrics.json", figures)
        click.echo(f"evaluate: {_headline(scored, figures)}")
        write_curves(reports / "curves", curves.draw(scored, evaluate.calibration_bins))
        parts = slices.report(scored, evaluate)
        files.write_json(reports / "slices.json", parts)
        groups = fairness.report(scored, evaluate)
        files.write_json(reports / "fairness.json", groups)
        click.echo(f"evaluate: {len(parts):,} slices, {len(groups):,} sensitive columns")
        files.write_json(reports / "importance.json", importance(model, test, evaluate))
        cost["rows"] = len(scored)


def _headline(scored: Scored, figures: dict[str, Any]) -> str:
    name = next(iter(METRICS[scored.task]))
    return f"{name} {estimate_text(**figures[name])}"
