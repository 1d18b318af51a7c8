"""The project that the workflows' tests start from."""

from pathlib import Path

import pytest

from tests.pipeline.workflows import world as worlds


@pytest.fixture
def base() -> Path:
    """A project whose main has been run and recorded."""
    return worlds.base()
