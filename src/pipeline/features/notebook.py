"""The features of a table for people: in a notebook, or in a test with a table of three rows."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.data.contract import schema
from pipeline.features import checkout, fitting, in_tables
from pipeline.features import code as codes


def of_checkout(frame: pd.DataFrame, root: Path, fit_on: pd.DataFrame | None = None) -> pd.DataFrame:
    """The features of a table's rows by the code in `src/project/features/` as it is now; as `features.table`."""
    contract, knobs = schema.read(root / schema.PATH), params.read(root / params.PATH)
    code = checkout.unfitted(contract, knobs.data, knobs.task, knobs.features, root)
    if fit_on is not None:
        needed = {name: code.inputs[name] for name in fitting.columns_of_fits(code)}
        code = fitting.fit(code, in_tables.arrays(_typed(fit_on, contract), needed))
    elif any(function.fit for function in code.plan.order):
        code = replace(code, states=codes.read(root / codes.COPY).states)
    lacking = [function.name for function in code.plan.order if function.fit and function.name not in code.states]
    if lacking:
        raise PipelineError(f"{codes.COPY}: has no state of {lacking[0]} yet; `make run` fits it")
    inputs = in_tables.arrays(_typed(frame, contract), code.needed)
    return pd.DataFrame(in_tables.compute(code, inputs, len(frame)), index=frame.index)


def _typed(frame: pd.DataFrame, contract: schema.Schema) -> pd.DataFrame:
    columns = {name: column for name, column in contract.columns.items() if name in frame.columns}
    return schema.typed(frame, schema.Schema(columns=columns))
