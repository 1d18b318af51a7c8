"""`uv.lock` resolved anew, and the merged engine asked about `params.yaml`."""

import shutil
from pathlib import Path

import pytest

from pipeline.upgrade import environment
from tests.pipeline.conftest import FROZEN, ROOT


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    return tmp_path


def install_uv(script: str) -> None:
    path = Path("bin/uv")
    path.write_text(f"#!{shutil.which('sh', path='/bin:/usr/bin')}\n{script}\n")
    path.chmod(0o755)


def test_the_templates_lock_is_what_uv_begins_with() -> None:
    install_uv('[ "$1" = lock ] && read line <uv.lock && echo "$line, resolved" >uv.lock')
    assert environment.resolve("theirs\n") is None
    assert Path("uv.lock").read_text() == "theirs, resolved\n"


def test_why_uv_failed_is_said_and_the_templates_lock_stays() -> None:
    install_uv("echo 'error: no version of x fits' >&2; exit 1")
    assert environment.resolve("theirs\n") == "error: no version of x fits"
    assert Path("uv.lock").read_text() == "theirs\n"


def test_a_missing_uv_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_uv_of_tools", list)
    assert environment.resolve("theirs\n") == "uv is neither on the PATH nor in .tools"


def test_the_engine_of_the_work_tree_reads_the_parameters(folder: Path) -> None:
    shutil.copytree(ROOT / "src/pipeline", folder / "src/pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(FROZEN / "params.yaml", folder)
    assert environment.parameter_problems() == []
    with Path("params.yaml").open("a") as file:
        file.write("more: 1\n")
    assert [line.partition(";")[0] for line in environment.parameter_problems()] == ["params.yaml: more: unknown key"]
    Path("src/pipeline/core/params/__init__.py").write_text("raise ValueError('of this work tree')\n")
    assert environment.parameter_problems() == ["ValueError: of this work tree"]
