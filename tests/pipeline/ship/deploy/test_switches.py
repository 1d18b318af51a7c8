"""Pause, promote and freeze, on a host without containers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pipeline.core.errors import PipelineError
from pipeline.ship.deploy import deploy, steps, switches
from pipeline.ship.deploy.canary import Expected
from pipeline.ship.deploy.deploy import FailedError
from pipeline.ship.deploy.deployment import Deployment
from pipeline.ship.deploy.evidence import Pairs, Side
from pipeline.ship.deploy.observed import StepState
from pipeline.ship.deploy.proof import Proof
from pipeline.ship.deploy.steps import Step
from pipeline.ship.deploy.switches import Person
from pipeline.ship.release import ledger
from pipeline.ship.release.manifest import Release
from tests.pipeline.ship.deploy.hosts_in_memory import MemoryHost
from tests.pipeline.ship.deploy.test_rollback import BOUNDS, RECORDER, A, B, MemoryTarget, Z, roll_back, served


class Host(MemoryTarget):
    """A host on which a canary may be paused; `locked`: its deployer runs."""

    locked = False
    kept: Release | None = None

    def park(self, release: Release) -> None:
        self.kept = release

    def parked(self) -> Release | None:
        return self.kept

    def is_locked(self) -> bool:
        return self.locked

    @contextmanager
    def lock(self, image: str, deployer: str) -> Iterator[MemoryHost]:
        assert not self.locked
        yield self

    @contextmanager
    def beside(self, image: str, deployer: str) -> Iterator[MemoryHost]:
        yield self

    def is_ready(self, release: str) -> bool:
        return True

    def exit_reason(self, release: str) -> None: ...

    def renew(self, release: str) -> None: ...

    def observe(self, step: StepState) -> None: ...

    def requests(self) -> tuple[Side, Side]:
        return Side(), Side()

    def new_lines(self, release: str) -> list[dict[str, Any]]:
        return []


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "POLL_INTERVAL", 0)


def host(*, locked: bool = False) -> Host:
    """A serves, and a canary of B is paused at 5 %."""
    target = Host(A)
    target.entries, target.locked = [*served(Z, A).entries], locked
    RECORDER.start(target, B, A.id)
    target.park(B)
    RECORDER.pause(target, B, 5)
    return target


def person(target: Host, reason: str = "") -> Person:
    return Person(target, "ann", reason, print)


def promote(target: Host, pause_at: int | None = None, reason: str = "") -> None:
    switches.promote(person(target, reason), BOUNDS, RECORDER, pause_at)


def deploying(target: Host, release: Release = B, pause_at: int | None = None) -> Deployment:
    return Deployment(release, target, BOUNDS, print, RECORDER, "me", pause_at)


def test_promote_tells_the_deployer_of_a_paused_canary_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    target = host(locked=True)
    promote(target, 25, "looks good")
    last = target.entries[-1]
    assert (last["event"], last["by"], last["reason"], last["pause_at"]) == ("continued", "ann", "looks good", 25)
    assert target.champion() == A.id
    assert "its deployer goes on" in capsys.readouterr().out


def test_a_deployer_that_was_told_to_go_on_is_not_told_again() -> None:
    target = host(locked=True)
    promote(target)
    with pytest.raises(PipelineError, match="goes on already"):
        promote(target)


def test_promote_takes_the_place_of_a_deployer_that_has_ended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target, shares = host(), list[tuple[int, int | None]]()
    monkeypatch.setattr(deploy, "_canary", lambda own, *_: shares.append((own.after, own.pause_at)))
    promote(target, 25, "looks good")
    assert shares == [(5, 25)]
    assert target.champion() == B.id
    assert [(entry["event"], entry["release"]) for entry in target.entries[-2:]] == [
        ("continued", B.id),
        ("serving", B.id),
    ]
    assert "release bbbbbbbbbbbb was paused at 5 %, and its deployer has ended: taking it up" in capsys.readouterr().out


def test_a_canary_whose_deployer_ended_after_it_was_continued_can_be_taken_up_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = host(locked=True)
    promote(target)
    target.locked = False
    monkeypatch.setattr(deploy, "_canary", lambda *_: None)
    promote(target)
    assert target.champion() == B.id


@pytest.mark.parametrize("entries", ["none", "served", "given up"])
def test_promote_says_where_nothing_is_paused(entries: str) -> None:
    hosts: dict[str, Callable[[], Host]] = {"none": Host, "served": lambda: host_of(A), "given up": given_up}
    target = hosts[entries]()
    with pytest.raises(PipelineError, match=r"promote: no canary is paused on this host; `pipeline deploy --pause-at"):
        promote(target)


def host_of(release: Release) -> Host:
    target = Host(release)
    target.entries = [*served(Z, release).entries]
    return target


def given_up() -> Host:
    """Another command came before `promote`."""
    target = host()
    RECORDER.reconcile(target)
    assert (target.entries[-1]["event"], target.entries[-1]["reason"]) == ("failed", ledger.GIVEN_UP)
    return target


def test_a_paused_canary_whose_record_is_gone_changes_nothing() -> None:
    target = host()
    target.kept = None
    with pytest.raises(PipelineError, match="the host's record of release bbbbbbbbbbbb is gone; deploy it again"):
        promote(target)
    assert target.entries[-1]["event"] == "paused"


def test_a_release_whose_deployer_ended_in_the_middle_of_the_promotion_is_recorded_as_serving() -> None:
    target = host()
    target.serving = B
    promote(target)
    assert (target.entries[-1]["event"], target.entries[-1]["reason"]) == ("serving", "found serving")


@pytest.mark.parametrize(
    ("pause_at", "after", "message"),
    [
        (7, 0, "--pause-at: 7 is no step of deploy.steps that is still to come; allowed: 5, 25, 100"),
        (5, 5, "--pause-at: 5 is no step of deploy.steps that is still to come; allowed: 25, 100"),
        (25, 100, "--pause-at: 25 is no step of deploy.steps that is still to come; no step is left to pause at"),
    ],
)
def test_a_share_to_pause_at_is_a_step_that_is_still_to_come(pause_at: int, after: int, message: str) -> None:
    with pytest.raises(PipelineError) as refused:
        switches.check_step(pause_at, BOUNDS, after)
    assert str(refused.value) == message
    switches.check_step(None, BOUNDS, after)


def test_a_frozen_host_refuses_deploy_and_promote_until_it_is_unfrozen_and_rolls_back_all_the_same() -> None:
    target = host()
    switches.freeze(person(target, "an audit"))
    refusal = r"deployments are frozen by ann \(.*\): an audit; `pipeline unfreeze` allows them again, and"
    commands: dict[str, Callable[[], None]] = {
        "promote": lambda: promote(target),
        "deploy": lambda: deploy.deploy(deploying(target), lambda _: None),
    }
    for command, act in commands.items():
        before = [*target.entries]
        with pytest.raises(PipelineError, match=f"{command}: {refusal}") as refused:
            act()
        assert not isinstance(refused.value, FailedError)  # exit status 2
        assert target.entries == before
    assert roll_back(target) == Z.id
    switches.unfreeze(person(target))
    switches.unfreeze(person(target))
    assert [entry["event"] for entry in target.entries[-1:]] == ["unfrozen"]


def test_a_freeze_needs_a_reason_and_a_host_that_serves() -> None:
    with pytest.raises(PipelineError, match="freeze: the reason is empty"):
        switches.freeze(person(host(), " "))
    with pytest.raises(PipelineError, match="freeze: nothing was deployed yet"):
        switches.freeze(person(Host(), "an audit"))


def step(target: Host) -> Step:
    return Step(5, Proof(BOUNDS, Side()), Expected(), Pairs())


def test_a_paused_step_waits_and_is_judged_until_somebody_continues_it(monkeypatch: pytest.MonkeyPatch) -> None:
    target, looks = host_of(A), list[int]()
    RECORDER.start(target, B, A.id)

    def requests(_: Host) -> tuple[Side, Side]:
        looks.append(1)
        if len(looks) == 3:
            switches.promote(person(target), BOUNDS, RECORDER, 25)
        return Side(), Side()

    monkeypatch.setattr(Host, "requests", requests)
    target.locked = True
    continued = steps.pause(deploying(target, pause_at=5), target, A.id, step(target))
    assert (len(looks), continued.pause_at, target.kept) == (3, 25, B)


@pytest.mark.parametrize("while_paused", [True, False])
def test_a_freeze_ends_a_canary_that_is_under_way(while_paused: bool) -> None:
    target = host_of(A)
    RECORDER.start(target, B, A.id)
    switches.freeze(person(target, "an audit"))
    act: Callable[..., object] = steps.pause if while_paused else steps.hold
    with pytest.raises(PipelineError, match=r"^at 5 %: deployments were frozen by ann \(.*\): an audit$"):
        act(deploying(target), target, A.id, step(target))


def end_paused(target: Host, error: BaseException) -> str:
    """What a deployer says whose paused canary ends by this error."""

    def run() -> None:
        with deploy.recording(deploying(target), target, A.id):
            RECORDER.pause(target, B, 5)
            raise error

    with pytest.raises(FailedError) as failed:
        run()
    return str(failed.value)


def test_a_paused_canary_whose_deployer_is_interrupted_stays_paused() -> None:
    target = host_of(A)
    assert end_paused(target, KeyboardInterrupt()) == (
        "release bbbbbbbbbbbb: interrupted while it was paused at 5 %; `pipeline promote` takes it up again; "
        "release aaaaaaaaaaaa serves 100 %"
    )
    assert target.entries[-1]["event"] == "paused"


def test_a_paused_canary_that_proves_bad_has_failed() -> None:
    target = host_of(A)
    assert end_paused(target, PipelineError("a reason")).startswith("release bbbbbbbbbbbb: a reason; ")
    assert (target.entries[-1]["event"], target.entries[-1]["reason"]) == ("failed", "a reason")
