"""Git's output is the same on every machine."""

import os
from pathlib import Path

import pytest

from pipeline.core.git import described_head, git, short_commit


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    assert git(tmp_path, "init").returncode == 0
    return tmp_path


def test_messages_are_in_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "de")
    assert "not a git repository" in git(tmp_path, "status").stderr


@pytest.mark.parametrize("quoted", ["true", "false"])
def test_names_are_not_quoted(repository: Path, quoted: str) -> None:
    git(repository, "config", "core.quotepath", quoted)
    (repository / "modèle.py").touch()
    git(repository, "add", ".")
    assert git(repository, "ls-files").stdout == "modèle.py\n"


def test_a_name_in_another_encoding_is_no_error(repository: Path) -> None:
    Path(os.fsdecode(bytes(repository) + b"/mod\xe8le.py")).touch()
    git(repository, "add", ".")
    assert git(repository, "ls-files").stdout == "mod�le.py\n"


def test_a_commit_ends_with_dirty_where_a_tracked_file_differs_anywhere_in_the_repository(repository: Path) -> None:
    assert described_head(repository) is None
    inner = repository / "inner"
    inner.mkdir()
    for path in (repository / "a", inner / "b"):
        path.write_text("1")
    git(repository, "add", ".")
    git(repository, "-c", "user.name=n", "-c", "user.email=n@example.org", "commit", "--message", "first")
    (repository / "untracked").touch()
    commit = git(repository, "rev-parse", "HEAD").stdout.strip()
    assert {described_head(repository), described_head(inner)} == {commit}
    (repository / "a").write_text("2")
    assert {described_head(repository), described_head(inner)} == {f"{commit}-dirty"}
    assert described_head(repository, besides=["a"]) == commit
    assert (short_commit(commit), short_commit(f"{commit}-dirty")) == (commit[:7], f"{commit[:7]}-dirty")
