"""Fairness: how differently a binary model decides for the groups of a sensitive column, against its bounds.

Where a champion scored the same rows, both models are compared on these: figures of other rows say nothing about which
of two models is fairer.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.core.params import Gate, GateFairness
from pipeline.core.tasks import FAIRNESS, higher_is_better
from pipeline.evaluation import fairness
from pipeline.evaluation.bootstrap import Estimate
from pipeline.evaluation.scoring import Scored
from pipeline.review.gate import shown_fairness
from pipeline.review.gate.verdict import Mark, Rule, Subject

Counts = fairness.Counts
UNDEFINED = "undefined: no row of these groups is selected, or none could be"


@dataclass(frozen=True)
class Groups:
    """Those of a column that are large enough to judge, their counts (groups, 2, 2), and the names of the others."""

    names: tuple[str, ...]
    counts: Counts
    small: tuple[str, ...]


def rules(candidate: Scored, pair: tuple[Scored, Scored] | None, gate: Gate) -> list[Rule]:
    """Three rules for each sensitive column; a gap that the champion has too is no reason to fail.

    `pair`: candidate and champion on the rows that both can be judged on. Without bounds the figures are shown alone.
    """
    if gate.fairness is None or candidate.task != "binary":
        return shown_fairness.rules(candidate, pair, gate)
    return [
        rule
        for column in candidate.sensitive.columns
        for rule in _column(str(column), candidate, pair, gate, gate.fairness)
    ]


def _column(
    column: str, candidate: Scored, pair: tuple[Scored, Scored] | None, gate: Gate, bounds: GateFairness
) -> list[Rule]:
    all_rows = _groups(candidate, column, bounds)
    common = _groups(pair[0], column, bounds) if pair else all_rows
    # Too few rows in common: the bounds still hold for all rows, and the champion excuses nothing.
    judged, compared = (common, pair) if len(common.names) > 1 else (all_rows, None)
    left_out = f"; too small to judge: {', '.join(judged.small)}" if judged.small else ""
    if len(judged.names) < 2:
        sentence = f"not judged: fewer than two groups are large enough{left_out}"
        return [Rule("fairness", "note", sentence, subject=Subject(column=column))]
    estimates = _estimates(judged, gate)
    whole, note = dict[str, Estimate](), left_out
    if compared and len(compared[0]) < len(candidate):
        whole = _estimates(all_rows, gate)
        note = f" (on the {len(compared[0]):,} test rows that both can be judged on){left_out}"
    baseline = _champion_values(compared[1], column, judged.names) if compared else {}
    return [
        _rule(column, name, estimates[name], whole.get(name), baseline.get(name, np.nan), getattr(bounds, name), note)
        for name in FAIRNESS
    ]


def _groups(scored: Scored, column: str, bounds: GateFairness) -> Groups:
    names, counts = fairness.cells(scored.target, scored.decisions(), scored.sensitive[column])
    negatives, positives = counts.sum(axis=2).T
    large = (positives >= bounds.min_positives) & (negatives >= bounds.min_negatives)
    kept = tuple(name for name, is_large in zip(names, large, strict=True) if is_large)
    return Groups(kept, counts[large], tuple(name for name in names if name not in kept))


def _estimates(groups: Groups, gate: Gate) -> dict[str, Estimate]:
    return fairness.estimates(groups.counts, gate.bootstrap, gate.confidence, gate.seed)


def _champion_values(champion: Scored, column: str, groups: tuple[str, ...]) -> dict[str, float]:
    """The champion's figures over the same groups."""
    names, counts = fairness.cells(champion.target, champion.decisions(), champion.sensitive[column])
    shared = [index for index, name in enumerate(names) if name in groups]
    return {name: float(value) for name, value in fairness.figures(counts[shared]).items()} if shared else {}


def _rule(
    column: str, figure: str, estimate: Estimate, whole: Estimate | None, baseline: float, bound: float, note: str
) -> Rule:
    """`whole`: the figure on all test rows, where `estimate` is of the rows that the champion scored as well."""
    mark, sentence = _outcome(figure, estimate, baseline, bound)
    if mark in ("pass", "warn") and whole is not None and _is_beyond(figure, whole, bound):
        mark, sentence = _beyond_on_all_rows(figure, whole, baseline, bound)
    figures = estimate.value, estimate.lower, estimate.upper, bound
    champion = None if np.isnan(baseline) else baseline
    return Rule("fairness", mark, sentence + note, *figures, Subject(figure, column), champion=champion)


def _outcome(figure: str, estimate: Estimate, baseline: float, bound: float) -> tuple[Mark, str]:
    """The interval decides; what is beyond the bound, but not clearly worse than the champion, warns."""
    if np.isnan([estimate.value, estimate.lower, estimate.upper]).any():
        return "note", UNDEFINED
    sign = _sign(figure)
    if sign * estimate.value <= sign * bound:
        return "pass", "within the bound"
    if not _is_beyond(figure, estimate, bound):
        return "warn", "beyond the bound, but these rows can't tell for sure"
    if sign * baseline > sign * bound and not _is_beyond(figure, estimate, baseline):
        return "warn", f"beyond the bound, but so is the champion ({baseline:.3g})"
    return "fail", "the whole interval lies beyond the bound"


def _beyond_on_all_rows(figure: str, whole: Estimate, baseline: float, bound: float) -> tuple[Mark, str]:
    """The finding where the rows in common leave a doubt that all test rows do not."""
    sentence = f"on all test rows the whole interval lies beyond the bound ({whole.lower:.3g} to {whole.upper:.3g})"
    if _sign(figure) * baseline > _sign(figure) * bound:
        return "warn", f"{sentence}, but the champion is beyond it too ({baseline:.3g})"
    return "fail", sentence


def _is_beyond(figure: str, estimate: Estimate, bound: float) -> bool:
    """Whether the whole interval is less fair than the bound; never where it is undefined."""
    nearest = estimate.upper if higher_is_better(figure) else estimate.lower
    return bool(_sign(figure) * nearest > _sign(figure) * bound)


def _sign(figure: str) -> int:
    """Turns the figures so that higher is less fair."""
    return -1 if higher_is_better(figure) else 1
