"""Groups, as main defines them: the slices and sensitive columns that a measurement must have scores for."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.core.params import Evaluate, Gate
from pipeline.evaluation.scoring import Scored
from pipeline.review.gate.verdict import Kind, Rule, Subject

if TYPE_CHECKING:
    import pandas as pd


def select(scored: Scored, slices: Iterable[str], sensitive: Iterable[str]) -> Scored:
    """The scores with these columns of groups alone, where present: each further group would weaken the other tests."""
    return replace(scored, slices=_select(scored.slices, slices), sensitive=_select(scored.sensitive, sensitive))


def missing(scored: Scored, gate: Gate, evaluate: Evaluate) -> list[Rule]:
    """A rule that fails for each column that main judges and the scores lack; `gate` and `evaluate` are main's."""
    judged: dict[Kind, tuple[Iterable[str], pd.DataFrame]] = {
        "slice": (evaluate.slices if gate.slices else (), scored.slices),
        "fairness": (evaluate.sensitive if gate.fairness else (), scored.sensitive),
    }
    sentence = "is judged in main and the measurement has no scores for it"
    return [
        Rule(kind, "fail", f"{column} {sentence}", subject=Subject(column=column))
        for kind, (columns, table) in judged.items()
        for column in columns
        if column not in table.columns
    ]


def _select(table: "pd.DataFrame", columns: Iterable[str]) -> "pd.DataFrame":
    return table[[column for column in columns if column in table.columns]]
