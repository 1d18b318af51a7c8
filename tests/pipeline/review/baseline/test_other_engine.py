"""A model of a base with another engine is scored by that engine, in a process of its own."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.core.errors import PipelineError
from pipeline.models import model, training
from pipeline.review.baseline import other_engine
from pipeline.review.baseline.scored import by_this_engine
from tests.pipeline.conftest import ROOT
from tests.pipeline.models.test_training import KNOBS, prepare, save, table
from tests.pipeline.review.baseline.test_champion import git, repository

ROWS = table("regression", 50, seed=3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model."""
    prepared = prepare("regression")
    save(tmp_path / "model", prepared, training.fit(prepared, KNOBS), "regression")
    return tmp_path / "model"


def never(folder: Path, table: pd.DataFrame) -> Any:
    raise AssertionError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository whose base has an engine that rounds scores to two digits; the one of its work tree is this one."""
    engine = tmp_path / "work" / other_engine.ENGINE
    shutil.copytree(ROOT / other_engine.ENGINE, engine, ignore=shutil.ignore_patterns("__pycache__"))
    code = engine / "models/model.py"
    text = code.read_text(encoding="utf-8")
    assert ", {}), 9)" in text
    code.write_text(text.replace(", {}), 9)", ", {}), 2)"), encoding="utf-8")
    repository(tmp_path / "work", {})
    assert other_engine.scorer("HEAD", never, tmp_path / "work") is never
    code.write_text(text, encoding="utf-8")
    return tmp_path / "work"


def test_the_bases_engine_scores_the_bases_model(root: Path, folder: Path) -> None:
    scores = other_engine.scorer("HEAD", never, root)(folder, ROWS)
    np.testing.assert_array_equal(scores, by_this_engine(folder, ROWS).round(2))


def test_a_model_that_it_can_not_score_is_an_error_of_one_line(root: Path, folder: Path) -> None:
    (folder / model.MODEL).unlink()
    with pytest.raises(PipelineError, match=r"^its own engine can't score it \(.*model\.txt: no such file"):
        other_engine.scorer("HEAD", never, root)(folder, ROWS)


def test_an_engine_that_is_too_old_to_be_asked_leaves_it_to_this_one(tmp_path: Path, folder: Path) -> None:
    root = repository(tmp_path / "old", {"src/pipeline/__init__.py": ""})
    scores = other_engine.scorer("HEAD", by_this_engine, root)(folder, ROWS)
    np.testing.assert_array_equal(scores, by_this_engine(folder, ROWS))


def test_a_base_without_an_engine_leaves_it_to_this_one(tmp_path: Path, folder: Path) -> None:
    root = repository(tmp_path / "none", {"a": ""})
    git(root, "tag", "v1")
    scores = other_engine.scorer("v1", by_this_engine, root)(folder, ROWS)
    np.testing.assert_array_equal(scores, by_this_engine(folder, ROWS))
