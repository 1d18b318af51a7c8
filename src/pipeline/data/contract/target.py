"""Whether the target is what the task predicts: by the contract before any work, then by the values."""

from typing import TYPE_CHECKING, Any

from pipeline.core import lookalikes
from pipeline.core.errors import listed
from pipeline.core.params import TaskSection
from pipeline.data.contract.schema import PATH, Schema

if TYPE_CHECKING:
    import pandas as pd

NUMERIC = ("integer", "number")
MANY = 50  # classes that are numbers: with more of them the target is perhaps a quantity


def contract_problems(task: TaskSection, schema: Schema) -> list[str]:
    """One line for each value of the task that does not fit the target's column in the contract."""
    column = schema.columns.get(task.target)
    if column is None:
        return []
    if task.type == "regression" and column.type not in NUMERIC:
        return [
            f"params.yaml: task.type: is regression, and {PATH} says that {task.target} is {column.type}; "
            f"{_number_advice(column.type)}"
        ]
    if task.type == "binary" and column.allowed is not None:
        classes = [_text(value) for value in column.allowed]
        if _text(task.positive) not in classes:
            return [_never_positive(task, classes, f"{PATH} allows")]
    return []


def value_problems(values: "pd.Series[Any]", task: TaskSection) -> list[str]:
    """One line for each value of the task that does not fit the target's values, which have the contract's type."""
    from pandas.api import types

    from pipeline.data.values import conversion

    present = values.dropna()
    numeric = types.is_numeric_dtype(present) and not types.is_bool_dtype(present)
    if task.type == "regression":
        if not numeric:
            return [f"params.yaml: task.type: is regression, and {task.target} holds no numbers; set another task.type"]
        constant = len(present) and present.nunique() == 1
        problem = "every row has the same value; there is nothing to learn: choose another task.target"
        return [f"target {task.target}: {problem}"] if constant else []
    classes = [str(text) for text in conversion.labels(present.drop_duplicates().sort_values())]
    problems = []
    if len(classes) == 1:
        problems.append(
            f"target {task.target}: has one class only ({listed(classes)}); a model needs at least two: add rows of "
            "another, or choose another task.target"
        )
    if task.type == "multiclass" and numeric and len(classes) > MANY:
        problems.append(many_classes(task.target, len(classes)))
    if task.type == "binary" and len(classes) > 2:
        problems.append(
            f"params.yaml: task.type: is binary, and {task.target} has {len(classes):,} classes ({listed(classes)}); "
            f"set it to {'multiclass or regression' if numeric else 'multiclass'} and task.positive to null, or make "
            "two classes of them in the source"
        )
    elif task.type == "binary" and classes and _text(task.positive) not in classes:
        problems.append(_never_positive(task, classes, "its rows hold"))
    return problems


def many_classes(target: str, count: int) -> str:
    """The line for numbers that are taken for classes, and are perhaps none."""
    return (
        f"params.yaml: task.type: is multiclass, and {target} holds {count:,} different numbers; if they are amounts, "
        f"set it to regression; if each is a class, declare {target} as category in {PATH}"
    )


def _never_positive(task: TaskSection, classes: list[str], source: str) -> str:
    same = lookalikes.twin(_text(task.positive), classes)
    hint = f"; one that looks the same is written {same!a}: copy it" if same is not None else ""
    return (
        f"params.yaml: task.positive: is {task.positive!r}, which {task.target} never is: {source} {listed(classes)}; "
        f"set it to the one whose probability is predicted{hint}"
    )


def _number_advice(kind: str) -> str:
    if kind in ("category", "text"):
        return (
            "set it to multiclass or binary, or write plain numbers such as 1234.5 in the source (no currency, no "
            "thousands separator) and declare the column as number"
        )
    return (
        "regression needs integer or number" if kind == "date" else "set it to binary, or declare the column as integer"
    )


def _text(value: Any) -> str:
    """A value of YAML as `conversion.labels` has it, without pandas."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
