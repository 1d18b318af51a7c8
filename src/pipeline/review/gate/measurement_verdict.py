"""The verdict on an untrusted measurement, by main's bounds and main's groups."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pipeline.core import params
from pipeline.core.errors import PipelineError, listed
from pipeline.core.params import tolerance
from pipeline.core.tasks import METRICS, is_metric
from pipeline.evaluation.scoring import Scored
from pipeline.evaluation.seed_spread import SeedSpread
from pipeline.review.baseline.scored import ScoredBaseline
from pipeline.review.gate import data_rules, model_tests_rule, protected, required_groups
from pipeline.review.gate import judge as gates
from pipeline.review.gate.verdict import Rule, Verdict, worst
from pipeline.review.measure import model_tests
from pipeline.review.measure.measurement import Bundle, Champion
from pipeline.review.untrusted import scores as untrusted_scores
from pipeline.review.untrusted import yaml as untrusted_yaml

# The sentence for a failure before any stage, by the name that `measure` gives its step.
STEPS = {"params": "params.yaml was refused", "source": "the data source can't be used"}
ANOTHER = {"task.type", "task.target"}  # parameters whose change makes another project: no figure is comparable
FIRST_MODEL = "the first model of another project: a person accepts it"
SAME = "same model as main: no change"


def judge(
    bundle: Bundle,
    gate: params.Gate,
    evaluate: params.Evaluate,
    judges_changed: Sequence[str],
    spread: SeedSpread | None = None,
) -> Verdict:
    """The verdict by main's bounds and groups; where `judges_changed` names something, only a person can accept it.

    `spread` is what main knows of other seeds. PipelineError, in one line,
    where no run of this pipeline would leave such a measurement.
    """
    is_another = ANOTHER.intersection(judges_changed) and bundle.measurement.outcome == "measured"
    verdict = _first_model(bundle, gate) if is_another else _judge(bundle, gate, evaluate, spread)
    rules = (*verdict.rules, *protected.rules(judges_changed))
    return replace(verdict, verdict=worst(rules), rules=rules)


def _first_model(bundle: Bundle, gate: params.Gate) -> Verdict:
    """The verdict on a model that predicts something else than main's: a person decides, by its own floors as
    information; only its data and the project's tests are judged."""
    path = bundle.path("scores.parquet")
    if path is None:
        raise PipelineError("scores.parquet: the measurement lacks it; run the measurement again")
    candidate = untrusted_scores.scores(path)
    none = ScoredBaseline(bundle.measurement.base, "none", reason="main's model predicts something else")
    judged = gates.judge(
        candidate, none, None, _own_bounds(bundle, gate, candidate), _report(bundle, "data_quality.json")
    )
    shown = [
        replace(rule, verdict="note", sentence=f"its own floor, for information: {rule.sentence}")
        if rule.kind == "floor"
        else rule
        for rule in judged.rules
        if rule.kind != "data_drift"
    ]
    rules = (Rule("first_model", "fail", FIRST_MODEL), *shown, *_project_tests(bundle))
    return replace(judged, verdict=worst(rules), rules=rules)


def _own_bounds(bundle: Bundle, gate: params.Gate, candidate: Scored) -> params.Gate:
    """Primary metric and floors as the pull request has them, where they are of its task; main's procedure."""
    content = bundle.path("params.yaml")
    try:
        own = params.Gate.model_validate(untrusted_yaml.read(content)["gate"]) if content else gate
    except (PipelineError, KeyError, ValueError):
        own = gate
    names = [name for name in (own.primary, *METRICS[candidate.task]) if is_metric(candidate.task, name)]
    floors = {name: floor for name, floor in own.floors.items() if is_metric(candidate.task, name)}
    unjudged = dict.fromkeys(("slices", "fairness", "drift_share", "reference"))
    changes = {"primary": names[0], "floors": floors, **unjudged, **_applicable_tolerances(gate, names[0])}
    return gate.model_copy(update=changes | unjudged)


def _judge(bundle: Bundle, gate: params.Gate, evaluate: params.Evaluate, spread: SeedSpread | None) -> Verdict:
    manifest = bundle.measurement
    if manifest.outcome == "failed":
        stage = manifest.failure.stage if manifest.failure else "unknown"
        return _single_rule(Rule("stages", "fail", STEPS.get(stage, f"stage {stage} failed")))
    path = bundle.path("scores.parquet")
    if manifest.outcome == "unchanged" and path is None:
        return _single_rule(Rule("champion", "pass", SAME), manifest.base)
    if path is None:
        raise PipelineError("scores.parquet: the measurement lacks it; run the measurement again")
    scored = untrusted_scores.scores(path)
    candidate = required_groups.select(scored, evaluate.slices, evaluate.sensitive)
    bounds, mismatch = _applicable_bounds(gate, candidate)
    champion = manifest.champion
    if manifest.outcome == "unchanged":
        champion = Champion(state="same", name=manifest.base)
    verdict = gates.judge(
        candidate,
        _baseline(bundle, "champion", champion, candidate),
        _reference(bundle, gate, candidate),
        bounds,
        _report(bundle, "data_quality.json"),
        _drift(bundle, "drift_main.json"),
        spread=spread if spread and spread.metric == bounds.primary else None,
    )
    adjusted = (_same_data(bundle, rule) for rule in verdict.rules)
    rules = (*mismatch, *required_groups.missing(scored, gate, evaluate), *adjusted, *_project_tests(bundle))
    return replace(verdict, verdict=worst(rules), rules=rules)


