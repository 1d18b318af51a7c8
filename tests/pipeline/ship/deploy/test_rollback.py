"""Which release a rollback returns to, also where the ledger's last entry is missing."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.ship.deploy.github_deployments import Recorder
from pipeline.ship.deploy.rollback import rollback
from pipeline.ship.deploy.target import Answer
from pipeline.ship.release.manifest import Release
from tests.pipeline.conftest import FROZEN
from tests.pipeline.ship.deploy.hosts_in_memory import MemoryHost, release

BOUNDS = params.read(FROZEN / "params.yaml").deploy
Z, A, B = release("0" * 12), release("a" * 12), release("b" * 12)
RECORDER = Recorder("production", "me", print)


class MemoryTarget(MemoryHost):
    """A host that serves one of these, and is its own target."""

    sent: Sequence[dict[str, Any]] = ()  # rows that clients sent lately

    def image(self) -> str | None:
        return self.serving.image if self.serving else None

    @contextmanager
    def lock(self, image: str, deployer: str) -> Iterator[MemoryHost]:
        yield self

    def beside(self, image: str, deployer: str) -> AbstractContextManager[MemoryHost]:
        return self.lock(image, deployer)

    def history(self) -> list[dict[str, Any]]:
        return self.ledger()

    def is_locked(self) -> bool:
        return False

    def find_release(self, release: str) -> Release | None:
        return next((candidate for candidate in (Z, A, B) if candidate.id == release), None)

    def reset(self) -> None: ...

    def start(self, release: Release) -> None: ...

    def predict(self, release: str, bodies: Sequence[Any], timeout: float) -> list[Answer]:
        known = {"x"}
        return [Answer(422 if {*body["rows"][0]} - known else 200, "z is not a field", 1.0) for body in bodies]

    def recent_lines(self, release: str, limit: int) -> list[dict[str, Any]]:
        fixed = {"id": "a-0", "score": 1.0, "time": "2026-11-21T10:00:00Z", "release": release, "ms": 1.0}
        return [fixed | {"features": row} for row in self.sent[:limit]]

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
    for serving in releases:
        RECORDER.start(target, serving, None)
        RECORDER.serve(target, serving)
    return target


def roll_back(target: MemoryTarget, wanted: str | None = None) -> str | None:
    rollback(target, BOUNDS, wanted, print, RECORDER, "me")
    return target.champion()


def test_a_second_rollback_returns_to_the_release_that_the_first_one_left() -> None:
    target = served(Z, A)
    assert [roll_back(target), roll_back(target)] == [Z.id, A.id]


@pytest.mark.parametrize("before", [[Z, A], [A]])
def test_a_rollback_leaves_also_a_champion_that_is_not_in_the_ledger(before: list[Release]) -> None:
    target = served(*before)
    RECORDER.start(target, B, A.id)
    target.serving = B  # its deployer was killed before it wrote the ledger
    assert roll_back(target) == A.id
    assert [entry["release"] for entry in target.ledger() if entry["event"] == "serving"][-2:] == [B.id, A.id]


@pytest.mark.parametrize(
    ("before", "wanted", "message"),
    [
        ([], None, "nothing was deployed yet"),
        ([A], None, f"release {A.id} is the first; there is none before it"),
        ([Z, A], B.id, f"release {B.id} never served on this host; allowed: {A.id}, {Z.id}"),
    ],
)
def test_a_rollback_that_is_not_possible_says_why(before: list[Release], wanted: str | None, message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        roll_back(served(*before), wanted)


def test_a_rollback_needs_no_verdict_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """It served here before: in an emergency that counts more."""
    assert roll_back(served(Z, A)) == Z.id
    assert "no verdict: an older version of the template made this release; it served here" in capsys.readouterr().out


def test_a_rollback_says_which_rows_of_today_the_release_of_then_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    """Its contract may not have a column that clients send since: they are told, and the rollback goes on."""
    target = served(Z, A)
    target.sent = [{"x": 1}, {"x": 1, "z": 2}, {"x": 3}]
    assert roll_back(target) == Z.id
    refused = f"warning: it refuses 1 of 3 rows that release {A.id} answered (422 z is not a field)"
    assert refused in capsys.readouterr().out
    target.sent = [{"x": 1}]
    assert roll_back(target) == A.id
    assert "warning" not in capsys.readouterr().out
