"""Whether the pipeline can train on the data with its new batches, before anything is written."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from pipeline.core import parquet
from pipeline.core.errors import PipelineError
from pipeline.core.params import Params, TaskSection
from pipeline.data.contract import check as contract_check
from pipeline.data.contract import schema
from pipeline.data.contract.schema import Schema
from pipeline.data.contract.target import value_problems
from pipeline.data.source import table as tables
from pipeline.data.source.sources import Source
from pipeline.features import checkout
from pipeline.features.code import FeatureCode
from pipeline.models import matrix
from pipeline.train.stages import features, split


def check(source: Source, staged: Mapping[str, Path], contract: Schema, settings: Params) -> pd.DataFrame:
    """All rows in the contract's types; PipelineError where `make run` would fail on them, with the line that it says.

    `staged`: where this machine has the batches that are not in the store yet, by their paths there.
    """
    try:
        text = schema.text_columns(contract)
        table = parquet.to_pandas(tables.read(source, settings.data, text, staged=staged)[0])
        _check_contract(table, contract, settings.task)
        table = schema.typed(table, contract)
        _check_learning(table, contract, settings)
    except PipelineError as error:
        problem = str(error).splitlines()[0]
        raise PipelineError(f"nothing was added, as `make run` would fail with these rows: {problem}") from None
    return table


def _check_contract(table: pd.DataFrame, contract: Schema, task: TaskSection) -> None:
    for violation in contract_check.violations(table, contract, task):
        raise PipelineError(
            f"column {violation.column}: {violation.count:,} rows break {schema.PATH}: {violation.check}, expected "
            f"{violation.expected}"
        )


def _check_learning(table: pd.DataFrame, contract: Schema, settings: Params) -> None:
    target, key, time = settings.task.target, settings.data.key, settings.split.time
    for problem in value_problems(table[target], settings.task):
        raise PipelineError(problem)
    train = table[split.sides(table, key, settings.split) == "train"]
    code = _feature_code(table, train, contract, settings)
    learned = [train]
    learned += [table] if settings.train.refits(settings.split) else []  # the model that ships learns all rows
    for rows in learned:
        matrix.learn(rows, settings.features, {name for name in (key, target, time) if name}, code)


def _feature_code(table: pd.DataFrame, train: pd.DataFrame, contract: Schema, settings: Params) -> FeatureCode | None:
    """The project's feature code, fitted and tried on every row: new ones may lack a column that was added later."""
    code = checkout.unfitted(contract, settings.data, settings.task, settings.features)
    if not code.features:
        return None
    code = features.fitted(code, train, settings.data.key)
    features.check(code, table)
    return code
