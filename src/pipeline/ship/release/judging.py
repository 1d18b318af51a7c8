"""Judges a model that is to be released, again and with this checkout's code, against the model in production."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.core import params, parquet, report_shapes
from pipeline.core.errors import PipelineError
from pipeline.evaluation import scoring
from pipeline.evaluation.scoring import Scored
from pipeline.models import model
from pipeline.review.baseline import champion as champions
from pipeline.review.baseline.champion import Champion
from pipeline.review.baseline.rebuild import rebuild
from pipeline.review.baseline.scored import ScoredBaseline, as_it_serves, score_baseline
from pipeline.review.gate import command as gate
from pipeline.review.gate import judge as gates
from pipeline.review.gate import procedure
from pipeline.review.gate.verdict import Verdict, worst
from pipeline.ship.release import golden, locked_model
from pipeline.ship.release.golden import Comparison
from pipeline.ship.release.production import Predecessor
from pipeline.ship.release.verdict import ReleaseVerdict
from pipeline.train.stages import evaluate

MAX_SENTENCE, MAX_RULES = 300, 20  # characters of a rule's sentence, and rules, that a release carries


# Of the test rows, that may have another score here than where the model was measured: another processor's vector units
# may round a feature to the neighbouring float32, which a tree's threshold can lie between.
OTHER_SCORES = 0.001


class RefusedError(PipelineError):
    """Nothing was built: the gate fails and nobody overruled it, or it has judged other scores than the model gives."""


@dataclass(frozen=True)
class Judgement:
    """The verdict, what a deployment may expect of the release beside its champion, and the lines for people."""

    verdict: ReleaseVerdict
    comparison: Comparison
    lines: Sequence[str]


def judge(root: Path, predecessor: Predecessor) -> Judgement:
    """Judge the restored model on its test rows; the floors and fairness judge alone where there is no predecessor.

    The scores are made here, by the model itself: those that the lock names came from the run that it was trained in,
    and must be the same. RefusedError where they are not.
    The verdict is on the measured models. What a deployment compares is what both sides serve, so agreement and shift
    are those of the models that ship.
    """
    knobs = params.read(root / params.PATH)
    table = parquet.read(root / locked_model.TEST)
    candidate = evaluate.score(model.load(root / locked_model.MEASURED), table, knobs.evaluate)
    _check_scores(candidate, scoring.read(root / locked_model.SCORES))
    previous, baseline = _baseline(root, predecessor, candidate, table, knobs.task.target)
    reference = _reference(root, knobs, candidate, table)
    verdict = gates.judge(
        candidate, baseline, reference, knobs.gate, report_shapes.read(root / locked_model.QUALITY, "quality")
    )
    # How far the training data drifted is a question for the review of a change.
    rules = tuple(rule for rule in verdict.rules if rule.kind != "data_drift")
    verdict = replace(verdict, rules=rules, verdict=worst(rules))
    shipped = evaluate.score(model.load(root / locked_model.MODELS), table, knobs.evaluate)
    comparison = golden.compare(previous, as_it_serves(previous, baseline, candidate, table, root), shipped)
    lines = [
        *_lines(verdict, predecessor),
        *procedure.note(root / procedure.SIGNATURE),
        *golden.below_floor(comparison, knobs.deploy.min_agreement),
    ]
    return Judgement(_release_verdict(verdict, predecessor, baseline), comparison, lines)


def _check_scores(candidate: Scored, judged: Scored) -> None:
    """RefusedError where the gate judged other scores than the model's own."""
    rows = len(candidate)
    same_rows = len(judged) == rows and judged.score.shape == candidate.score.shape
    if not (same_rows and np.array_equal(judged.keys.astype(str), candidate.keys.astype(str))):
        raise RefusedError(f"refused, nothing was built: {locked_model.SCORES} is of other rows than the test rows")
    differs = (judged.score != candidate.score).reshape(rows, -1).any(axis=1)
    if (count := int(differs.sum())) > OTHER_SCORES * rows:
        key = candidate.keys[np.flatnonzero(differs)[0]]
        raise RefusedError(
            f"refused, nothing was built: the model scores {count:,} of {rows:,} test rows otherwise than "
            f"{locked_model.SCORES}, by which the gate judged it (first: {key}); measure it again, and review its code"
        )


def _baseline(
    root: Path, predecessor: Predecessor, candidate: Scored, table: pd.DataFrame, target: str
) -> tuple[Champion, ScoredBaseline]:
    """The predecessor's model, trained again where its bytes are unavailable, and its scores."""
    if not predecessor.revision:
        none = Champion("none", "", predecessor.sentence)
        return none, ScoredBaseline("", "none", reason=predecessor.sentence)
    previous = _with_files(champions.find(predecessor.revision, root), root)
    scored = score_baseline(previous, candidate, target, lambda: table, root)
    return previous, replace(scored, name=predecessor.revision[:7])


def _with_files(champion: Champion, root: Path) -> Champion:
    """The champion with its files; where they can't be had, `reason` says why, and the gate warns."""
    if champion.state != "missing" or not champion.hashes:
        return champion
    try:
        return rebuild(champion, root)
    except PipelineError as problem:
        return replace(champion, reason=str(problem).splitlines()[0])


def _reference(root: Path, knobs: params.Params, candidate: Scored, table: pd.DataFrame) -> ScoredBaseline | None:
    name = knobs.gate.reference
    if name is None:
        return None
    champion = _with_files(champions.find(name, root), root)
    return score_baseline(champion, candidate, knobs.task.target, lambda: table, root)


def _release_verdict(verdict: Verdict, predecessor: Predecessor, baseline: ScoredBaseline) -> ReleaseVerdict:
    failing, warnings = (
        [gate.one_line(rule)[:MAX_SENTENCE] for rule in verdict.rules if rule.verdict == outcome][:MAX_RULES]
        for outcome in ("fail", "warn")
    )
    return ReleaseVerdict(
        outcome=verdict.verdict,
        failing=failing,
        warnings=warnings,
        origin=predecessor.origin,
        commit=predecessor.revision,
        model=predecessor.model,
        serves=predecessor.origin == "ledger" and baseline.state == "same",
    )


def _lines(verdict: Verdict, predecessor: Predecessor) -> list[str]:
    return [f"judged against {predecessor.sentence}", *gate.summary(verdict)]
