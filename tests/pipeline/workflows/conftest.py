"""What every story of the workflows begins with."""

from pathlib import Path

import pytest

from tests.pipeline.workflows import world as worlds


@pytest.fixture
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project that every story begins with; with xdist its workers share it."""
    shared = tmp_path_factory.getbasetemp()
    return worlds.base(shared.parent if shared.name.startswith("popen-") else shared)
