"""How deployments stand, as text for Prometheus. It lies on the host, so it outlives the deployer that wrote it."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.core.git import short_commit
from pipeline.core.params import Deploy
from pipeline.ship.deploy import canary, proof
from pipeline.ship.deploy.canary import Expected
from pipeline.ship.deploy.evidence import Pairs, Side
from pipeline.ship.deploy.proof import Proof
from pipeline.ship.release import ledger

if TYPE_CHECKING:
    from prometheus_client.core import Metric

FILE = "metrics.prom"  # in the deployment's volume `state`; metrics.lua reads it
RESULTS = ("promoted", "failed", "rolled_back")


@dataclass(frozen=True)
class StepState:
    """A step of live traffic: what both sides did since the canary's start (candidate: the step's), what is proven."""

    percent: int
    seconds: float  # since the step's start
    champion: Side
    candidate: Side
    evidence: Proof
    pairs: Pairs
    expected: Expected


def exposition(
    entries: Sequence[dict[str, Any]],
    slots: Mapping[str, tuple[str, str]],
    bounds: Deploy,
    step: StepState | None = None,
) -> str:
    """The text; `slots`: release and role (champion, candidate) in each slot of the balancer that has one."""
    from prometheus_client import generate_latest  # only where something is deployed

    now = time.time()
    families = [*_deployment(entries, slots, now), *(_canary(step, bounds, now) if step else ())]
    return generate_latest(_Collected(families)).decode()


class _Collected:
    def __init__(self, families: Sequence["Metric"]) -> None:
        self._families = families

    def collect(self) -> Iterator["Metric"]:
        yield from self._families


def _deployment(
    entries: Sequence[dict[str, Any]], slots: Mapping[str, tuple[str, str]], now: float
) -> Iterator["Metric"]:
    from prometheus_client.core import CounterMetricFamily

    counts = results(entries)
    total = CounterMetricFamily("pipeline_deployments", "Deployments of the ledger, by result", labels=["result"])
    for result in RESULTS:
        total.add_metric([result], counts[result])
    yield total
    commits = {entry["release"]: short_commit(entry.get("commit", "")) for entry in ledger.deployments(entries)}
    yield _gauge(
        "pipeline_release_info",
        "The release in a slot of the balancer, and its role",
        {(release, commits.get(release, ""), slot, role): 1 for slot, (release, role) in sorted(slots.items())},
        ("release", "commit", "slot", "role"),
    )
    last, is_frozen = ledger.unfinished(entries), ledger.frozen(entries) is not None
    is_paused = last is not None and last["event"] == "paused"
    in_progress = last is not None and not is_paused
    yield _gauge("pipeline_deployment_in_progress", "1 while one has not ended and is not paused", {(): in_progress})
    yield _gauge("pipeline_deployment_paused", "1 while a canary waits for `pipeline promote`", {(): is_paused})
    yield _gauge("pipeline_deployments_frozen", "1 while deployments are refused", {(): is_frozen})
    yield _gauge("pipeline_deployment_updated_timestamp_seconds", "When a deployer last wrote these metrics", {(): now})


def results(entries: Sequence[dict[str, Any]]) -> Counter[str]:
    """How the deployments ended. `rolled_back`: a release took over that had served before."""
    counts, served = Counter[str](), list[str]()
    for entry in entries:
        if entry["event"] == "failed":
            counts["failed"] += 1
        elif entry["event"] == "serving":
            counts["rolled_back" if entry["release"] in served[:-1] else "promoted"] += 1
            served.append(entry["release"])
    return counts


def _canary(step: StepState, bounds: Deploy, now: float) -> Iterator["Metric"]:
    yield _gauge("pipeline_canary_share_ratio", "Share of the step that is being judged", {(): step.percent / 100})
    yield _gauge("pipeline_canary_step_started_timestamp_seconds", "When the step began", {(): now - step.seconds})
    yield _gauge("pipeline_canary_step_deadline_seconds", "deploy.deadline", {(): bounds.deadline})
    yield _gauge(
        "pipeline_canary_requests",
        "Requests that are judged, by side and outcome; failed and refused are among all",
        {
            (role, outcome): count
            for role, side in (("champion", step.champion), ("candidate", step.candidate))
            for outcome, count in (("all", side.requests), ("failed", side.errors), ("refused", side.refused))
        },
        ("role", "outcome"),
    )
    yield _gauge("pipeline_canary_requests_needed", "deploy.min_requests", {(): bounds.min_requests})
    agreement, _ = canary.agreement_bound(step.expected, bounds)
    evidence = {signal: step.evidence.evidence(signal) for signal in proof.SIGNALS}
    evidence["agreement"] = canary.agreement_evidence(step.pairs, agreement)
    yield _gauge(
        "pipeline_canary_evidence",
        "Logarithm of the evidence against the candidate (e-value)",
        {(signal,): value for signal, value in evidence.items()},
        ("signal",),
    )
    yield _gauge(
        "pipeline_canary_evidence_needed", "Logarithm of the evidence that is proof", {(): proof.needed(bounds)}
    )
    yield _gauge(
        "pipeline_canary_bound",
        "Tolerated: difference of shares, ratio of p99, lowest agreement, shift in standard deviations",
        {
            ("errors",): bounds.max_error_difference,
            ("refusals",): bounds.max_error_difference,
            ("latency",): bounds.max_latency_ratio,
            ("agreement",): agreement,
            ("shift",): bounds.max_shift,
        },
        ("signal",),
    )


def _gauge(name: str, text: str, values: Mapping[tuple[str, ...], float], labels: Sequence[str] = ()) -> "Metric":
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(name, text, labels=labels)
    for names, value in values.items():
        family.add_metric(names, value)
    return family
