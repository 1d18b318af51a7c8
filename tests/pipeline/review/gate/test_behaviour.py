"""How often the gate errs on the frozen sample's models, with the frozen bounds; `make bench` runs the long form."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from benchmarks.gate_study import (
    SLICE,
    SLICE_LOSSES,
    Degraded,
    Study,
    failed_rules,
    outcomes,
    rule_outcomes,
    trials,
)

from pipeline.core import params
from pipeline.evaluation.scoring import Scored
from pipeline.review.baseline.scored import ScoredBaseline
from pipeline.review.gate.judge import judge
from tests.pipeline.conftest import FROZEN

Report = Callable[[str], None]
SCALE = 10_000  # scores are kept as whole numbers, those of the other seeds as differences from the first


@pytest.fixture(scope="module")
def study() -> Study:
    table = pq.read_table(FROZEN / "gate_study.parquet")
    thresholds = json.loads(table.schema.metadata[b"thresholds"])
    rows = table.to_pandas()
    knobs = params.read(FROZEN / "params.yaml")
    first = Scored(
        "binary",
        rows["target"].to_numpy(float),
        rows["score"].to_numpy() / SCALE,
        np.arange(len(rows)).astype(str),
        ("0", "1"),
        thresholds[0],
        slices=rows[list(knobs.evaluate.slices)].astype(str),
        sensitive=rows[list(knobs.evaluate.sensitive)].astype(str),
    )
    others = [
        replace(first, score=first.score + rows[f"seed {seed}"].to_numpy() / SCALE, threshold=threshold)
        for seed, threshold in enumerate(thresholds[1:], start=1)
    ]
    return Study([first, *others], knobs.gate.model_copy(update={"bootstrap": 100}))


@pytest.fixture(scope="module")
def primary_alone(study: Study) -> Study:
    return replace(study, gate=study.gate.model_copy(update={"slices": None, "fairness": None}))


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Report:
    def print_past_capture(line: str) -> None:
        with capsys.disabled():
            print(f"\n  gate: {line}", end="")

    return print_past_capture


def test_an_equal_model_passes(study: Study) -> None:
    model = study.models[0]
    verdict = judge(model, ScoredBaseline("main", "scored", model), None, study.gate, {"violations": []}, inform=False)
    assert verdict.verdict == "pass"


@pytest.mark.engine
def test_models_that_differ_in_their_seed_alone_do_not_fail(study: Study, report: Report) -> None:
    verdicts = trials(study, 100)
    report(f"seed alone: {shares(outcomes(verdicts))}; by rule: {dict(failed_rules(verdicts)) or 'none failed'}")
    assert outcomes(verdicts)["fail"] <= 1, "at most 1 % false failures, all rules together"
    judged = [rule for verdict in verdicts for rule in verdict.rules if rule.kind == "regression"]
    unmeasurable = [rule for rule in judged if "no measurable change" in rule.sentence]
    report(f"seed alone: {len(unmeasurable)} of 100 called no measurable change")
    assert unmeasurable == [rule for rule in judged if (rule.lower or 0) <= 0 <= (rule.upper or 0)]
    assert len(unmeasurable) >= 80


@pytest.mark.parametrize(("loss", "minimum", "maximum"), [(0.005, 0.0, 0.2), (0.01, 0.2, 0.9), (0.02, 0.9, 1.0)])
def test_a_loss_is_detected_as_often_as_documented(
    primary_alone: Study, report: Report, loss: float, minimum: float, maximum: float
) -> None:
    counts = rule_outcomes(trials(primary_alone, 40, Degraded(loss)), "regression")
    report(f"roc_auc worse by {loss:g}: {shares(counts)}")
    assert minimum <= counts["fail"] / 40 <= maximum


def test_a_degraded_model_fails(primary_alone: Study, report: Report) -> None:
    counts = outcomes(trials(primary_alone, 40, Degraded(0.03)))
    report(f"roc_auc worse by 0.03: {shares(counts)}")
    assert counts["fail"] == 40


def test_a_model_better_overall_but_worse_for_one_slice_fails_with_that_slice_named(
    study: Study, report: Report
) -> None:
    verdicts = trials(study, 40, Degraded(SLICE_LOSSES[-1], SLICE))
    named = rule_outcomes(verdicts, "slice", SLICE[1])
    report(f"better, but {'='.join(SLICE)} worse by {SLICE_LOSSES[-1]:g}: the slice's rule {shares(named)}")
    assert rule_outcomes(verdicts, "regression") == {"pass": 40}
    assert named["fail"] >= 39


def shares(counts: Counter[str]) -> str:
    total = sum(counts.values())
    return ", ".join(f"{mark} {100 * counts[mark] / total:.1f} %" for mark in ("pass", "warn", "fail"))
