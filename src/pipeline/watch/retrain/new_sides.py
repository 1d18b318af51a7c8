"""To which side of the split the added rows fall, and what they are for there."""

from collections.abc import Callable

import pandas as pd

from pipeline.core import parquet
from pipeline.core.errors import PipelineError
from pipeline.core.params import Params
from pipeline.data.contract import schema
from pipeline.data.source import readers, sources
from pipeline.data.source import table as tables
from pipeline.data.source.sources import File
from pipeline.markup import markdown
from pipeline.train import split_report
from pipeline.train.stages import split
from pipeline.watch.retrain.outcome import Outcome, Side

SHIPS = "The test rows judge the procedure. The model that ships then learns all rows, the new ones included."
ROLES = {"train": "train", "validation": "validate", "test": "test"}


def with_sides(outcome: Outcome, settings: Params, say: Callable[[str], None]) -> Outcome:
    """The outcome with the sides of its batch's rows; unchanged, and a line about it, where they can't be split."""
    if outcome.batch is None:
        return outcome
    try:
        sides = _sides(outcome.batch, settings)
    except PipelineError as error:
        say(f"the added rows can't be split: {error}")
        return outcome
    return outcome.model_copy(update={"sides": sides, "refits": settings.train.refits(settings.split)})


def _sides(batch: File, settings: Params) -> dict[str, Side]:
    contract = schema.read(schema.PATH)
    local = readers.read(sources.ensure_local(batch), batch.path, sources.extension(batch.path), settings.data)
    added = schema.typed(parquet.to_pandas(local), contract)
    everything, periods = added, dict[str, dict[str, str]]()
    if settings.split.time:
        whole, _ = tables.read(sources.read(sources.FINGERPRINT), settings.data)
        everything = schema.typed(parquet.to_pandas(whole), contract)
        side = split.sides(everything, settings.data.key, settings.split)
        described = split_report.describe(everything, side, settings.split.time)
        periods = {name: {end: described[name][end] for end in ("first", "last")} for name in split_report.SIDES}
    new = pd.Series(split.sides_among(added, everything, settings.data.key, settings.split)).value_counts()
    return {name: Side(new=int(new.get(name, 0)), **periods.get(name, {})) for name in split_report.SIDES}


def lines(outcome: Outcome) -> list[str]:
    """The sides for the terminal."""
    if not outcome.sides:
        return []
    sides = [f"{side.new:,} to {ROLES[name]}{_period(side)}" for name, side in outcome.sides.items()]
    ships = ["the model that ships learns all of them"] if outcome.refits else []
    return [f"of the new rows {', '.join(sides)}", *ships]


def section(outcome: Outcome) -> list[str]:
    """The sides as parts of the pull request's text."""
    if not outcome.sides:
        return []
    rows = [(f"to {ROLES[name]}", side.new, _period(side).strip(" ()")) for name, side in outcome.sides.items()]
    by_time = any(side.first for side in outcome.sides.values())
    header = ("what they are for", "new rows", "period of that side")
    columns = len(header) if by_time else 2
    return [
        markdown.table(header[:columns], [row[:columns] for row in rows], "lrl"),
        *([SHIPS] if outcome.refits else []),
    ]


def _period(side: Side) -> str:
    return f" ({side.first} to {side.last})" if side.first else ""
