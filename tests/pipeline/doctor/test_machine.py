"""What `pipeline doctor` finds on a machine: each part where it is good, and where it is not."""

import os
import shutil
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from pipeline.doctor import machine
from tests.pipeline.conftest import ROOT

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository, on a machine without programs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def install(name: str, prints: str = "", status: int = 0) -> None:
    """A program that prints this."""
    path = Path("bin") / name
    path.write_text(f"#!{shutil.which('sh', path='/bin:/usr/bin')}\necho '{prints}'\nexit {status}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("check", "prints"),
    [
        ("git", "git version 2.39.5"),
        ("make", "GNU Make 4.3"),
        ("uv", "uv 0.13.8"),
        ("gh", "gh version 2.100.0"),
    ],
)
def test_a_tool_is_found_or_named(check: str, prints: str) -> None:
    assert getattr(machine, check)().state == ("missing" if check == "gh" else "wrong")
    install(check, prints)
    assert (getattr(machine, check)().state, getattr(machine, check)().text) == ("good", prints)


def test_an_old_git_is_wrong() -> None:
    install("git", "git version 2.17.1")
    assert machine.git().state == "wrong"


def test_uv_in_tools_counts(folder: Path) -> None:
    install("uv", "uv 0.13.8")
    (folder / ".tools/bin").mkdir(parents=True)
    (folder / "bin/uv").rename(folder / ".tools/bin/uv")
    assert machine.uv().state == "good"


def test_python_is_compared_with_the_project_file(folder: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", folder)
    assert machine.python().state == "good"
    (folder / "pyproject.toml").write_text('[project]\nrequires-python = "<3.9"\n')
    assert machine.python().state == "wrong"
    assert "asks for <3.9" in machine.python().text


def test_an_environment_older_than_the_lock_is_wrong(folder: Path) -> None:
    assert (machine.environment().state, machine.environment().remedy) == ("wrong", "make setup")
    (folder / ".venv").mkdir()
    for name, time in (("uv.lock", 1000), (".venv/.synced", 2000)):
        (folder / name).touch()
        os.utime(folder / name, (time, time))
    assert machine.environment().state == "good"
    os.utime(folder / "uv.lock", (3000, 3000))
    assert machine.environment().text == "uv.lock changed after .venv was installed"


@pytest.mark.parametrize(("gigabytes", "state"), [(0.3, "wrong"), (3, "missing"), (50, "good")])
def test_the_free_space(gigabytes: float, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, int(gigabytes * 1e9)))
    assert machine.disk().state == state


@pytest.mark.parametrize(
    ("script", "cards", "state", "text"),
    [
        (
            "print('cuda', 'CUDA works', sep='\\t')",
            "GPU 0: NVIDIA H100 (UUID: x)",
            "good",
            "trains on cuda: CUDA works",
        ),
        ("print('cpu', 'CUDA: no', sep='\\t')", None, "good", "trains on cpu: CUDA: no"),
        ("print('cpu', 'CUDA: no', sep='\\t')", "GPU 0: NVIDIA H100 (UUID: x)", "missing", "GPU 0: NVIDIA H100 is not"),
        ("print('cpu', 'train.device is cpu', sep='\\t')", "GPU 0: H100", "good", "train.device is cpu"),
        ("class PipelineError(Exception): ...\nraise PipelineError('no GPU works')", None, "wrong", "no GPU works"),
    ],
)
def test_the_gpu(script: str, cards: str | None, state: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "DEVICES", script)
    if cards:
        install("nvidia-smi", cards)
    assert machine.gpu().state == state
    assert text in machine.gpu().text


def test_what_lightgbm_sees_is_asked_of_lightgbm(monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(ROOT / "tests/pipeline/frozen/params.yaml", "params.yaml")
    assert machine.gpu().text.startswith("LightGBM trains on cpu: CUDA: ")
    monkeypatch.setenv("PIPELINE_DEVICE", "gpu")
    assert machine.gpu().state == "wrong"
    assert "PIPELINE_DEVICE is gpu and no GPU works" in machine.gpu().text


def test_docker() -> None:
    assert machine.docker().state == "missing"
    install("docker", status=1)
    assert machine.docker().text == "docker is installed, but its engine does not answer"
    install("docker", "24.0.7")
    assert (machine.docker().state, machine.docker().text) == ("good", "engine 24.0.7")


def test_the_deploy_host(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.deploy_host().state == "not visible"
    monkeypatch.setenv("DEPLOY_TARGET", "ssh://me@host")
    assert (machine.deploy_host().state, machine.deploy_host().remedy) == ("wrong", "docker --host ssh://me@host info")
    install("docker", "24.0.7")
    assert machine.deploy_host().state == "good"
    monkeypatch.setenv("DEPLOY_TARGET", "host")
    assert "is no address of Docker" in machine.deploy_host().text


def test_a_program_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "TIMEOUT", 0.1)
    assert machine.output(sys.executable, "-c", "import time; time.sleep(60)") is None