def _project_tests(bundle: Bundle) -> list[Rule]:
    """The rule on the project's tests; none where the model is main's, as they are not run again then."""
    if bundle.measurement.outcome == "unchanged":
        return []
    text = bundle.text(model_tests.FILE)
    return [model_tests_rule.rule(model_tests.parse(text) if text is not None else None)]


def _single_rule(rule: Rule, champion: str = "") -> Verdict:
    return Verdict(worst([rule]), 0, 0, champion, (rule,))


def _applicable_bounds(gate: params.Gate, candidate: Scored) -> tuple[params.Gate, list[Rule]]:
    """The bounds that this task can be held to; where main's are for another task, a rule says so."""
    unknown = [name for name in (gate.primary, *gate.floors) if not is_metric(candidate.task, name)]
    fairness = gate.fairness if candidate.task == "binary" else None
    primary = gate.primary if gate.primary not in unknown else next(iter(METRICS[candidate.task]))
    changes = {
        "primary": primary,
        "floors": {name: floor for name, floor in gate.floors.items() if name not in unknown},
        "fairness": fairness,
        **_applicable_tolerances(gate, primary),
    }
    bounds = gate.model_copy(update=changes)
    if not unknown and fairness == gate.fairness:
        return bounds, []
    names = listed(dict.fromkeys([*unknown, *(["fairness"] if fairness != gate.fairness else [])]))
    sentence = f"main's bounds are for another task: {names} can't judge a {candidate.task} model"
    return bounds, [Rule("bounds", "fail", sentence)]


def _applicable_tolerances(gate: params.Gate, metric: str) -> dict[str, Any]:
    """Usual tolerances in place of those that mean nothing for the metric: main's are for another one, or from a
    version of the template that took a bare number for every metric."""
    slices, changes = gate.slices, dict[str, Any]()
    if not tolerance.fits(gate.tolerance, metric):
        changes["tolerance"] = tolerance.GATE
    if slices and not tolerance.fits(slices.tolerance, metric):
        changes["slices"] = slices.model_copy(update={"tolerance": tolerance.SLICES})
    return changes


def _baseline(bundle: Bundle, role: str, recorded: Champion | None, candidate: Scored) -> ScoredBaseline:
    """What the candidate is compared with; its scores must be for rows of the candidate's."""
    if recorded is None:
        return ScoredBaseline(bundle.measurement.base, "missing", reason=f"the measurement names no {role}")
    if recorded.state != "scored":
        return ScoredBaseline(_line(recorded.name), recorded.state, reason=_line(recorded.reason))
    path = bundle.path(f"{role}.parquet")
    if path is None:
        raise PipelineError(f"{role}.parquet: the measurement lacks it; run the measurement again")
    scored = required_groups.select(
        untrusted_scores.scores(path), candidate.slices.columns, candidate.sensitive.columns
    )
    untrusted_scores.check_rows(candidate, scored, path.name)
    return ScoredBaseline(_line(recorded.name), "scored", scored, _line(recorded.reason))


def _line(text: str) -> str:
    return " ".join(text.split())


def _reference(bundle: Bundle, gate: params.Gate, candidate: Scored) -> ScoredBaseline | None:
    """The release that main's bounds name; a warning where the run did not compare with it."""
    if gate.reference is None:
        return None
    recorded = bundle.measurement.reference
    if recorded is None or recorded.name != gate.reference:
        return ScoredBaseline(gate.reference, "missing", reason="the run did not compare with it")
    return _baseline(bundle, "reference", recorded, candidate)


def _report(bundle: Bundle, name: str) -> dict[str, Any] | None:
    content = bundle.json(name)
    if content is None:
        return None
    if not isinstance(content, dict):
        raise PipelineError(f"{name}: not a report; run the measurement again")
    return content


def _drift(bundle: Bundle, name: str) -> data_rules.DriftReport | None:
    content = bundle.json(name)
    return None if content is None else data_rules.drift_report(content, name, "run the measurement again")


def _same_data(bundle: Bundle, rule: Rule) -> Rule:
    """The drift rule says so where nothing was compared because the rows are main's."""
    if rule.kind != "data_drift":
        return rule
    drift = _drift(bundle, "drift_main.json")
    unchanged = (drift is not None and drift.same) or bundle.measurement.outcome == "unchanged"
    return replace(rule, verdict="pass", sentence="same training rows as main", value=0.0) if unchanged else rule
