"""On GitHub, the job's summary names each test that was skipped, and why."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipeline.conftest import ROOT

TESTS = """
import pytest
def test_a(): pytest.skip("no browser is installed")
@pytest.mark.skipif(True, reason="not on this system")
def test_b(): ...
def test_c(): ...
"""


@pytest.mark.engine
@pytest.mark.parametrize("workers", [0, 1])
def test_the_summary_of_the_job_names_what_was_skipped_and_why(tmp_path: Path, workers: int) -> None:
    (tmp_path / "test_some.py").write_text(TESTS, encoding="utf-8")
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    command = ["-m", "pytest", "-c", "/dev/null", f"--rootdir={tmp_path}", "-p", "tests.conftest", f"-n{workers}"]
    env = {"PYTHONPATH": str(ROOT), "GITHUB_STEP_SUMMARY": str(summary)}
    subprocess.run([sys.executable, *command, "test_some.py"], cwd=tmp_path, env=env, capture_output=True, check=True)
    assert summary.read_text(encoding="utf-8").splitlines() == [
        "before",
        "### 2 skipped by pytest",
        "",
        "- `test_some.py::test_a`: no browser is installed",
        "- `test_some.py::test_b`: not on this system",
    ]
