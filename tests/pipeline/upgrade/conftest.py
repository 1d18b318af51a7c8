"""A small template with versions, and a project that was made from one of them."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.core.git import git
from pipeline.upgrade import environment

TEMPLATE = """# Whose a path is.
format: 1
source: null
version: {version}   # Of the template.

project:
  - README.md
  - data/
  - dvc.lock
  - params.yaml
  - src/project/
  - tests/project/
"""
PARAMS = "train:\n  seed: 0   # Seed.\n"
ENGINE = "".join(f"line {number}\n" for number in range(30))
FIRST = {
    "README.md": "# Template\n",
    "CHANGELOG.md": "# Changelog\n\n## 0.1.0\n- The first.\n",
    "data/table.csv": "a\n1\n",
    "dvc.lock": "schema: '2.0'\n",
    "params.yaml": PARAMS,
    "src/project/__init__.py": "",
    "src/project/pyproject.toml": "[project]\n",
    "src/pipeline/engine.py": ENGINE,
    "src/pipeline/old_name.py": "".join(f"old {number}\n" for number in range(30)),
    "src/pipeline/gone.py": "gone\n",
}


class Repository:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *command: str) -> str:
        done = git(self.folder, *command)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, files: Mapping[str, str | None], message: str = "a change") -> str:
        """Write the files, remove those that are None, and commit."""
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink()
            else:
                path.write_text(content)
        self.git("add", "--all")
        self.git("commit", "-qm", message)
        return self.git("rev-parse", "HEAD")

    def read(self, name: str) -> str:
        return (self.folder / name).read_text()

    def files(self) -> dict[str, str]:
        """The text of each file that git tracks, as the work tree has it."""
        return {name: self.read(name) for name in self.git("ls-files").splitlines()}


class Template(Repository):
    """The template's repository; version 0.1.0 is out."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.release("0.1.0", FIRST)

    def release(
        self, version: str, files: Mapping[str, str | None], mark: str = "", sign: list[str] | None = None
    ) -> str:
        log = files.get("CHANGELOG.md") or self.read("CHANGELOG.md").replace(
            "# Changelog\n", f"# Changelog\n\n## {version}{mark}\n- News of {version}.\n", 1
        )
        commit = self.commit(
            {**files, ".template.yaml": TEMPLATE.format(version=version), "CHANGELOG.md": log}, f"version {version}"
        )
        self.git(*(sign or []), "tag", *(["-s", "-m", version] if sign else []), f"v{version}")
        return commit


class Fork(Repository):
    """A project that GitHub has made from the template: its files in one commit."""

    def __init__(self, folder: Path, template: Template) -> None:
        super().__init__(folder)
        self.template = template
        self.commit(template.files(), "Initial commit")
        self.commit(OWN, "our project")

    def squash(self, branch: str) -> None:
        """What GitHub's squash-merge of the branch makes of main."""
        self.git("switch", "-q", "main")
        self.git("merge", "-q", "--squash", branch)
        self.git("commit", "-qm", f"{branch} (#7)")
        self.git("branch", "-qD", branch)


OWN = {
    "README.md": "# Ours\n",
    "data/table.csv": "b\n2\n",
    "data/more.csv": "c\n3\n",
    "dvc.lock": "schema: '2.0'\nstages: {}\n",
    "params.yaml": "train:\n  seed: 7   # ours\n",
    "src/project/__init__.py": "ours = 1\n",
    "tests/project/unit/test_own.py": "own = 1\n",
    "notebooks/look.ipynb": "{}\n",
}


@pytest.fixture
def template(tmp_path: Path) -> Template:
    return Template(tmp_path / "template")


@pytest.fixture
def fork(tmp_path: Path, template: Template, monkeypatch: pytest.MonkeyPatch) -> Fork:
    """The working directory. Its engine is too small to be asked about the parameters."""
    fork = Fork(tmp_path / "fork", template)
    monkeypatch.chdir(fork.folder)
    monkeypatch.setattr(environment, "parameter_problems", list)
    return fork


def run_program(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
