"""The verdict on a measurement that nobody need trust, by main's bounds and main's groups."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pipeline.core import params
from pipeline.core.errors import PipelineError, listed
from pipeline.core.tasks import METRICS
from pipeline.evaluation.scoring import Scored
from pipeline.review.baseline.scored import ScoredBaseline
from pipeline.review.gate import data, groups, judges, project_tests
from pipeline.review.gate import judge as gates
from pipeline.review.gate.verdict import Rule, Verdict, worst
from pipeline.review.measure import model_tests
from pipeline.review.measure.measurement import Bundle, Champion
from pipeline.review.untrusted import scores as untrusted_scores

# A failure before any stage, by what `measure` calls its step.
STEPS = {"params": "params.yaml was refused", "source": "the data source can't be used"}
SAME = "same model as main: no change"


def judge(bundle: Bundle, gate: params.Gate, evaluate: params.Evaluate, judges_changed: Sequence[str]) -> Verdict:
    """The verdict by main's bounds and groups; where `judges_changed` names something, only a person can accept it.

    PipelineError, in one line, where the measurement is not one that a run of this pipeline leaves.
    """
    verdict = _judged(bundle, gate, evaluate)
    rules = (*verdict.rules, *judges.rules(judges_changed))
    return replace(verdict, verdict=worst(rules), rules=rules)


def _judged(bundle: Bundle, gate: params.Gate, evaluate: params.Evaluate) -> Verdict:
    measured = bundle.measurement
    if measured.outcome == "failed":
        stage = measured.failure.stage if measured.failure else "unknown"
        return _plain(Rule("stages", "fail", STEPS.get(stage, f"stage {stage} failed")))
    path = bundle.path("scores.parquet")
    if measured.outcome == "unchanged" and path is None:
        return _plain(Rule("champion", "pass", SAME), measured.base)
    if path is None:
        raise PipelineError("scores.parquet: the measurement lacks it; run the measurement again")
    scored = untrusted_scores.scores(path)
    candidate = groups.only(scored, evaluate.slices, evaluate.sensitive)
    bounds, unfit = _fitting(gate, candidate)
    champion = measured.champion
    if measured.outcome == "unchanged":
        champion = Champion(state="same", name=measured.base)
    verdict = gates.judge(
        candidate,
        _baseline(bundle, "champion", champion, candidate),
        _reference(bundle, gate, candidate),
        bounds,
        _report(bundle, "data_quality.json"),
        _drift(bundle, "drift_main.json"),
    )
    shown = (_same_data(bundle, rule) for rule in verdict.rules)
    rules = (*unfit, *groups.missing(scored, gate, evaluate), *shown, *_project_tests(bundle))
    return replace(verdict, verdict=worst(rules), rules=rules)


def _project_tests(bundle: Bundle) -> list[Rule]:
    """What the project's tests said, which are not run again where the model is main's."""
    if bundle.measurement.outcome == "unchanged":
        return []
    text = bundle.text(model_tests.FILE)
    return [project_tests.rule(model_tests.parse(text) if text is not None else None)]


def _plain(rule: Rule, champion: str = "") -> Verdict:
    return Verdict(worst([rule]), 0, 0, champion, (rule,))


def _fitting(gate: params.Gate, candidate: Scored) -> tuple[params.Gate, list[Rule]]:
    """The bounds that this task can be held to; where main's are for another task, a rule says so."""
    known = METRICS[candidate.task]
    strange = [name for name in (gate.primary, *gate.floors) if name not in known]
    fairness = gate.fairness if candidate.task == "binary" else None
    if not strange and fairness == gate.fairness:
        return gate, []
    fits = {
        "primary": gate.primary if gate.primary in known else next(iter(known)),
        "floors": {name: floor for name, floor in gate.floors.items() if name in known},
        "fairness": fairness,
    }
    what = listed(dict.fromkeys([*strange, *(["fairness"] if fairness != gate.fairness else [])]))
    sentence = f"main's bounds are for another task: {what} can't judge a {candidate.task} model"
    return gate.model_copy(update=fits), [Rule("bounds", "fail", sentence)]


def _baseline(bundle: Bundle, role: str, known: Champion | None, candidate: Scored) -> ScoredBaseline:
    """Who the candidate is compared with; the scores must be rows of the candidate's."""
    if known is None:
        return ScoredBaseline(bundle.measurement.base, "missing", reason=f"the measurement names no {role}")
    if known.state != "scored":
        return ScoredBaseline(_line(known.name), known.state, reason=_line(known.reason))
    path = bundle.path(f"{role}.parquet")
    if path is None:
        raise PipelineError(f"{role}.parquet: the measurement lacks it; run the measurement again")
    scored = groups.only(untrusted_scores.scores(path), candidate.slices.columns, candidate.sensitive.columns)
    untrusted_scores.fits(candidate, scored, path.name)
    return ScoredBaseline(_line(known.name), "scored", scored, _line(known.reason))


def _line(text: str) -> str:
    return " ".join(text.split())


def _reference(bundle: Bundle, gate: params.Gate, candidate: Scored) -> ScoredBaseline | None:
    """The release that main's bounds name; one that the run did not compare with warns."""
    if gate.reference is None:
        return None
    known = bundle.measurement.reference
    if known is None or known.name != gate.reference:
        return ScoredBaseline(gate.reference, "missing", reason="the run did not compare with it")
    return _baseline(bundle, "reference", known, candidate)


def _report(bundle: Bundle, name: str) -> dict[str, Any] | None:
    found = bundle.json(name)
    if found is None:
        return None
    if not isinstance(found, dict):
        raise PipelineError(f"{name}: holds no report; run the measurement again")
    return found


def _drift(bundle: Bundle, name: str) -> data.DriftReport | None:
    content = bundle.json(name)
    return None if content is None else data.drift_report(content, name, "run the measurement again")


def _same_data(bundle: Bundle, rule: Rule) -> Rule:
    """Where nothing was compared because the rows are main's, the rule says that."""
    if rule.kind != "data_drift":
        return rule
    drift = _drift(bundle, "drift_main.json")
    unchanged = (drift is not None and drift.same) or bundle.measurement.outcome == "unchanged"
    return replace(rule, verdict="pass", sentence="same training rows as main", value=0.0) if unchanged else rule
