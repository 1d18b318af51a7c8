"""The verdict on a measurement that nobody need trust, by the bounds that are given: main's."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from pipeline.core import params
from pipeline.core.errors import PipelineError, listed
from pipeline.core.tasks import METRICS
from pipeline.evaluation.scoring import Scored
from pipeline.review.baseline.scored import ScoredBaseline
from pipeline.review.gate import data, project_tests
from pipeline.review.gate import judge as gates
from pipeline.review.gate.verdict import Rule, Verdict, worst
from pipeline.review.measure import model_tests
from pipeline.review.measure.measurement import Bundle, Champion
from pipeline.review.untrusted import scores as untrusted_scores

# What makes up the judge: path prefixes. A change of them is judged by main's, and by a person.
JUDGE: tuple[str, ...] = (
    ".github/",
    "Makefile",
    "dvc.yaml",
    "pyproject.toml",
    "src/pipeline/data/values/keys.py",
    "src/pipeline/evaluation/",
    "src/pipeline/gate/",
    "src/pipeline/github/",
    "src/pipeline/measure/",
    "src/pipeline/core/params/",
    "src/pipeline/report/",
    "src/pipeline/train/stages/evaluate.py",
    "src/pipeline/train/stages/split.py",
    "src/pipeline/core/tasks.py",
    "uv.lock",
)
GATE = "gate in params.yaml"
# A failure before any stage, by what `measure` calls its step.
STEPS = {"params": "params.yaml was refused", "source": "the data source can't be used"}
SAME = "same model as main: no change"


def judge(bundle: Bundle, gate: params.Gate, judge_changed: Sequence[str]) -> Verdict:
    """The verdict by `gate`; what is `judge_changed` makes it `warn` at best.

    PipelineError, in one line, where the measurement is not one that a run of this pipeline leaves.
    """
    verdict = _judged(bundle, gate)
    if not judge_changed:
        return verdict
    sentence = f"changes the judge: {listed(judge_changed)}: main's judge and bounds were used; a person must look"
    rules = (*verdict.rules, Rule("judge", "warn", sentence))
    return replace(verdict, verdict=worst(rules), rules=rules)


def touches_judge(paths: Iterable[str], gate_changed: bool) -> list[str]:
    """Which of the changed paths belong to the judge, and its bounds where those have changed."""
    found = sorted({path for path in paths if path.startswith(JUDGE)})
    return [*found, GATE] if gate_changed else found


def _judged(bundle: Bundle, gate: params.Gate) -> Verdict:
    measured = bundle.measurement
    if measured.outcome == "failed":
        stage = measured.failure.stage if measured.failure else "unknown"
        return _plain(Rule("stages", "fail", STEPS.get(stage, f"stage {stage} failed")))
    path = bundle.path("scores.parquet")
    if measured.outcome == "unchanged" and path is None:
        return _plain(Rule("champion", "pass", SAME), measured.base)
    if path is None:
        raise PipelineError("scores.parquet: the measurement lacks it; run the measurement again")
    candidate = untrusted_scores.scores(path)
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
    rules = (*unfit, *(_same_data(bundle, rule) for rule in verdict.rules), *_project_tests(bundle))
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
    sentence = f"main's bounds are for another task: {what} can't judge a {candidate.task} model; a person must look"
    return gate.model_copy(update=fits), [Rule("bounds", "warn", sentence)]


def _baseline(bundle: Bundle, role: str, known: Champion | None, candidate: Scored) -> ScoredBaseline:
    """Who the candidate is compared with; the scores must be rows of the candidate's."""
    if known is None:
        return ScoredBaseline(bundle.measurement.base, "missing", reason=f"the measurement names no {role}")
    if known.state != "scored":
        return ScoredBaseline(_line(known.name), known.state, reason=_line(known.reason))
    path = bundle.path(f"{role}.parquet")
    if path is None:
        raise PipelineError(f"{role}.parquet: the measurement lacks it; run the measurement again")
    scored = untrusted_scores.scores(path)
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
