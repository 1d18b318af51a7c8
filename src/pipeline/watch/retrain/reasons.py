"""Why the contract refuses rows: the check, how many rows, and for values that are not allowed the line that would."""

from typing import Any

import pandas as pd

from pipeline.core.params import TaskSection
from pipeline.data.contract import widening
from pipeline.data.contract.check import Violation
from pipeline.data.contract.schema import Schema
from pipeline.data.values import conversion
from pipeline.watch.retrain.outcome import Reason

MAX_VALUES = 20  # values of a reason

Broken = tuple[Violation, Any]  # a check, and a mask (rows,) of those that fail it


def reason(table: pd.DataFrame, broken: Broken, contract: Schema, task: TaskSection) -> Reason:
    """What a check refused, in how many rows, and where values are not allowed the line of the contract for them."""
    violation, mask = broken
    result = Reason(column=violation.column, check=violation.check, expected=violation.expected, rows=int(mask.sum()))
    if violation.check != "allowed":
        return result
    column = contract.columns[violation.column]
    counts = conversion.convert(table[violation.column][mask], column.type)[0].value_counts()
    texts = conversion.labels(pd.Series(counts.index[:MAX_VALUES]))
    line = widening.allowing(violation.column, column, counts.index.tolist())
    third_class = task.type == "binary" and violation.column == task.target
    return result.model_copy(
        update={
            "values": dict(zip(texts, map(int, counts), strict=False)),
            # A line that does not look like what it holds is none that people can review.
            "line": line if line.isprintable() and not third_class else None,
        }
    )
