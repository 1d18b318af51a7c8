"""`make report` on a laptop: the whole comment and its preview, judged by main's bounds."""

from tests.pipeline.conftest import Project


def test_a_project_that_never_ran_says_what_to_do(binary_project: Project) -> None:
    done = binary_project.run("pipeline", "report")
    assert done.returncode == 2
    assert "make run" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_change_is_answered_by_mains_bounds(binary_project: Project) -> None:
    binary_project.ok("pipeline", "run")
    binary_project.commit("run")
    binary_project.ok("git", "checkout", "-qb", "change")
    binary_project.configure(features={"exclude": ["income", "age"]}, gate={"tolerance": 0.9})
    binary_project.ok("pipeline", "run")
    said = binary_project.ok("pipeline", "report", "--base", "main")
    assert said.splitlines() == ["gate: fail", "reports/pull_request.md", "reports/pull_request.html"]
    comment = binary_project.read("reports/pull_request.md")
    assert comment.startswith("### ❌ The gate fails")
    assert "by more than the 0.005 allowed" in comment
    assert "<code>features.exclude</code> none → income, age" in comment
    assert "changes what judges: main’s was used" in comment
    assert "it changes what judges (gate.tolerance)" in comment
    assert "<article><h3>❌ The gate fails" in binary_project.read("reports/pull_request.html")
    assert not binary_project.ok("git", "status", "--porcelain", "reports/pull_request.md")
