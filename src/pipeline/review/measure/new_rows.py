"""To which side of the split the rows fall that main's data do not have."""

from pathlib import Path

import numpy as np

from pipeline.core import params, parquet
from pipeline.data.contract import schema
from pipeline.review.measure import raw_data
from pipeline.train.split_report import SIDES
from pipeline.train.stages import split


def count(main: Path, current: Path, knobs: params.Params) -> dict[str, int]:
    """The number of new rows by side; both tables are raw. PipelineError where one of them can't be split."""
    table = schema.typed(parquet.read(current), schema.read(schema.PATH))
    side = split.sides(table, knobs.data.key, knobs.split)
    is_new = raw_data.is_new(main, current, knobs.data.key)
    return {name: int(np.sum(is_new & (side == name))) for name in SIDES}
