"""A program that can't be started gives an error of one line."""

import pytest

from pipeline.core.errors import PipelineError
from pipeline.ship.release.processes import run_program


def test_an_argument_that_is_longer_than_the_system_takes_is_one_line() -> None:
    with pytest.raises(PipelineError, match=r"^docker build x: Argument list too long$"):
        run_program("python", "-c", "", "x" * 200_000, failure="docker build x")
