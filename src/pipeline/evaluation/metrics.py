"""Every metric of `tasks.METRICS`, weighted and computed for many resamples of the rows at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.core.tasks import Task

Array = npt.NDArray[np.float64]
Weights = npt.NDArray[Any]  # (b, n): how often each row counts in each of b resamples
Figures = Callable[[Weights], dict[str, Array]]  # (b, n) -> name: (b,), NaN where a figure is undefined

# Multiplications in a block of weighted sums: bounds the memory, and products this small take one thread (several
# would wait for each other where the cores have other work).
BLOCK = 2**18
ROUNDED_TO_ZERO = 5e-10  # a positive prediction, to the nine decimals of a score
TWEEDIE_POWER = 1.5  # LightGBM's tweedie_variance_power, where nothing else is asked for
CELLS = 2**20  # resamples times rows that are ranked at once


@dataclass(frozen=True)
class Case:
    """Rows to evaluate: target (n,) and score (n,) or (n, classes), with what turns scores into decisions."""

    target: Array
    score: Array
    threshold: float | None
    quantile: float
    bins: int


def compute(
    task: Task,
    names: Sequence[str],
    target: npt.NDArray[Any],
    score: npt.NDArray[Any],
    weights: Weights,
    *,
    threshold: float | None = None,
    quantile: float = 0.5,
    bins: int = 10,
) -> dict[str, Array]:
    """Each named metric under weights (b, n) as an array (b,); NaN where it is undefined (one class only)."""
    return prepare(task, names, target, score, threshold=threshold, quantile=quantile, bins=bins)(weights)


def prepare(
    task: Task,
    names: Sequence[str],
    target: npt.NDArray[Any],
    score: npt.NDArray[Any],
    *,
    threshold: float | None = None,
    quantile: float = 0.5,
    bins: int = 10,
) -> Figures:
    """As `compute`, for many calls with other weights: sorting and losses are done once."""
    case = Case(np.asarray(target, float), np.asarray(score, float), threshold, quantile, bins)
    families = [family(case) for family in dict.fromkeys(FAMILIES[task][name] for name in names)]

    def figures(weights: Weights) -> dict[str, Array]:
        with np.errstate(divide="ignore", invalid="ignore"):
            all_figures = {name: values for family in families for name, values in family(weights).items()}
        return {name: all_figures[name] for name in names}

    return figures


@dataclass(frozen=True)
class Ranks:
    """Rows from the highest score to the lowest, by rank from 0; a tie is all rows with the score of a positive row."""

    order: npt.NDArray[np.intp]  # (n,): the row at each rank
    positives: npt.NDArray[np.intp]  # (p,): the ranks of the positive rows
    start: npt.NDArray[np.intp]  # (t,): of each tie the first rank ...
    end: npt.NDArray[np.intp]  # (t,): ... and the one after its last
    positives_above: npt.NDArray[np.intp]  # (t,): how many positive rows score above the tie ...
    positives_down_to: npt.NDArray[np.intp]  # (t,): ... and how many above or in it


def _ranks(case: Case) -> Ranks:
    order = np.argsort(-case.score, kind="stable")
    descending = -case.score[order]
    positives = np.flatnonzero(case.target[order] > 0)
    ties = np.unique(descending[positives])  # highest score first
    start, end = np.searchsorted(descending, ties, "left"), np.searchsorted(descending, ties, "right")
    return Ranks(order, positives, start, end, np.searchsorted(positives, start), np.searchsorted(positives, end))


def _ranking(case: Case) -> Figures:
    """ROC AUC, the chance that a positive scores above a negative, ties half (Hanley & McNeil 1982); average
    precision, the sum over thresholds of precision times the gain in recall (as scikit-learn defines it)."""
    ranks = _ranks(case)

    def figures(weights: Weights) -> dict[str, Array]:
        step = max(1, CELLS // max(1, weights.shape[1]))
        blocks = [_area_and_precision(ranks, weights[i : i + step]) for i in range(0, len(weights), step)]
        area, precision = (np.concatenate(block) for block in zip(*blocks, strict=True))
        return {"roc_auc": area, "average_precision": precision}

    return figures


def _area_and_precision(ranks: Ranks, weights: Weights) -> tuple[Array, Array]:
    """ROC AUC and average precision (b,) under weights (b, n); each tie is a threshold that predicts it positive."""
    by_rank = weights.take(ranks.order, axis=1)
    rows, positive_rows = _running_sum(by_rank), _running_sum(by_rank.take(ranks.positives, axis=1))
    all_rows, all_positives = rows[:, -1].astype(float), positive_rows[:, -1].astype(float)

    predicted, predicted_above = rows.take(ranks.end, axis=1), rows.take(ranks.start, axis=1)
    true = positive_rows.take(ranks.positives_down_to, axis=1)
    true_above = positive_rows.take(ranks.positives_above, axis=1)
    true_in_tie = (true - true_above).astype(float)

    # A negative above a positive is a pair in the wrong order, one in its tie half a pair: the negatives down to the
    # tie and those above it count once each.
    negatives_twice = predicted - true + predicted_above - true_above
    wrong_pairs = np.einsum("ij,ij->i", true_in_tie, negatives_twice) / 2
    pairs = np.where(all_rows > all_positives, all_positives * (all_rows - all_positives), np.nan)
    precision = np.divide(true, predicted, out=np.zeros(true.shape), where=predicted > 0)
    return 1 - wrong_pairs / pairs, np.einsum("ij,ij->i", true_in_tie, precision) / all_positives


def _running_sum(values: Weights) -> npt.NDArray[Any]:
    """The sums (b, n + 1) of the first 0, 1, ... n values; counts are summed as integers, which is faster and exact."""
    kind = np.float64 if values.dtype.kind == "f" else np.int64
    sums = np.zeros((values.shape[0], values.shape[1] + 1), kind)
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return sums


def _sums(columns: Callable[[slice], Array], figures: Callable[[Array, Array], dict[str, Array]]) -> Figures:
    """Metrics that need no more than weighted sums: columns(rows) is (rows, k); figures takes the total of the
    weights (b,) and the sums (k, b)."""

    def weighted(weights: Weights) -> dict[str, Array]:
        width = columns(slice(0, 1)).shape[1]
        total, sums = np.zeros(len(weights)), np.zeros((len(weights), width))
        step = max(64, BLOCK // (len(weights) * width))
        for first in range(0, weights.shape[1], step):
            rows = slice(first, first + step)
            block = weights[:, rows].astype(float)
            total += block.sum(axis=1)
            sums += block @ columns(rows)
        return figures(total, sums.T)

    return weighted


def _means(named: dict[str, Array]) -> Figures:
    """The weighted mean of each named array (n,)."""
    values = np.column_stack(list(named.values()))
    return _sums(lambda rows: values[rows], lambda total, sums: dict(zip(named, sums / total, strict=True)))


def _probabilities(case: Case) -> Figures:
    """Log loss; Brier score, the mean squared error of the probability (Brier 1950); the shares behind them."""
    chance = _clipped(np.where(case.target > 0, case.score, 1 - case.score))
    squared = (case.score - case.target) ** 2
    means = {"log_loss": -np.log(chance), "brier_score": squared}
    return _means(means | {"positive_rate": case.target, "mean_score": case.score})


def _calibration(case: Case) -> Figures:
    """Expected calibration error over equal-width bins: the mean of |observed share - mean score| of a row's bin
    (Naeini et al. 2015; Guo et al. 2017)."""
    bin_index, gap = bin_of(case.score, case.bins), case.score - case.target
    bins = np.eye(case.bins)
    return _sums(
        lambda rows: bins[bin_index[rows]] * gap[rows, None],
        lambda total, sums: {"calibration_error": np.abs(sums).sum(axis=0) / total},
    )


def bin_of(score: Array, bins: int) -> npt.NDArray[np.intp]:
    """The equal-width bin of [0, 1] of each score; the upper edge belongs to the bin."""
    return np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], score, side="left")


def _decisions(case: Case) -> Figures:
    """Precision, recall and F1 (van Rijsbergen 1979) of score >= threshold; 0 where nothing is predicted positive."""
    threshold = np.nan if case.threshold is None else case.threshold
    predicted, actual = (case.score >= threshold).astype(float), case.target
    columns = np.column_stack([predicted * actual, predicted, actual])

    def figures(_: Array, sums: Array) -> dict[str, Array]:
        hits, selected, positives = sums
        defined = np.where((positives > 0) & np.isfinite(threshold), positives, np.nan)
        return {
            "precision": np.where(selected > 0, hits / selected, 0.0) * (defined / defined),
            "recall": hits / defined,
            "f1": 2 * hits / (selected + defined),
        }

    return _sums(lambda rows: columns[rows], figures)


def _classes(case: Case) -> Figures:
    """Accuracy; recall averaged over the classes that occur (balanced accuracy, Brodersen et al. 2010); F1 averaged
    over the classes that occur or are predicted."""
    actual, predicted = case.target.astype(np.intp), case.score.argmax(axis=1)
    hit, one_hot = (actual == predicted), np.eye(case.score.shape[1])

    def columns(rows: slice) -> Array:
        return np.hstack([one_hot[actual[rows]] * hit[rows, None], one_hot[actual[rows]], one_hot[predicted[rows]]])

    def figures(total: Array, sums: Array) -> dict[str, Array]:
        hits, occurs, selections = np.split(sums, 3)
        recall, f1 = _ratio(hits, occurs), _ratio(2 * hits, occurs + selections)
        return {"accuracy": hits.sum(axis=0) / total, "balanced_accuracy": recall, "macro_f1": f1}

    return _sums(columns, figures)


def _ratio(above: Array, below: Array) -> Array:
    """The mean over classes (axis 0) of above / below, where below is not zero."""
    shares = np.where(below > 0, above / below, 0.0).sum(axis=0) / (below > 0).sum(axis=0)
    return np.asarray(shares)


def _class_loss(case: Case) -> Figures:
    chance = np.take_along_axis(case.score, case.target.astype(np.intp)[:, None], axis=1)[:, 0]
    return _means({"log_loss": -np.log(_clipped(chance))})


def _errors(case: Case) -> Figures:
    """MAE; pinball loss of the predicted quantile (Koenker & Bassett 1978); MAPE, undefined with a target of zero;
    RMSE; R², one minus squared error over squared deviation from the mean, undefined for a constant target."""
    error = case.target - case.score
    share = np.abs(error) / np.abs(case.target) if np.all(case.target) else np.full_like(error, np.nan)
    pinball = np.maximum(case.quantile * error, (case.quantile - 1) * error)
    unit = _unit_of_squares(error, case.target)
    target = case.target / unit
    centred = target - target.mean()  # else the difference of the two sums of squares loses precision
    squares = [(error / unit) ** 2, centred, centred**2]
    columns = np.column_stack([np.abs(error), pinball, share, case.target, case.score, *squares])

    def figures(total: Array, sums: Array) -> dict[str, Array]:
        *means, squared, middle, spread = sums / total
        spread = spread - middle**2
        names = ("mae", "pinball_loss", "mape", "mean_target", "mean_score")
        r2 = 1 - squared / np.where(spread > 1e-12 * np.mean(centred**2), spread, np.nan)
        return dict(zip(names, means, strict=True)) | {"rmse": unit * np.sqrt(squared), "r2": r2}

    return _sums(lambda rows: columns[rows], figures)


def _unit_of_squares(*values: Array) -> float:
    """What to divide by so that no square overflows: 1 unless a value is beyond 1e150."""
    largest = max(float(np.abs(column).max(initial=0)) for column in values)
    return largest if largest > 1e150 else 1.0


def _deviance(case: Case, power: float) -> Figures:
    """Mean unit deviance of a Poisson (power 1), gamma (2) or compound Poisson-gamma distribution (between; Tweedie
    1984, Jørgensen 1987); undefined with a prediction below 0, and for a target that the distribution can't have."""
    y, mean = case.target, np.where(case.score >= 0, np.maximum(case.score, ROUNDED_TO_ZERO), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        if power == 1:
            y = np.where(y >= 0, y, np.nan)
            half = np.where(y > 0, y * np.log(y / mean), 0) - y + mean
        elif power == 2:
            y = np.where(y > 0, y, np.nan)
            half = np.log(mean / y) + y / mean - 1
        else:
            y = np.where(y >= 0, y, np.nan)
            half = y ** (2 - power) / ((1 - power) * (2 - power))
            half += mean ** (2 - power) / (2 - power) - y * mean ** (1 - power) / (1 - power)
    name = "poisson" if power == 1 else "gamma" if power == 2 else "tweedie"
    return _means({f"{name}_deviance": 2 * half})


def _clipped(chance: Array) -> Array:
    return np.clip(chance, np.finfo(float).eps, None)


Family = Callable[[Case], Figures]


def _each(names: Sequence[str], family: Family) -> dict[str, Family]:
    return dict.fromkeys(names, family)


# Besides the metrics of `tasks.METRICS`, the shares and means that describe a slice.
FAMILIES: dict[Task, dict[str, Family]] = {
    "binary": _each(["roc_auc", "average_precision"], _ranking)
    | _each(["log_loss", "brier_score", "positive_rate", "mean_score"], _probabilities)
    | _each(["calibration_error"], _calibration)
    | _each(["f1", "precision", "recall"], _decisions),
    "multiclass": _each(["macro_f1", "balanced_accuracy", "accuracy"], _classes) | _each(["log_loss"], _class_loss),
    "regression": _each(["rmse", "mae", "r2", "pinball_loss", "mape", "mean_target", "mean_score"], _errors)
    | {
        "poisson_deviance": partial(_deviance, power=1),
        "gamma_deviance": partial(_deviance, power=2),
        "tweedie_deviance": partial(_deviance, power=TWEEDIE_POWER),
    },
}
