"""What a service that no release made says of its origin."""

from pathlib import Path

import pytest

from pipeline.core.git import git
from pipeline.ship.service import release


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    _files(folder)
    (folder / ".gitignore").write_text("models/\nbentos/\n")
    git(folder, "init")
    git(folder, "add", ".")
    git(folder, "-c", "user.name=n", "-c", "user.email=n@example.org", "commit", "--message", "first")
    return folder


def _files(folder: Path) -> None:
    (folder / "models").mkdir(parents=True)
    for name in ("models/model.txt", "models/signature.json", "params.yaml", "dvc.lock"):
        (folder / name).write_text("1")


@pytest.mark.parametrize("changed", ["params.yaml", "dvc.lock"])
def test_a_changed_work_tree_is_not_its_commit(checkout: Path, changed: str) -> None:
    commit = git(checkout, "rev-parse", "HEAD").stdout.strip()
    assert release.describe(checkout)["git_commit"] == commit
    (checkout / changed).write_text("2")
    assert release.describe(checkout)["git_commit"] == f"{commit}-dirty"


def test_a_bento_inside_a_checkout_names_no_commit(checkout: Path) -> None:
    _files(checkout / "bentos/pipeline")
    assert release.describe(checkout / "bentos/pipeline")["git_commit"] is None


def test_outside_a_repository_there_is_no_commit(tmp_path: Path) -> None:
    _files(tmp_path / "bento")
    assert release.describe(tmp_path / "bento")["git_commit"] is None
