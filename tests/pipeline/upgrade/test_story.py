"""A project from before src/project/, with data, parameters, tests and a README of its own, through two upgrades."""

import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.core import template
from pipeline.core.git import git
from tests.pipeline import guard
from tests.pipeline.conftest import FROZEN, GATES, ROOT, Project, small_table

pytestmark = pytest.mark.engine

BEFORE = "adbf4ff"  # the last commit before src/project/
OURS = {
    "README.md": "# Ours\n",
    "tests/own/test_own.py": "def test_own():\n    pass\n",
    "src/pipeline/models/ours.py": "ours = 1\n",
}
LIBRARY = "markdown-it-py"  # in uv.lock already, as one of the template's


def template_repository(folder: Path) -> Project:
    """The template with the old commit, and version 0.3.0 as the files are here."""
    archived = subprocess.run(["git", "archive", BEFORE], cwd=ROOT, capture_output=True, check=False)
    if archived.returncode:
        pytest.skip(f"the history here begins after {BEFORE}")
    repository = Project(folder)
    folder.mkdir()
    repository.ok("git", "init", "-q", "-b", "main")
    subprocess.run(["tar", "x"], cwd=folder, input=archived.stdout, check=True)
    repository.commit("before the house")
    repository.ok("git", "rm", "-rqf", ".")
    names = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").stdout.split("\0")
    own = template.read(ROOT)
    for name in filter(None, names):
        if (ROOT / name).is_file() and (not own.is_project(name) or name == guard.LOCKED):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    shutil.copytree(FROZEN, folder, dirs_exist_ok=True)
    release(repository, "0.3.0")
    return repository


def release(repository: Project, version: str) -> None:
    path = repository.folder / ".template.yaml"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(f"version: {version}\n" if line.startswith("version:") else line for line in lines))
    repository.commit(f"version {version}")
    repository.ok("git", "tag", f"v{version}")


def fork_of(repository: Project, folder: Path) -> Project:
    """What GitHub makes of the old commit, with everything of its own."""
    folder.mkdir()
    fork = Project(folder)
    fork.ok("git", "init", "-q", "-b", "main")
    first = repository.ok("git", "rev-list", "--max-parents=0", "HEAD").strip()
    archived = subprocess.run(["git", "archive", first], cwd=repository.folder, capture_output=True, check=True)
    subprocess.run(["tar", "x"], cwd=folder, input=archived.stdout, check=True)
    fork.commit("Initial commit")
    for name, content in OURS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    small_table("binary").to_parquet(folder / "data/table.parquet", index=False)
    fork.configure(
        card={"title": "Churn"},
        data={"source": "data/table.parquet", "key": "id"},
        task={"target": "outcome", "positive": "yes"},
        train={"min_data_in_leaf": 10, "max_trees": 20, "device": "cpu"},
        evaluate={"slices": ["town", "age"], "sensitive": ["town"], "bootstrap": 200},
        gate={**GATES["binary"], "tolerance": 0.009},
    )
    (folder / "dvc.lock").unlink()
    fork.commit("our project")
    return fork


def upgrade(fork: Project, repository: Project) -> str:
    """Upgrade, and squash-merge the branch as GitHub does."""
    printed = fork.ok("pipeline", "upgrade", "--source", str(repository.folder))
    branch = fork.ok("git", "branch", "--show-current").strip()
    fork.ok("git", "switch", "-q", "main")
    fork.ok("git", "merge", "-q", "--squash", branch)
    fork.commit(f"{branch} (#7)")
    return printed


def test_two_squash_merged_upgrades_of_a_project_from_before_its_own_rooms(tmp_path: Path) -> None:
    repository = template_repository(tmp_path / "template")
    fork = fork_of(repository, tmp_path / "fork")

    printed = upgrade(fork, repository)

    assert "gate.tolerance: is gate.tolerance.score now, with your value 0.009" in printed
    assert "simulate: is gone" in printed
    assert "kept as they are: src/pipeline/models/ours.py, tests/own/test_own.py" in printed
    assert all(fork.read(name) == content for name, content in OURS.items())
    assert fork.read("src/pipeline/core/template.py") == repository.read("src/pipeline/core/template.py")
    assert not (fork.folder / "src/pipeline/stages").exists()
    fork.ok("pipeline", "fetch")
    fork.ok("pipeline", "schema", "--force")
    assert "gate: " in fork.ok("pipeline", "run")
    fork.commit("run again")

    project_file = fork.folder / "src/project/pyproject.toml"
    text = project_file.read_text(encoding="utf-8")
    project_file.write_text(text.replace("dependencies = []", f'dependencies = ["{LIBRARY}"]'))
    fork.commit("a library")
    path = repository.folder / "src/pipeline/demo/shifts.py"
    path.write_text(path.read_text(encoding="utf-8") + "\n\nNEWER = 1\n")
    release(repository, "0.4.0")
    before = {name: fork.read(name) for name in ("params.yaml", "dvc.lock", "reports/metrics.json")}

    printed = upgrade(fork, repository)

    assert "upgrade: 0.3.0 → 0.4.0" in printed
    assert "uv.lock: could not be resolved" not in printed
    assert {name: fork.read(name) for name in before} == before
    assert fork.read("src/pipeline/demo/shifts.py").endswith("NEWER = 1\n")
    lock = fork.read("uv.lock").partition('name = "project"')[2]
    assert f'{{ name = "{LIBRARY}" }}' in lock.partition("[[package]]")[0]
    assert all(fork.read(name) == content for name, content in OURS.items())
    own = template.read(fork.folder)
    assert (own.version, own.commit) == ("0.4.0", repository.ok("git", "rev-parse", "HEAD").strip())
    assert fork.ok("git", "status", "--porcelain") == ""
