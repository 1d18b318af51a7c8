"""`make report` on a laptop: the whole comment and its preview, judged by main's bounds."""

from pathlib import Path

import pytest

from tests.pipeline.conftest import Project
from tests.pipeline.trained import trained

pytestmark = pytest.mark.engine


def test_a_project_that_never_ran_says_what_to_do(binary_project: Project) -> None:
    done = binary_project.run("pipeline", "report")
    assert done.returncode == 2
    assert "make run" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_change_is_judged_by_mains_bounds(tmp_path: Path) -> None:
    project = trained(tmp_path, "binary")
    project.ok("git", "checkout", "-qb", "change")
    project.configure(features={"exclude": ["income", "age"]}, gate={"tolerance": 0.9})
    project.ok("pipeline", "run")
    output = project.ok("pipeline", "report", "--base", "main")
    assert output.splitlines() == [
        "dvc.lock, reports/metrics.json are not committed: commit what was measured before you push",
        "gate: fail",
        "judged by the bounds of main",
        "reports/pull_request.md",
        "reports/pull_request.html",
    ]
    gate = project.run("pipeline", "gate", "--base", "main").stdout.splitlines()
    assert gate[-1] == (
        "judged here by this work tree's bounds; `make report` and the pull request go by those of main "
        "(gate.tolerance: score 0.005, of_loss 0.02, of_constant null, here 0.9)"
    )
    comment = project.read("reports/pull_request.md")
    assert comment.startswith("### ❌ The gate fails")
    assert "by more than the 0.005 allowed" in comment
    assert "<code>features.exclude</code> none → income, age" in comment
    assert "changes what judges: main’s was used" in comment
    assert "it changes what judges (gate.tolerance)" in comment
    assert "<article><h3>❌ The gate fails" in project.read("reports/pull_request.html")
    assert not project.ok("git", "status", "--porcelain", "reports/pull_request.md")
