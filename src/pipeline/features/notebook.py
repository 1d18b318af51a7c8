"""The features of a table for people: in a notebook, or in a test with a table of three rows."""

from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.data.contract import schema
from pipeline.features import code as codes
from pipeline.features import in_tables, package, plan
from pipeline.features.code import FeatureCode
from pipeline.features.contract_columns import inputs_of


def of_checkout(frame: pd.DataFrame, root: Path) -> pd.DataFrame:
    """The features of a table's rows by the code in `src/project/features/` as it is now."""
    contract, knobs = schema.read(root / schema.PATH), params.read(root / params.PATH)
    source = package.of_project(root)
    names = plan.Names([*contract.columns], knobs.task.target, knobs.data.key)
    made = plan.make(source, names, knobs.features.off)
    states = dict[str, Any]()
    if any(function.fit for function in made.order):
        states = dict(codes.read(root / codes.COPY).states)
    code = FeatureCode(source, made, inputs_of(contract, made.read), states)
    if lacking := [function.name for function in made.order if function.fit and function.name not in states]:
        raise PipelineError(f"{codes.COPY}: has no state of {lacking[0]} yet; `make run` fits it")
    columns = [name for name in contract.columns if name in frame.columns]
    narrow = schema.Schema(columns={name: contract.columns[name] for name in columns})
    inputs = in_tables.arrays(schema.typed(frame, narrow), code.needed)
    values = in_tables.compute(code, inputs, len(frame))
    return pd.DataFrame(values, index=frame.index)
