"""What a deployment needs of the place that it deploys to. Docker is one; what judges knows only this."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.ship.deploy.evidence import Side
from pipeline.ship.release.manifest import Release


@dataclass(frozen=True)
class Answer:
    """A service's answer to a marked request; status 0 and the reason where there was none."""

    status: int
    text: str
    milliseconds: float


class Host(Protocol):
    """The place while a deployment holds its lock. It reads what runs there; PipelineError where it can't."""

    def champion(self) -> str | None:
        """The release that gets the traffic, also after a restart of the proxy; None before the first."""

    def settle(self) -> None:
        """Give the champion all traffic again, and remove what else runs, whoever left it there."""

    def start(self, release: Release) -> None:
        """Bring the release's image and run it beside the champion, without traffic, until it says that it is ready."""

    def ready(self, release: str) -> bool:
        """Whether a release answers that it is."""

    def ended(self, release: str) -> str | None:
        """How a started release ended; None where it runs."""

    def ask(self, release: str, bodies: Sequence[Any], seconds: float) -> list[Answer]:
        """Its predictions for marked requests, one after the other; fewer where the seconds are over."""

    def recent(self, release: str, limit: int) -> list[dict[str, Any]]:
        """The newest lines of a release's prediction log, oldest first."""

    def fresh(self, release: str) -> list[dict[str, Any]]:
        """The lines that were logged since the last call."""

    def route(self, release: str, percent: int) -> None:
        """Give the candidate a share of the live traffic, for as long as `renew` is called."""

    def renew(self, release: str) -> None:
        """Keep the candidate's share; PipelineError where the proxy has taken it back."""

    def requests(self) -> tuple[Side, Side]:
        """What champion and candidate did with the live requests since the last call."""

    def promote(self, release: Release) -> None:
        """Make the running candidate the champion, for good."""

    def retire(self, release: str) -> None:
        """Let a former champion finish its requests, stop it, and keep it for a quick return."""

    def known(self, release: str) -> Release | None:
        """A release that was deployed here."""

    def ledger(self) -> list[dict[str, Any]]:
        """The entries, oldest first."""

    def record(self, entry: dict[str, Any]) -> None:
        """Add an entry to the ledger."""

    def advice(self) -> str:
        """What a person must do for params.yaml to hold here; empty where it does."""


class Target(Protocol):
    """A place that can be held by one deployment at a time."""

    def image(self) -> str | None:
        """The image of a release that runs here, and so was verified; None before the first."""

    def hold(self, image: str, who: str) -> AbstractContextManager[Host]:
        """The lock, held by a container of that image; PipelineError where another deployment has it."""

    def history(self) -> list[dict[str, Any]]:
        """The ledger's entries without the lock, oldest first."""

    def held(self) -> bool:
        """Whether a deployment is under way."""
