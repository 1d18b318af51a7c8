"""The table of `pipeline doctor`: aligned lines, exit status, bounded time, nothing written."""

import shutil
import threading
from pathlib import Path

import pytest

from pipeline.core.errors import PipelineError
from pipeline.core.git import git
from pipeline.doctor import command as doctor
from pipeline.doctor import machine, on_github, project, template_state
from pipeline.doctor.finding import Checks, Finding, good, missing, not_visible, wrong
from tests.pipeline.conftest import FROZEN, ROOT
from tests.pipeline.in_process import run


def test_lines_are_aligned_and_end_with_what_mends_it() -> None:
    findings = {"git": good("2.39"), "DVC remote": missing("none", "a page"), "disk": not_visible("a\nb")}
    assert list(doctor.table(findings)) == [
        "good         git         2.39",
        "missing      DVC remote  none → a page",
        "not visible  disk        a b",
    ]


def broken() -> Finding:
    raise PipelineError("a.yaml: wrong\nb.yaml: wrong")


def use(monkeypatch: pytest.MonkeyPatch, checks: Checks) -> None:
    for module in (project, template_state):
        monkeypatch.setattr(module, "CHECKS", {})
    monkeypatch.setattr(machine, "CHECKS", checks)
    monkeypatch.setattr(on_github, "checks", dict)
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize(
    ("finding", "status"), [(good("a"), 0), (missing("a", "b"), 0), (not_visible("a"), 0), (wrong("a", "b"), 1)]
)
def test_only_something_wrong_ends_with_1(finding: Finding, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, {"it": lambda: finding, "other": lambda: good("fine")})
    assert run("doctor")[0] == status


def test_an_error_of_a_check_is_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, {"it": broken})
    status, printed = run("doctor")
    assert status == 1
    assert printed.splitlines()[0] == "wrong        it  a.yaml: wrong (and 1 more)"
    assert printed.splitlines()[-1] == "doctor: 1 wrong, 0 missing, 0 not visible, 0 good"


def test_a_check_that_hangs_is_not_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PATIENCE", 0.05)
    end = threading.Event()

    def hang() -> Finding:
        end.wait(60)
        return good("late")

    findings = doctor.examine({"slow": hang})
    end.set()
    assert findings == {"slow": not_visible("no answer within 0.05 s")}


def test_outside_of_a_project_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("doctor") == (2, "error: .template.yaml: no such file; run from the top of the repository\n")


@pytest.mark.engine
def test_it_looks_at_everything_and_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(FROZEN, tmp_path, dirs_exist_ok=True)
    for name in (".template.yaml", "pyproject.toml", "uv.lock", ".gitignore", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    for name in (".github/workflows", ".github/rulesets", ".dvc"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("cache", "tmp"))
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "-qm", "start")
    monkeypatch.chdir(tmp_path)
    before = sorted(str(path) for path in tmp_path.rglob("*") if ".git/" not in str(path))

    status, printed = run("doctor")

    assert status == 1, printed  # no .venv
    expected = [*machine.CHECKS, *project.CHECKS, *template_state.CHECKS, *on_github.checks()]
    assert len(printed.splitlines()) == len(expected) + 1
    assert "Traceback" not in printed
    assert sorted(str(path) for path in tmp_path.rglob("*") if ".git/" not in str(path)) == before
    assert git(tmp_path, "status", "--porcelain").stdout == ""
