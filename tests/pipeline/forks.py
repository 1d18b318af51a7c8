"""A new fork: the template's files as they are here, and a project with a table of its own."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.pipeline.conftest import FROZEN, GATES, ROOT, Project, small_table
from tests.pipeline.guard import owner_is_project

NAMES = {
    "id": "customer",
    "income": "earnings",
    "age": "years",
    "town": "place",
    "member": "loyal",
    "since": "joined",
    "outcome": "churn",
}
OWN_TEST = '''"""Tests of the project."""

from pathlib import Path


def test_the_model_card_has_a_title():
    assert "title: Churn" in Path("params.yaml").read_text(encoding="utf-8")
'''
TIMEOUT = 1500  # seconds, for one command


class Fork(Project):
    """A clone in which commands run as a person types them."""

    def run(self, *command: str, **env: str) -> "subprocess.CompletedProcess[str]":
        """Run a command as in a new shell, with uv on the PATH and without settings of pytest, DVC or git."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "DVC_", "GIT_"))}
        path = f"{os.environ['PATH']}{os.pathsep}{ROOT / '.tools/bin'}"
        return subprocess.run(
            command,
            cwd=self.folder,
            env=inherited | {"PATH": path, "OMP_NUM_THREADS": "1"} | env,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )


def fork(folder: Path) -> Fork:
    """The template's files, uncommitted ones too, and the project's as in a new fork."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file() and not owner_is_project(str(ROOT / name)):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    shutil.copytree(FROZEN, folder, dirs_exist_ok=True)
    if (cache := ROOT / ".mypy_cache").is_dir():  # of the same files: what is the fork's own is checked alone
        shutil.copytree(cache, folder / cache.name)
    (folder / "README.md").write_text("# Churn\n", encoding="utf-8")
    new_fork = Fork(folder)
    new_fork.ok("git", "init", "-q", "-b", "main")
    new_fork.commit("the template")
    return new_fork


def share_compiled_modules(fork: Fork) -> None:
    """Copy what Python has compiled here to the fork, where libraries, engine and tests are the same files."""
    for name in (".venv/lib", "src/pipeline", "tests/pipeline"):
        for folder in (ROOT / name).rglob("__pycache__"):
            own = fork.folder / folder.relative_to(ROOT)
            if own.parent.is_dir():
                shutil.copytree(folder, own, dirs_exist_ok=True)


def put_own_data(fork: Fork, task: str) -> None:
    """Another table, key, target and columns: the README's "put in your own data" up to its commands."""
    (fork.folder / "data/customers").mkdir()
    table = small_table(task).rename(columns=NAMES)
    for index, part in enumerate((table.iloc[:700], table.iloc[700:])):
        part.to_csv(fork.folder / f"data/customers/{index}.csv", index=False)
    fork.configure(
        card={"title": "Churn"},
        data={"source": "data/customers/*.csv", "key": "customer"},
        task={"type": task, "target": "churn", "positive": "yes" if task == "binary" else None},
        evaluate={"slices": ["place", "years"], "sensitive": ["place"]},
        gate=GATES[task],
    )
    tests = fork.folder / "tests/project/unit"
    tests.mkdir(parents=True)
    for package in (tests.parent, tests):
        (package / "__init__.py").touch()
    (tests / "test_own.py").write_text(OWN_TEST, encoding="utf-8")


def parameters(fork: Fork) -> dict[str, Any]:
    content: dict[str, Any] = YAML(typ="safe").load(fork.folder / "params.yaml")
    return content
