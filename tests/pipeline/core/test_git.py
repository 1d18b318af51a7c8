"""Git's output is the same on every machine."""

import os
from pathlib import Path

import pytest

from pipeline.core.git import git


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
