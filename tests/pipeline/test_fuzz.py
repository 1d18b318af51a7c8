"""Commands in a trained project of which one file is damaged: none ends in a traceback.

`tests/pipeline/fuzz` draws the cases by their seeds. More of them than the usual share:
`PYTEST_FUZZ_CASES=2000 .venv/bin/pytest tests/pipeline/test_fuzz.py`; one in full:
`.venv/bin/python -m tests.pipeline.fuzz SEED --show`.
"""

import os
import subprocess
import sys

import pytest

from tests.pipeline.conftest import ROOT

pytestmark = [pytest.mark.engine, pytest.mark.timeout(7200)]

CASES = int(os.environ.get("PYTEST_FUZZ_CASES", "12"))
# Seeds of cases that ended in a traceback, an abort or an unreadable line before their kind was mended. A seed is the
# same case as long as `cases.COMMANDS` and the kinds of damage stay as they are.
FAILED_ONCE = (38, 52, 105, 158, 210, 220, 300, 307, 318, 344, 378, 1039, 2142, 2219, 2477, 5110, 5468, 5597)


def test_no_damaged_file_of_our_own_ends_a_command_in_a_traceback() -> None:
    seeds = [*map(str, FAILED_ONCE), f"0-{CASES - 1}"]
    command = [sys.executable, "-m", "tests.pipeline.fuzz", *seeds]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
    assert f"{len(FAILED_ONCE) + CASES} cases, 0 failures" in run.stdout
