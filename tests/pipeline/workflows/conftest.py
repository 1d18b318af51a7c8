"""What every story of the workflows begins with."""

from pathlib import Path

import pytest

from tests.pipeline.workflows import world as worlds


@pytest.fixture
def made() -> Path:
    """The project that every story begins with."""
    return worlds.base()
