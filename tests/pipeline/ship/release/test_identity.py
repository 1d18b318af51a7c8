"""A release's id changes with the content of the image, and with nothing else."""

import shutil
from pathlib import Path

import pytest

from pipeline.core import params
from pipeline.core.git import git
from pipeline.ship.release.identity import identify, modules
from tests.pipeline.conftest import FROZEN, ROOT

LOCKED = "numpy==2.4.6\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "src/pipeline", tmp_path / "src/pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(FROZEN / "params.yaml", tmp_path)
    for name in ("models/model.txt", "models/signature.json", "data/schema.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    params._read.cache_clear()


def test_the_service_needs_nothing_that_trains_or_judges() -> None:
    rooms = {"/".join(path.parts[1:3]) for path in modules(ROOT / "src") if len(path.parts) > 3}

    assert "ship/service" in rooms
    assert rooms <= {"core/params", "data/contract", "data/values", "ship/service"}


def test_the_same_content_is_the_same_release(root: Path) -> None:
    before = identify(root, LOCKED, "base")
    (root / "README.md").write_text("words", encoding="utf-8")
    edit(root / "src/pipeline/train/stages/train.py", '"""', '"""A comment. ')
    edit(root / "params.yaml", "seed: 0", "seed: 1")

    assert len(before) == 12
    assert identify(root, LOCKED, "base") == before


def test_a_pipeline_in_a_folder_is_served_by_the_engine_at_the_top(root: Path) -> None:
    assert git(root, "init", "-q").returncode == 0
    for name in ("models", "data", "params.yaml"):
        (root / "churn").mkdir(exist_ok=True)
        (root / name).rename(root / "churn" / name)
    before = identify(root / "churn", LOCKED, "base")
    edit(root / "src/pipeline/ship/service/answers.py", '"""', '"""Other. ')
    assert identify(root / "churn", LOCKED, "base") != before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("models/model.txt", "models", "other"),
        ("models/signature.json", "models", "other"),
        ("data/schema.yaml", "data", "other"),
        ("params.yaml", "max_rows: 1000 ", "max_rows: 1001 "),
        ("src/pipeline/ship/service/answers.py", '"""', '"""Other. '),
        ("src/pipeline/core/files.py", '"""', '"""Other. '),
    ],
)
def test_other_content_is_another_release(root: Path, name: str, old: str, new: str) -> None:
    before = identify(root, LOCKED, "base")
    edit(root / name, old, new)

    assert identify(root, LOCKED, "base") != before


def test_other_packages_or_another_base_image_are_another_release(root: Path) -> None:
    ids = {identify(root, LOCKED, "base"), identify(root, "numpy==2.4.7\n", "base"), identify(root, LOCKED, "other")}

    assert len(ids) == 3
