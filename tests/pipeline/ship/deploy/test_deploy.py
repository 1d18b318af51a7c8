"""When a champion counts as unreachable, without containers."""

import pytest

from pipeline.ship.deploy import deploy
from tests.pipeline.ship.deploy.hosts_in_memory import MemoryHost


@pytest.mark.parametrize(("answers", "expected"), [([False, False, True], True), ([False] * 4, False)])
def test_a_champion_counts_as_unreachable_only_after_several_checks(
    monkeypatch: pytest.MonkeyPatch, answers: list[bool], expected: bool
) -> None:
    monkeypatch.setattr("pipeline.ship.deploy.deploy.time.sleep", lambda _: None)
    monkeypatch.setattr(MemoryHost, "is_ready", lambda *_: answers.pop(0))
    assert deploy._is_ready(MemoryHost(), "a" * 12) is expected
    assert answers == []
