"""A project whose split is by time, run as its user runs it: what is measured, what ships, and what is compared."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.models import model
from pipeline.ship.release import golden, judging
from pipeline.ship.release.production import Predecessor
from tests.pipeline import shared, trained
from tests.pipeline.conftest import Project, small_project

pytestmark = pytest.mark.engine
ROWS = 1200


def _run(folder: Path) -> None:
    """A first model, and on top of it one of other parameters on the same rows."""
    project = small_project(folder, "binary")
    project.configure(split={"time": "since"}, gate={"floors": {}})
    project.ok("dvc", "repro", "--quiet")
    project.commit("the first model")
    project.configure(train={"num_leaves": 7})
    project.ok("dvc", "repro", "--quiet")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = shared.make_once(f"by-time-{shared.digest(Path(__file__).parent, [Path(__file__)])}", trained.key(), _run)
    shutil.copytree(made, tmp_path / "work", symlinks=True)
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    return Project(tmp_path / "work")


def scores() -> Any:
    return pd.read_parquet("reports/scores.parquet").filter(like="score").to_numpy().ravel()


def test_the_model_that_ships_has_learned_all_rows_and_the_measured_one_none_of_the_test(project: Project) -> None:
    ships, measured = model.load(Path("models")), model.load(Path("models/measured"))
    test = pd.read_parquet("data/split/test.parquet")
    assert ships.signature.refitted is not None
    assert measured.signature.refitted is not None
    assert (ships.signature.refitted.count, measured.signature.refitted.count) == (ROWS, ROWS - len(test))
    assert pd.Timestamp(str(measured.signature.seen_until)) < test["since"].min()
    np.testing.assert_array_equal(scores(), measured.predict(test))


def test_the_champion_is_compared_on_all_test_rows_though_what_it_serves_has_learned_them(project: Project) -> None:
    printed = project.run("pipeline", "gate").stdout
    rows = len(pd.read_parquet("data/split/test.parquet"))
    assert f"main, scored again on the same {rows} test rows" in printed
    assert "the verdict is on the procedure" in printed


def test_a_release_is_judged_as_measured_and_its_golden_rows_are_answers_of_what_ships(project: Project) -> None:
    judgement = judging.judge(Path(), Predecessor("history", "main", "", "main"))
    assert any("the verdict is on the procedure" in line for line in judgement.lines)
    scored, table = golden.answers(Path())
    ships = model.load(Path("models"))
    np.testing.assert_array_equal(scored.score, ships.predict(table))
    assert np.abs(scored.score - scores()).max() > 0.01
    champion = model.load(Path(".pipeline/champion") / judgement.comparison.against)
    shift = float(ships.predict(table).mean() - champion.predict(table).mean())
    assert judgement.comparison.expected["shift"] == pytest.approx(shift, abs=1e-6)


def test_a_forced_second_run_leaves_the_lock_as_it_was(project: Project) -> None:
    lock = project.read("dvc.lock")
    project.ok("dvc", "repro", "--force", "--quiet")
    assert project.read("dvc.lock") == lock
