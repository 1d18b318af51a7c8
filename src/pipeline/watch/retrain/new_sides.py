"""To which side of the split the added rows fall, and what they are for there."""

import pandas as pd

from pipeline.core.params import Params
from pipeline.markup import markdown
from pipeline.train import split_report
from pipeline.train.stages import split
from pipeline.watch.retrain.outcome import Outcome, Side

SHIPS = "The test rows judge the procedure. The model that ships then learns all rows, the new ones included."
ROLES = {"train": "train", "validation": "validate", "test": "test"}


def sides(added: pd.DataFrame, table: pd.DataFrame, settings: Params) -> dict[str, Side]:
    """The sides of the added rows among all rows of the table, which has them; both in the contract's types.

    With split.time also from when to when each side reaches.
    """
    key, time = settings.data.key, settings.split.time
    new = pd.Series(split.sides_among(added, table, key, settings.split)).value_counts()
    periods = dict[str, dict[str, str]]()
    if time:
        described = split_report.describe(table, split.sides(table, key, settings.split), time)
        periods = {name: {end: described[name][end] for end in ("first", "last")} for name in split_report.SIDES}
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
