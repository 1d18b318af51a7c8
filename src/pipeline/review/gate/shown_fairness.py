"""Fairness beside the champion's, shown and not judged where there are no bounds: several classes, a regression, and a
binary model without `gate.fairness`."""

from collections.abc import Mapping

import numpy as np

from pipeline.core.params import Gate
from pipeline.evaluation import fairness, group_metrics
from pipeline.evaluation.bootstrap import Estimate
from pipeline.evaluation.scoring import Scored
from pipeline.review.gate.verdict import Rule, Subject


def rules(candidate: Scored, pair: tuple[Scored, Scored] | None, gate: Gate) -> list[Rule]:
    """A note for each figure of each sensitive column with at least two groups.

    `pair`: candidate and champion on the rows that both can be judged on.
    """
    shown, champion = pair or (candidate, None)
    rows = f" (on the {len(shown):,} test rows that both can be judged on)" if len(shown) < len(candidate) else ""
    notes = list[Rule]()
    for column in map(str, candidate.sensitive.columns):
        if shown.sensitive[column].nunique() > 1:
            values = _values(champion, column) if champion else {}
            for figure, estimate in _estimates(shown, column, gate).items():
                notes.append(_note(column, figure, estimate, values.get(figure, np.nan), f"shown, not judged{rows}"))
    return notes


def _estimates(scored: Scored, column: str, gate: Gate) -> Mapping[str, Estimate]:
    groups = scored.sensitive[column]
    if scored.task == "binary":
        _, counts = fairness.cells(scored.target, scored.decisions(), groups)
        return fairness.estimates(counts, gate.bootstrap, gate.confidence, gate.seed)
    return group_metrics.differences(scored, groups, gate.bootstrap, gate.confidence, gate.seed)


def _values(scored: Scored, column: str) -> Mapping[str, float]:
    groups = scored.sensitive[column]
    if scored.task == "binary":
        _, counts = fairness.cells(scored.target, scored.decisions(), groups)
        return {name: float(value) for name, value in fairness.figures(counts).items()}
    return group_metrics.point_differences(scored, groups)


def _note(column: str, figure: str, estimate: Estimate, champion: float, sentence: str) -> Rule:
    return Rule(
        "fairness",
        "note",
        sentence,
        estimate.value,
        estimate.lower,
        estimate.upper,
        subject=Subject(figure, column),
        champion=None if np.isnan(champion) else champion,
    )
