"""The judge: scores and bounds in, a verdict out. It reads no file and runs nothing."""

from typing import Any

from pipeline.evaluation.scoring import Scored
from pipeline.gate import data, fairness, floors, regression, slices
from pipeline.gate.opponent import Opponent, common
from pipeline.gate.verdict import Rule, Verdict, worst
from pipeline.params import Gate

Pair = tuple[Scored, Scored]


def judge(
    candidate: Scored,
    champion: Opponent,
    reference: Opponent | None,
    gate: Gate,
    data_quality: dict[str, Any] | None,
    drift: dict[str, Any] | None = None,
    *,
    inform: bool = True,
) -> Verdict:
    """The verdict on a candidate; the worst rule decides.

    `drift` is that of the training data against the champion's; `inform` adds the metrics that judge nothing.
    PipelineError where scores can't be matched by key.
    """
    candidate = candidate.rows(candidate.keys.argsort(kind="stable"))
    pair = _pair(candidate, champion)
    both = (candidate, candidate) if champion.state == "same" else pair
    found = (
        *rules(candidate, champion, pair, gate),
        *_reference(candidate, reference, gate),
        data.quality(data_quality),
        data.drift(drift, gate),
    )
    return Verdict(
        verdict=worst(found),
        rows=len(candidate),
        compared=len(both[0]) if both else 0,
        champion=champion.name if champion.state in {"scored", "same"} else "",
        rules=found,
        metrics=regression.metrics(candidate, both, gate) if inform else (),
    )


def rules(candidate: Scored, champion: Opponent, pair: Pair | None, gate: Gate) -> list[Rule]:
    """What is judged on the scores: floors, no regression, slices, fairness."""
    return [
        _introduce(champion, "champion", len(candidate), pair),
        *floors.rules(candidate, gate),
        *([regression.rule(f"no regression {gate.primary}", champion.name, *pair, gate)] if pair else []),
        *(slices.rules(*pair, gate) if pair else []),
        *fairness.rules(candidate, _known(candidate, champion, pair), gate),
    ]


def _pair(candidate: Scored, opponent: Opponent) -> Pair | None:
    pair = common(candidate, opponent.scored) if opponent.scored is not None else None
    return pair if pair and len(pair[0]) else None


def _known(candidate: Scored, champion: Opponent, pair: Pair | None) -> Scored | None:
    """The scores that say which unfairness the champion has already."""
    return candidate if champion.state == "same" else pair[1] if pair else None


def _reference(candidate: Scored, reference: Opponent | None, gate: Gate) -> list[Rule]:
    if reference is None:
        return []
    pair = _pair(candidate, reference)
    introduced = _introduce(reference, "reference", len(candidate), pair)
    name = f"no regression {gate.primary} since {reference.name}"
    return [introduced, *([regression.rule(name, reference.name, *pair, gate)] if pair else [])]


def _introduce(opponent: Opponent, role: str, rows: int, pair: Pair | None) -> Rule:
    """Who the candidate is compared with, or why nobody: not having one yet is fine, not getting at it is not."""
    alone = "floors and fairness judge alone"
    if opponent.state == "same":
        return Rule(role, "pass", f"same model as {opponent.name}: no change")
    if opponent.state == "none":
        return Rule(role, "note", f"no {role} yet ({opponent.reason}): {alone}")
    if opponent.state != "scored" or pair is None:
        why = opponent.reason or "no row that it can be judged on"
        return Rule(role, "warn", f"{opponent.name} can't be compared with ({why}): {alone}")
    compared = len(pair[0])
    on = (
        f"{compared:,} test rows"
        if compared == rows
        else f"{compared:,} of {rows:,} test rows (not trained on the others)"
    )
    rebuilt = f"; {opponent.reason}" if opponent.reason else ""
    return Rule(role, "warn" if rebuilt else "note", f"{opponent.name}, scored again on the same {on}{rebuilt}")
