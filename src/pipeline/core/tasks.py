"""The metrics and objectives of each task: names only, so that checking `params.yaml` imports nothing heavy."""

from typing import Literal

Task = Literal["binary", "multiclass", "regression"]

# Metric: whether higher is better. The first of each task is the usual primary metric of the gate.
METRICS: dict[Task, dict[str, bool]] = {
    "binary": {
        "roc_auc": True,
        "average_precision": True,
        "log_loss": False,
        "brier_score": False,
        "calibration_error": False,
        "f1": True,
        "precision": True,
        "recall": True,
    },
    "multiclass": {"log_loss": False, "macro_f1": True, "balanced_accuracy": True, "accuracy": True},
    "regression": {"rmse": False, "mae": False, "r2": True, "pinball_loss": False, "mape": False},
}

# What the model of an objective for positive targets minimizes: a metric where that objective is trained for.
DEVIANCES = {"poisson": "poisson_deviance", "gamma": "gamma_deviance", "tweedie": "tweedie_deviance"}

# Errors and losses, whose unit is that of their target or of its entropy: a tolerance is a share of them. R² is one of
# them as its squared error. Any other metric is a share or a relative error itself, and its tolerance is absolute.
LOSSES = {"log_loss", "brier_score", "rmse", "mae", "r2", "pinball_loss", *DEVIANCES.values()}
PROBABILITY_LOSSES = {"log_loss", "brier_score"}
OF_EACH_CLASS = {"macro_f1", "balanced_accuracy"}  # as sure as their rarest class is large

# Fairness figures that the gate can have a bound for: whether higher is fairer.
FAIRNESS = {"disparate_impact": True, "equal_opportunity_difference": False, "equalized_odds_difference": False}

# With fewer rows a bootstrap interval is far too short: with one row, or one of a class, it has no width at all.
ENOUGH_ROWS = 20
# Of these metrics the rows of the rarer class must be enough.
OF_TWO_CLASSES = {"roc_auc", "average_precision", "f1", "precision", "recall"}

OBJECTIVES: dict[Task, tuple[str, ...]] = {
    "binary": ("auto", "binary"),
    "multiclass": ("auto", "multiclass"),
    "regression": (
        "auto",
        "regression",
        "regression_l1",
        "huber",
        "quantile",
        "poisson",
        "gamma",
        "tweedie",
    ),
}


def metrics_of(task: Task, deviance: str | None = None) -> tuple[str, ...]:
    """The task's metrics; `deviance` is that of the objective, where it has one."""
    return (*METRICS[task], *([deviance] if deviance else []))


def is_metric(task: Task, metric: str) -> bool:
    """Whether a model of the task can be judged by `metric`, whatever its objective."""
    return metric in METRICS[task] or (task == "regression" and metric in DEVIANCES.values())


def in_production(task: Task, metric: str) -> str:
    """The metric that a prediction log is judged by: of several classes it holds the answer's probability alone."""
    return "accuracy" if (task, metric) == ("multiclass", "log_loss") else metric


def higher_is_better(metric: str) -> bool:
    """Whether a rise of `metric` (or of a fairness figure) is good; KeyError for a name that is neither."""
    if metric in DEVIANCES.values():
        return False
    return {name: higher for names in (*METRICS.values(), FAIRNESS) for name, higher in names.items()}[metric]


def has_interval(metric: str, rows: float, rarer: float | None = None) -> bool:
    """Whether the rows are enough for a bootstrap interval of a metric; `rarer`: the rows of a
    binary target's rarer class, None for another task or where they are unknown."""
    relevant = min(rows, rarer) if rarer is not None and metric in OF_TWO_CLASSES else rows
    return relevant >= ENOUGH_ROWS


LABELS = {
    "roc_auc": "ROC AUC",
    "f1": "F1",
    "macro_f1": "Macro F1",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
    "mape": "MAPE",
    "mae_difference": "MAE difference",
}


def label(metric: str) -> str:
    """The metric's name as shown to people."""
    return LABELS.get(metric, metric.replace("_", " ").capitalize())


def inside(metric: str) -> str:
    """The same within a sentence."""
    return LABELS.get(metric, metric.replace("_", " "))
