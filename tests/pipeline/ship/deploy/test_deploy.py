"""When a champion counts as unreachable, and what a release's verdict does, without containers."""

from typing import Any, Literal

import pytest

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.ship.deploy import deploy, readiness
from pipeline.ship.deploy.deployment import Deployment
from pipeline.ship.deploy.github_deployments import Recorder
from pipeline.ship.release.manifest import Release
from pipeline.ship.release.verdict import Overruling, ReleaseVerdict
from tests.pipeline.conftest import FROZEN
from tests.pipeline.ship.deploy.hosts_in_memory import MemoryHost, release


@pytest.mark.parametrize(("answers", "expected"), [([False, False, True], True), ([False] * 4, False)])
def test_a_champion_counts_as_unreachable_only_after_several_checks(
    monkeypatch: pytest.MonkeyPatch, answers: list[bool], expected: bool
) -> None:
    monkeypatch.setattr(readiness, "PAUSES", (0.0,) * 4)
    monkeypatch.setattr(MemoryHost, "is_ready", lambda *_: answers.pop(0))
    assert readiness.is_ready(MemoryHost(), "a" * 12) is expected
    assert answers == []


def judged(outcome: Literal["pass", "fail"], **changes: Any) -> Release:
    verdict = ReleaseVerdict(
        outcome=outcome, failing=["Floor of ROC AUC"], warnings=[], origin="ledger", commit="c" * 40, model="m1"
    )
    return release("b" * 12, format=2).model_copy(update={"verdict": verdict.model_copy(update=changes)})


def deployment(candidate: Release, messages: list[str]) -> Deployment:
    bounds = params.section(params.Deploy, FROZEN / params.PATH)
    target: Any = None  # the verdict is read before the host is touched
    return Deployment(candidate, target, bounds, messages.append, Recorder("e", "w", messages.append), "w")


def test_a_release_that_the_gate_failed_is_refused_before_the_host_is_touched() -> None:
    with pytest.raises(PipelineError) as refused:
        deploy.deploy(deployment(judged("fail"), []), lambda _: None)
    assert str(refused.value).startswith("release bbbbbbbbbbbb: the gate failed it (Floor of ROC AUC) and nobody")
    assert "--overruled-by NAME --reason WHY" in str(refused.value)


@pytest.mark.parametrize(
    ("candidate", "message"),
    [
        (judged("pass"), "gate: pass"),
        (judged("fail", overruled=Overruling(by="ann", at="", reason="why")), "gate: fail, overruled by ann: why"),
        (release("b" * 12), "warning: no verdict: an older version of the template made this release; "),
    ],
)
def test_any_other_verdict_is_said(candidate: Release, message: str) -> None:
    messages = list[str]()
    deploy._check_verdict(deployment(candidate, messages))
    (line,) = messages
    assert line.startswith(message)


@pytest.mark.parametrize(("serving", "warned"), [("m1", False), ("2", False), ("m2", True)])
def test_a_release_that_was_judged_against_another_model_than_the_champions_says_so(serving: str, warned: bool) -> None:
    messages = list[str]()
    host = MemoryHost(release("a" * 12, model=serving))
    deploy._compare_champions(deployment(judged("pass"), messages), host, "a" * 12)
    expected = "warning: the gate judged this release against the model of ccccccc; release aaaaaaaaaaaa serves another"
    assert messages == ([expected] if warned else [])


class Gone(MemoryHost):
    """A host whose engine stops after the release was promoted, or that nothing answers on."""

    def __init__(self, serving: Release, answer: bool | PipelineError) -> None:
        super().__init__(serving)
        self.answer = answer

    def serves(self) -> bool:
        if isinstance(self.answer, PipelineError):
            raise self.answer
        return self.answer

    def reset(self) -> None:
        if isinstance(self.answer, PipelineError):
            raise self.answer


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "PAUSES", (0.0, 0.0))
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)


LOST = PipelineError("the host: Cannot connect to the Docker daemon")
STATES = [
    (True, "release aaaaaaaaaaaa serves 100 %"),
    (False, "release aaaaaaaaaaaa is the champion, but nothing answers on its port"),
    (LOST, f"release aaaaaaaaaaaa is the champion, but whether it serves is not known: {LOST}"),
]


@pytest.mark.parametrize(("answer", "sentence"), STATES)
def test_that_a_promoted_release_serves_is_said_only_where_clients_get_an_answer(
    answer: bool | PipelineError, sentence: str
) -> None:
    host = Gone(release("a" * 12), answer)
    if answer is True:
        assert deploy.confirm(host, "a" * 12) == sentence
        return
    with pytest.raises(deploy.FailedError, match=sentence):
        deploy.confirm(host, "a" * 12)


@pytest.mark.parametrize(("answer", "sentence"), STATES)
def test_after_a_failure_what_the_champion_does_is_looked_at(answer: bool | PipelineError, sentence: str) -> None:
    host = Gone(release("a" * 12), answer)
    block = deploy.recording(deployment(judged("pass"), []), host, "a" * 12)
    with pytest.raises(deploy.FailedError) as failed, block:
        raise PipelineError("a reason")
    assert str(failed.value).startswith(f"release bbbbbbbbbbbb: a reason; {sentence}")
    assert host.entries[-1]["event"] == "failed"
