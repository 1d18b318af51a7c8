"""When a champion is taken for gone, without containers."""

import pytest

from pipeline.ship.deploy import deploy
from tests.pipeline.ship.deploy.hosts_in_memory import MemoryHost


@pytest.mark.parametrize(("answers", "found"), [([False, False, True], True), ([False] * 4, False)])
def test_a_champion_is_gone_only_after_several_looks(
    monkeypatch: pytest.MonkeyPatch, answers: list[bool], found: bool
) -> None:
    monkeypatch.setattr("pipeline.ship.deploy.deploy.time.sleep", lambda _: None)
    monkeypatch.setattr(MemoryHost, "ready", lambda *_: answers.pop(0))
    assert deploy._answers(MemoryHost(), "a" * 12) is found
    assert answers == []
