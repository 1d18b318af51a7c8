"""What operators read of deployments: counts from the ledger, the releases' roles, and the step that is judged."""

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.core import params
from pipeline.ship.deploy import observed, proof
from pipeline.ship.deploy.canary import Expected
from pipeline.ship.deploy.evidence import Pairs, Side
from pipeline.ship.deploy.observed import StepState
from pipeline.ship.deploy.proof import Proof
from pipeline.ship.release import ledger
from tests.pipeline.conftest import FROZEN
from tests.pipeline.ship.deploy.hosts_in_memory import release

BOUNDS = params.section(params.Deploy, FROZEN / "params.yaml")
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def entries(*events: str) -> list[dict[str, Any]]:
    """Entries of a ledger, each as `event release`."""
    pairs = [event.split() for event in events]
    return [ledger.new_entry(event, release(identity)) for event, identity in pairs]  # type: ignore[arg-type]


def samples(text: str) -> Samples:
    families = text_string_to_metric_families(text)
    return {
        (item.name, tuple(sorted(item.labels.items()))): item.value for family in families for item in family.samples
    }


@pytest.mark.parametrize(
    ("events", "promoted", "failed", "rolled_back"),
    [
        ((), 0, 0, 0),
        (("started a", "serving a"), 1, 0, 0),
        (("started a", "serving a", "started b", "failed b"), 1, 1, 0),
        (("serving a", "serving b", "serving a"), 2, 0, 1),
        (("serving a", "serving b", "serving a", "serving b"), 2, 0, 2),
        (("serving a", "serving a"), 2, 0, 0),  # deployed anew, as it did not answer
    ],
)
def test_deployments_are_counted_by_their_result(
    events: tuple[str, ...], promoted: int, failed: int, rolled_back: int
) -> None:
    read = samples(observed.exposition(entries(*events), {}, BOUNDS))
    counts = [read["pipeline_deployments_total", (("result", result),)] for result in observed.RESULTS]
    assert counts == [promoted, failed, rolled_back]


def test_a_release_is_named_with_its_slot_and_its_role() -> None:
    slots = {"a": ("first", "champion"), "b": ("second", "candidate")}
    read = samples(observed.exposition(entries("serving first", "started second"), slots, BOUNDS))
    info = [dict(labels) for name, labels in read if name == "pipeline_release_info"]
    assert info == [
        {"release": "first", "commit": "ccccccc", "slot": "a", "role": "champion"},
        {"release": "second", "commit": "ccccccc", "slot": "b", "role": "candidate"},
    ]
    assert read["pipeline_deployment_in_progress", ()] == 1


def test_a_paused_canary_and_a_freeze_are_shown() -> None:
    paused = [*entries("serving first", "started second"), ledger.new_entry("paused", release("second"), percent=5)]
    frozen = [*paused, ledger.freeze_entry("frozen", paused, "ann", "an audit")]
    names = ("pipeline_deployment_in_progress", "pipeline_deployment_paused", "pipeline_deployments_frozen")
    shown = [samples(observed.exposition(ledgers, {}, BOUNDS)) for ledgers in (paused[:2], paused, frozen)]
    assert [[read[name, ()] for name in names] for read in shown] == [[1, 0, 0], [0, 1, 0], [0, 1, 1]]
    slots = {"a": ("first", "champion")}
    info = [dict(labels) for name, labels in samples(observed.exposition(frozen, slots, BOUNDS)) if "info" in name]
    assert info[0]["commit"] == "ccccccc"


def test_without_a_step_nothing_is_said_of_a_canary() -> None:
    text = observed.exposition(entries("serving first"), {}, BOUNDS)
    assert "pipeline_canary" not in text
    assert samples(text)["pipeline_deployment_in_progress", ()] == 0


def test_a_step_is_shown_with_its_requests_its_evidence_and_what_proof_needs() -> None:
    champion, candidate = Side(requests=300, errors=1), Side(requests=40, errors=30, refused=2)
    evidence = Proof(BOUNDS, Side(requests=100)).add(champion, candidate, 10.0)
    step = StepState(5, 10.0, champion, candidate, evidence, Pairs(100, 98), Expected(agreement=0.97))
    read = samples(observed.exposition(entries("serving first", "started second"), {}, BOUNDS, step))
    assert read["pipeline_canary_share_ratio", ()] == 0.05
    assert read["pipeline_canary_requests", (("outcome", "failed"), ("role", "candidate"))] == 30
    assert read["pipeline_canary_requests", (("outcome", "all"), ("role", "champion"))] == 300
    assert read["pipeline_canary_requests_needed", ()] == BOUNDS.min_requests
    assert read["pipeline_canary_step_deadline_seconds", ()] == BOUNDS.deadline
    updated = read["pipeline_deployment_updated_timestamp_seconds", ()]
    assert updated - read["pipeline_canary_step_started_timestamp_seconds", ()] == pytest.approx(10, abs=1e-3)
    assert read["pipeline_canary_evidence", (("signal", "errors"),)] == evidence.evidence("errors") > 0
    assert read["pipeline_canary_evidence", (("signal", "agreement"),)] < 0  # they agree
    assert read["pipeline_canary_evidence_needed", ()] == proof.needed(BOUNDS)
    bounds = {dict(labels)["signal"]: value for (name, labels), value in read.items() if name.endswith("_bound")}
    assert bounds == {
        "errors": BOUNDS.max_error_difference,
        "refusals": BOUNDS.max_error_difference,
        "latency": BOUNDS.max_latency_ratio,
        "agreement": pytest.approx(0.97 - BOUNDS.max_agreement_loss),
        "shift": BOUNDS.max_shift,
    }
