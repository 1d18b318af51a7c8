"""Which release a rollback returns to, whatever the ledger's last writer left out."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.ship.deploy.github_deployments import Recorder
from pipeline.ship.deploy.rollback import rollback
from pipeline.ship.release.manifest import Release
from tests.pipeline.conftest import FROZEN
from tests.pipeline.ship.deploy.hosts_in_memory import MemoryHost, release

BOUNDS = params.read(FROZEN / "params.yaml").deploy
Z, A, B = release("0" * 12), release("a" * 12), release("b" * 12)
RECORDER = Recorder("production", "me", print)


class MemoryTarget(MemoryHost):
    """A host that serves one of these, and is its own target."""

    def image(self) -> str | None:
        return self.serving.image if self.serving else None

    @contextmanager
    def hold(self, image: str, who: str) -> Iterator[MemoryHost]:
        yield self

    def history(self) -> list[dict[str, Any]]:
        return self.ledger()

    def held(self) -> bool:
        return False

    def known(self, release: str) -> Release | None:
        return next((one for one in (Z, A, B) if one.id == release), None)

    def settle(self) -> None: ...

    def start(self, release: Release) -> None: ...

    def ask(self, *_: Any) -> list[Any]:
        return []

    def promote(self, release: Release) -> None:
        self.serving = release

    def retire(self, release: str) -> None: ...

    def advice(self) -> str:
        return ""


@pytest.fixture(autouse=True)
def outside_a_workflow(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_REPOSITORY", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)


def served(*releases: Release) -> MemoryTarget:
    target = MemoryTarget(releases[-1] if releases else None)
    for one in releases:
        RECORDER.start(target, one, None)
        RECORDER.serve(target, one)
    return target


def back(target: MemoryTarget, wanted: str | None = None) -> str | None:
    rollback(target, BOUNDS, wanted, print, RECORDER, "me")
    return target.champion()


def test_a_rollback_returns_to_what_served_before_and_again_to_what_did_after() -> None:
    target = served(Z, A)
    assert [back(target), back(target)] == [Z.id, A.id]


@pytest.mark.parametrize("before", [[Z, A], [A]])
def test_a_champion_that_nobody_recorded_is_the_one_that_a_rollback_leaves(before: list[Release]) -> None:
    target = served(*before)
    RECORDER.start(target, B, A.id)
    target.serving = B  # its deployer was killed before it wrote the ledger
    assert back(target) == A.id
    assert [one["release"] for one in target.ledger() if one["event"] == "serving"][-2:] == [B.id, A.id]


@pytest.mark.parametrize(
    ("before", "wanted", "said"),
    [
        ([], None, "nothing was deployed yet"),
        ([A], None, f"release {A.id} is the first; there is none before it"),
        ([Z, A], B.id, f"release {B.id} never served here; allowed: {A.id}, {Z.id}"),
    ],
)
def test_what_a_rollback_can_not_return_to_is_said(before: list[Release], wanted: str | None, said: str) -> None:
    with pytest.raises(PipelineError, match=said):
        back(served(*before), wanted)
