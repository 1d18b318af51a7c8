"""The judge: scores and bounds in, a verdict out. It reads no file and runs nothing."""

from typing import Any, Literal

from pipeline.core.params import Gate
from pipeline.evaluation.scoring import Scored
from pipeline.evaluation.seed_spread import SeedSpread
from pipeline.review.baseline.scored import ScoredBaseline, common
from pipeline.review.gate import data_rules, fairness_rules, floors, no_regression, slice_rules, thresholds
from pipeline.review.gate.verdict import Rule, Verdict, worst

Pair = tuple[Scored, Scored]


def judge(
    candidate: Scored,
    champion: ScoredBaseline,
    reference: ScoredBaseline | None,
    gate: Gate,
    data_quality: dict[str, Any] | None,
    drift: data_rules.DriftReport | None = None,
    *,
    spread: SeedSpread | None = None,
    inform: bool = True,
) -> Verdict:
    """The verdict on a candidate; the worst rule decides.

    `drift` is that of the training data against the champion's; `spread` is that of several seeds, where it was
    measured for the primary metric; `inform` adds metrics that no rule judges.
    PipelineError where scores can't be matched by key.
    """
    candidate = candidate.rows(candidate.keys.argsort(kind="stable"))
    pair = _pair(candidate, champion)
    compared = (candidate, candidate) if champion.state == "same" else pair
    own, other = compared or (candidate, None)
    all_rules = (
        *rules(candidate, champion, pair, gate),
        *_reference(candidate, reference, gate),
        *([no_regression.tolerance_rule(pair[1], champion.name, gate, spread)] if pair and spread else []),
        data_rules.quality(data_quality),
        *data_rules.leaks(data_quality),
        data_rules.drift(drift, gate),
    )
    return Verdict(
        verdict=worst(all_rules),
        rows=len(candidate),
        compared=len(compared[0]) if compared else 0,
        champion=champion.name if champion.state in {"scored", "same"} else "",
        rules=all_rules,
        metrics=no_regression.metrics(candidate, compared, gate) if inform else (),
        thresholds=thresholds.compare(own, other, gate) if inform else None,
    )


def rules(candidate: Scored, champion: ScoredBaseline, pair: Pair | None, gate: Gate) -> list[Rule]:
    """The rules on the scores: floors, no regression, slices, fairness."""
    return [
        _comparison(champion, "champion", len(candidate), pair),
        *floors.rules(candidate, gate),
        *([no_regression.rule("regression", champion.name, *pair, gate)] if pair else []),
        *(slice_rules.rules(champion.name, *pair, gate) if pair else []),
        *fairness_rules.rules(candidate, (candidate, candidate) if champion.state == "same" else pair, gate),
    ]


def _pair(candidate: Scored, baseline: ScoredBaseline) -> Pair | None:
    pair = common(candidate, baseline.scored) if baseline.scored is not None else None
    return pair if pair and len(pair[0]) else None


def _reference(candidate: Scored, reference: ScoredBaseline | None, gate: Gate) -> list[Rule]:
    if reference is None:
        return []
    pair = _pair(candidate, reference)
    comparison = _comparison(reference, "reference", len(candidate), pair)
    return [comparison, *([no_regression.rule("reference_regression", reference.name, *pair, gate)] if pair else [])]


def _comparison(baseline: ScoredBaseline, role: Literal["champion", "reference"], rows: int, pair: Pair | None) -> Rule:
    """What the candidate is compared with. No baseline yet is a note; one that can't be scored is a warning."""
    alone = "floors and fairness judge alone"
    if baseline.state == "same":
        return Rule(role, "pass", f"same model as {baseline.name}: no change", baseline=baseline.name)
    if baseline.state == "none":
        return Rule(role, "note", f"no {role} yet ({baseline.reason}): {alone}", baseline=baseline.name)
    if baseline.state != "scored" or pair is None:
        reason = baseline.reason or "no row that it can be judged on"
        return Rule(role, "warn", f"no comparison with {baseline.name} ({reason}): {alone}", baseline=baseline.name)
    compared = len(pair[0])
    test_rows = (
        f"{compared:,} test rows"
        if compared == rows
        else f"{compared:,} of {rows:,} test rows (its training saw the others)"
    )
    reason = f"; {baseline.reason}" if baseline.reason else ""
    sentence = f"{baseline.name}, scored again on the same {test_rows}{reason}"
    return Rule(role, "warn" if reason else "note", sentence, baseline=baseline.name)
