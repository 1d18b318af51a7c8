"""What a deployment needs from its target. Docker is one; the judge of the canary knows only this interface."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.ship.deploy.evidence import Side
from pipeline.ship.deploy.observed import StepState
from pipeline.ship.release.manifest import Release


@dataclass(frozen=True)
class Answer:
    """A service's answer to a marked request; status 0, with the reason as text, where there was none."""

    status: int
    text: str
    milliseconds: float


class Host(Protocol):
    """The target while a deployment holds its lock. The state is read from what runs; PipelineError on failure."""

    def champion(self) -> str | None:
        """The release that gets the traffic, also after a restart of the proxy; None before the first."""

    def reset(self) -> None:
        """Give the champion all traffic again, and stop every other release; of failed ones the newest is kept."""

    def start(self, release: Release) -> None:
        """Pull the release's image, run it beside the champion without traffic, and wait until it is ready."""

    def is_ready(self, release: str) -> bool:
        """Whether a release reports that it is ready."""

    def serves(self) -> bool:
        """Whether a client gets an answer now."""

    def exit_reason(self, release: str) -> str | None:
        """Why a started release stopped; None where it runs."""

    def predict(self, release: str, bodies: Sequence[Any], timeout: float) -> list[Answer]:
        """The release's answers to marked requests, sent one after the other; fewer after `timeout` seconds."""

    def recent_lines(self, release: str, limit: int) -> list[dict[str, Any]]:
        """The newest lines of a release's prediction log, oldest first."""

    def new_lines(self, release: str) -> list[dict[str, Any]]:
        """The lines that a release has logged since the last call; the first call gives none."""

    def route(self, release: str, percent: int) -> None:
        """Give the candidate a share of the live traffic, for as long as `renew` is called."""

    def renew(self, release: str) -> None:
        """Extend the candidate's share; PipelineError where the proxy has taken it back."""

    def requests(self) -> tuple[Side, Side]:
        """What champion and candidate did with the live requests since the last call."""

    def promote(self, release: Release) -> None:
        """Make the running candidate the champion permanently."""

    def retire(self, release: str) -> None:
        """Let a former champion finish its requests, stop it, and keep it for a quick rollback."""

    def find_release(self, release: str) -> Release | None:
        """A release that was deployed to this host; None where there is no record of it."""

    def observe(self, step: StepState) -> None:
        """Show operators how a step stands; that never fails a deployment."""

    def ledger(self) -> list[dict[str, Any]]:
        """The entries, oldest first."""

    def record(self, entry: dict[str, Any]) -> None:
        """Add an entry to the ledger."""

    def park(self, release: Release) -> None:
        """Keep the release of a paused canary, for a deployer that takes it up."""

    def parked(self) -> Release | None:
        """The release that was kept last; None where there is none."""

    def advice(self) -> str:
        """What a person must do to apply params.yaml to this host; empty where it is applied."""


class Target(Protocol):
    """A target that one deployment at a time can lock."""

    def image(self) -> str | None:
        """The image of a release that runs here, and so was verified; None before the first."""

    def lock(self, image: str, deployer: str) -> AbstractContextManager[Host]:
        """Hold the lock, by a container of that image; PipelineError where another deployment holds it."""

    def beside(self, image: str, deployer: str) -> AbstractContextManager[Host]:
        """The host without the lock, by a container of that image: to read the ledger and add to it, no more."""

    def history(self) -> list[dict[str, Any]]:
        """The ledger's entries without the lock, oldest first."""

    def is_locked(self) -> bool:
        """Whether a deployment is under way."""
