"""Whether the pipeline can train on the data with its new batches, before anything is written."""

from collections.abc import Mapping
from pathlib import Path

from pipeline.core import parquet
from pipeline.core.errors import PipelineError
from pipeline.core.params import Params
from pipeline.data.contract import check as contract_check
from pipeline.data.contract import schema, target
from pipeline.data.contract.schema import Schema
from pipeline.data.source import table as tables
from pipeline.data.source.sources import Source
from pipeline.models import matrix
from pipeline.train.stages import split


def check(source: Source, staged: Mapping[str, Path], contract: Schema, settings: Params) -> None:
    """PipelineError where `make run` would fail on this data, with the line that it would say.

    `staged`: where this machine has the batches that are not in the store yet, by their paths there.
    """
    try:
        _check(source, staged, contract, settings)
    except PipelineError as error:
        problem = str(error).splitlines()[0]
        raise PipelineError(f"nothing was added, as `make run` would fail with these rows: {problem}") from None


def _check(source: Source, staged: Mapping[str, Path], contract: Schema, settings: Params) -> None:
    task, key, time = settings.task, settings.data.key, settings.split.time
    table = parquet.to_pandas(tables.read(source, settings.data, schema.text_columns(contract), staged=staged)[0])
    for violation in contract_check.violations(table, contract, task):
        raise PipelineError(
            f"column {violation.column}: {violation.count:,} rows break {schema.PATH}: {violation.check}, expected "
            f"{violation.expected}"
        )
    table = schema.typed(table, contract)
    for problem in target.value_problems(table[task.target], task):
        raise PipelineError(problem)
    train = table[split.sides(table, key, settings.split) == "train"]
    matrix.learn(train, settings.features, {name for name in (key, task.target, time) if name})
