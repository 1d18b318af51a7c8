"""What `pipeline doctor` says of the template: newer and withdrawn versions, and files that the project has edited."""

import shutil
from pathlib import Path

import pytest

from pipeline.core.git import git
from pipeline.doctor import template_state

FILE = """format: 1
source: {source}
version: {version}
{commit}project: [params.yaml, src/project/]
"""
LOG = "# Changelog\n\n## Unreleased\n\n## {version}{mark}\n- A line.\n\n## 0.1.0{first}\n- The first.\n"


class World:
    """The template's repository, and a project that was made from its version 0.1.0."""

    def __init__(self, folder: Path) -> None:
        self.template, self.project = folder / "template", folder / "project"
        self.template.mkdir()
        git(self.template, "init", "-q")
        self.release("0.1.0")
        shutil.copytree(self.template, self.project, ignore=shutil.ignore_patterns(".git"))
        git(self.project, "init", "-q")
        self.write(self.project, {".template.yaml": FILE.format(source="acme/pipeline", version="0.1.0", commit="")})

    def release(self, version: str, mark: str = "", first: str = "") -> None:
        files = {
            ".template.yaml": FILE.format(source="acme/pipeline", version=version, commit=""),
            "CHANGELOG.md": LOG.format(version=version, mark=mark, first=first),
            "src/pipeline/a.py": "a = 1\n",
            "src/pipeline/b.py": "b = 1\n",
            "params.yaml": "a: 1\n",
        }
        self.write(self.template, files)
        git(self.template, "tag", f"v{version}")

    def write(self, folder: Path, files: dict[str, str]) -> str:
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content)
        git(folder, "add", "--all")
        git(folder, "commit", "-qm", "a change")
        return git(folder, "rev-parse", "HEAD").stdout.strip()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The project is the working directory, and the template is where GitHub would be."""
    world = World(tmp_path)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{world.template}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://github.com/acme/pipeline")
    monkeypatch.chdir(world.project)
    return world


def test_the_newest_version_is_good(world: World) -> None:
    assert template_state.version().text == "0.1.0, the newest"


def test_a_newer_version_is_named(world: World) -> None:
    world.release("0.10.0")
    world.release("0.9.0")
    finding = template_state.version()
    assert (finding.state, finding.text, finding.remedy) == ("missing", "0.1.0; 0.10.0 is out", "make upgrade")


def test_a_withdrawn_version_is_not_offered(world: World) -> None:
    world.release("0.2.0", mark=" - 2026-01-01 [YANKED]")
    assert template_state.version().state == "good"


def test_a_withdrawn_version_in_use_is_wrong(world: World) -> None:
    world.release("0.2.0", first=" [YANKED]: its gate let everything pass")
    finding = template_state.version()
    assert finding.state == "wrong"
    assert finding.text == "0.1.0 was withdrawn: its gate let everything pass"


def test_a_template_that_does_not_answer_is_not_visible(world: World) -> None:
    shutil.rmtree(world.template)
    assert template_state.version().state == "not visible"


def test_without_a_source_nothing_is_visible(world: World) -> None:
    world.write(world.project, {".template.yaml": FILE.format(source="null", version="0.1.0", commit="")})
    assert template_state.version().state == "not visible"
    assert template_state.edited_files().state == "not visible"


def test_files_of_the_engine_that_were_edited_or_removed_are_named(world: World) -> None:
    assert template_state.edited_files().state == "good"
    world.write(world.project, {"params.yaml": "a: 2\n", "src/project/own.py": "x = 1\n", "notebooks/n.py": ""})
    assert template_state.edited_files().state == "good"
    world.write(world.project, {"src/pipeline/a.py": "a = 2\n"})
    git(world.project, "rm", "-q", "src/pipeline/b.py")
    git(world.project, "commit", "-qm", "gone")
    finding = template_state.edited_files()
    assert finding.state == "missing"
    assert finding.text == "2 edited: src/pipeline/a.py, src/pipeline/b.py; an upgrade merges them"


def test_after_an_upgrade_the_recorded_commit_counts(world: World) -> None:
    newer = world.write(world.template, {"src/pipeline/a.py": "a = 5\n"})
    written = FILE.format(source="acme/pipeline", version="0.1.0", commit=f'commit: "{newer}"\n')
    world.write(world.project, {".template.yaml": written})
    assert "src/pipeline/a.py" in template_state.edited_files().text
    world.write(world.project, {"src/pipeline/a.py": "a = 5\n"})
    assert template_state.edited_files().state == "good"


def test_a_commit_that_the_template_lacks_is_not_visible(world: World) -> None:
    written = FILE.format(source="acme/pipeline", version="0.1.0", commit='commit: "' + "1" * 40 + '"\n')
    world.write(world.project, {".template.yaml": written})
    assert template_state.edited_files().state == "not visible"
