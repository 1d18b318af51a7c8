"""Which image on this machine a release takes as its own."""

from pathlib import Path

import pytest

from pipeline.ship.release import command
from tests.pipeline.ship.deploy.hosts_in_memory import release
from tests.pipeline.ship.release.history import History


@pytest.mark.parametrize("end", ["", "-dirty"])
def test_an_image_that_another_repository_built_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    history = History(tmp_path / "work")
    monkeypatch.chdir(history.folder)
    own = release("a" * 12, commit=history.commit("a", "a") + end)
    assert command._is_of_this_repository(own)
    assert not command._is_of_this_repository(release("a" * 12, commit="c" * 40 + end))
