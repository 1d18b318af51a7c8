"""The test rows as a model scored them: the basis of every later comparison."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.core.errors import PipelineError
from pipeline.core.files import replacing
from pipeline.core.tasks import DEVIANCES, METRICS, Task

SLICE, SENSITIVE, SETTINGS = "slice:", "sensitive:", b"pipeline"


@dataclass(frozen=True)
class Scored:
    """Rows with target (n,), score (n,) or (n, classes) and keys (n,); slices and sensitive hold one label a row."""

    task: Task
    target: npt.NDArray[np.float64]  # binary 0 or 1, multiclass the class's place in classes, regression the value
    score: npt.NDArray[np.float64]
    keys: npt.NDArray[Any]
    classes: tuple[str, ...] = ()
    threshold: float | None = None
    quantile: float = 0.5
    slices: pd.DataFrame = field(default_factory=pd.DataFrame)
    sensitive: pd.DataFrame = field(default_factory=pd.DataFrame)
    bins: int = 10  # of the calibration error
    deviance: str | None = None  # regression: the metric that the model's objective minimizes, if it is a deviance

    def __len__(self) -> int:
        return len(self.target)

    def rows(self, selection: npt.NDArray[Any]) -> "Scored":
        """The selected rows only: a mask or positions (n,)."""
        return replace(
            self,
            target=self.target[selection],
            score=self.score[selection],
            keys=self.keys[selection],
            slices=self.slices.iloc[_positions(selection)] if len(self.slices.columns) else self.slices,
            sensitive=self.sensitive.iloc[_positions(selection)] if len(self.sensitive.columns) else self.sensitive,
        )

    def decisions(self) -> npt.NDArray[np.intp]:
        """The predicted class: 0 or 1 by the threshold (binary), the most probable class (multiclass)."""
        if self.task == "multiclass":
            return np.asarray(self.score.argmax(axis=1))
        return (self.score >= (0.5 if self.threshold is None else self.threshold)).astype(np.intp)


def write(path: Path, scored: Scored) -> None:
    """Write the scored rows as Parquet, the settings in its schema; equal rows are equal bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Any] = {"key": scored.keys.astype(str), "target": scored.target}
    if scored.score.ndim == 1:
        columns["score"] = scored.score
    else:
        columns |= {f"score_{place}": scored.score[:, place] for place in range(scored.score.shape[1])}
    for prefix, table in ((SLICE, scored.slices), (SENSITIVE, scored.sensitive)):
        columns |= {f"{prefix}{name}": table[name].astype(str).to_numpy(object) for name in table.columns}
    settings = {name: getattr(scored, name) for name in ("task", "classes", "threshold", "quantile", "bins")}
    if scored.deviance is not None:
        settings["deviance"] = scored.deviance
    table = pa.table(columns).replace_schema_metadata({SETTINGS: json.dumps(settings).encode()})
    with replacing(path) as temporary:
        pq.write_table(table, temporary)


def read(path: Path) -> Scored:
    """The scored rows of a file; PipelineError where it is missing, damaged or no model can give such scores."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path).read()
        settings = json.loads((table.schema.metadata or {})[SETTINGS])
        scored = _scored(table.to_pandas(), settings)
    except FileNotFoundError:
        raise PipelineError(f"{path}: no such file; `make run` makes reports/scores.parquet") from None
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PipelineError(f"{path}: damaged ({reason}); remove it and run `make run`") from None
    if problem := _problem(scored):
        raise PipelineError(f"{path}: {problem}; remove it and run `make run`")
    return scored


def _scored(table: pd.DataFrame, settings: dict[str, Any]) -> Scored:
    class_columns = [str(name) for name in table.columns if str(name).startswith("score_")]
    class_columns.sort(key=lambda name: int(name.removeprefix("score_")))
    score = table[class_columns] if class_columns else table["score"]
    return Scored(
        task=settings["task"],
        target=table["target"].to_numpy(float),
        score=score.to_numpy(float),
        keys=table["key"].to_numpy(str),
        classes=tuple(settings["classes"]),
        threshold=settings["threshold"],
        quantile=settings["quantile"],
        slices=_labels(table, SLICE),
        sensitive=_labels(table, SENSITIVE),
        bins=settings["bins"],
        deviance=settings.get("deviance"),
    )


def _labels(table: pd.DataFrame, prefix: str) -> pd.DataFrame:
    names = [str(name) for name in table.columns if str(name).startswith(prefix)]
    return table[names].astype(str).set_axis([name.removeprefix(prefix) for name in names], axis=1)


def _problem(scored: Scored) -> str | None:
    """Why these scores can't be evaluated, or None; they may come from a run that nobody has reviewed."""
    target, score = scored.target, scored.score
    if scored.task not in METRICS:
        return f"task {scored.task!r} is unknown; allowed: {', '.join(METRICS)}"
    if scored.deviance is not None and (scored.task != "regression" or scored.deviance not in DEVIANCES.values()):
        return f"deviance {scored.deviance!r} is no metric of task {scored.task}"
    if not (np.isfinite(target).all() and np.isfinite(score).all()):
        return "a target or score is missing or infinite"
    if score.ndim != (2 if scored.task == "multiclass" else 1):
        return f"its score columns do not fit task {scored.task}"
    if scored.task != "regression" and not ((score >= 0) & (score <= 1)).all():
        return "a score is no probability"
    top = {"binary": 1, "multiclass": len(scored.classes) - 1}.get(scored.task)
    if top is not None and not (np.isin(target, np.arange(top + 1))).all():
        return "a target is none of the classes"
    if scored.task == "multiclass" and score.shape[1] != len(scored.classes):
        return f"it has {score.shape[1]} score columns for {len(scored.classes)} classes"
    return None


def _positions(selection: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    return np.flatnonzero(selection) if selection.dtype == bool else selection
