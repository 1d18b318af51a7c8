"""A model is judged again when it is released, by what production serves and by this checkout's bounds."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from pipeline.core import files
from pipeline.evaluation import scoring
from pipeline.evaluation.scoring import Scored
from pipeline.ship.release import approval, judging
from pipeline.ship.release.judging import Judgement
from pipeline.ship.release.production import Predecessor
from pipeline.ship.release.verdict import Origin, Overruling
from tests.pipeline import shared, trained
from tests.pipeline.conftest import Project

pytestmark = pytest.mark.engine
MODEL = "models/model.txt"


def _shuffle(folder: Path) -> None:
    """On top of the first model one that was trained on shuffled labels, and a commit of documentation."""
    project = trained.trained(folder, "binary")
    path = folder / "data/table.parquet"
    table = pd.read_parquet(path)
    table["outcome"] = np.random.default_rng(0).permutation(table["outcome"])
    table.to_parquet(path, index=False)
    project.ok("pipeline", "fetch")
    project.ok("dvc", "repro", "--quiet")
    project.commit("shuffled labels")
    (folder / "README.md").write_text("Better words\n", encoding="utf-8")
    project.commit("documentation")


@pytest.fixture
def shuffled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = shared.make_once(
        "shuffled", f"{trained.key()}-{shared.digest(Path(__file__).parent, [Path(__file__)])}", _shuffle
    )
    shutil.copytree(made, tmp_path / "work", symlinks=True)
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    return Project(tmp_path / "work")


def judge(revision: str, origin: Origin = "ledger") -> Judgement:
    model = files.md5(Path(MODEL)) if revision == "HEAD" else "of another"
    return judging.judge(Path(), Predecessor(origin, revision, model, revision))


def test_a_model_of_shuffled_labels_is_refused_and_a_person_can_overrule_that(shuffled: Project) -> None:
    first = shuffled.ok("git", "rev-parse", "HEAD~2").strip()
    verdict = judge(first).verdict
    assert (verdict.outcome, verdict.commit, verdict.refused) == ("fail", first, True)
    assert [rule.partition(":")[0] for rule in verdict.failing] == ["Floor of ROC AUC"]
    predecessor = Predecessor("ledger", first, "m", "what serves")
    with pytest.raises(judging.RefusedError, match=r"refused, nothing was built: the gate fails \(Floor of ROC AUC"):
        approval.approve(Path(), predecessor, None)
    ann = Overruling(by="Ann", at="2026-11-21T10:00:00+00:00", reason="a trial")
    accepted = approval.approve(Path(), predecessor, ann)
    assert (accepted.verdict.outcome, accepted.verdict.overruled, accepted.verdict.refused) == ("fail", ann, False)
    assert accepted.comparison.expected["agreement"] < 0.6


def test_the_first_release_is_judged_by_the_floors_alone(shuffled: Project) -> None:
    judgement = judge("", "none")
    assert (judgement.verdict.outcome, judgement.verdict.refused) == ("fail", True)
    assert "no champion yet" in judgement.lines[1]


def test_what_serves_already_is_not_refused_by_a_floor_that_was_raised_since(shuffled: Project) -> None:
    verdict = judge("HEAD").verdict
    assert (verdict.outcome, verdict.serves, verdict.refused) == ("fail", True, False)
    assert judge("HEAD", "history").verdict.refused  # the same commit again is no proof that it serves


def test_a_broken_contract_is_refused_also_where_the_scores_are_good(shuffled: Project) -> None:
    shuffled.configure(gate={"floors": {}})
    files.write_json(Path("reports/data_quality.json.part"), {"violations": ["a column is missing"]})
    Path("reports/data_quality.json.part").replace("reports/data_quality.json")  # it may be a link into the cache
    assert [rule.partition(":")[0] for rule in judge("HEAD~2").verdict.failing] == ["Data contract"]


def test_scores_come_from_the_model_and_not_from_what_its_run_left(shuffled: Project) -> None:
    path = Path("reports/scores.parquet")
    scored = scoring.read(path)
    path.unlink()  # it may be a link into the cache
    scoring.write(path, replace(scored, score=scored.target))
    with pytest.raises(
        judging.RefusedError, match=r"the model scores [\d,]+ of [\d,]+ test rows otherwise than"
    ) as error:
        judge("HEAD~2")
    assert len(str(error.value).splitlines()) == 1


def test_scores_of_other_rows_are_refused(shuffled: Project) -> None:
    path = Path("reports/scores.parquet")
    scored = scoring.read(path)
    path.unlink()
    scoring.write(path, scored.rows(np.arange(len(scored) - 1)))
    with pytest.raises(judging.RefusedError, match="is of other rows than the test rows"):
        judge("HEAD~2")


def test_a_single_row_of_many_may_be_rounded_otherwise_by_another_processor() -> None:
    rows = 2000
    candidate = Scored("regression", np.zeros(rows), np.zeros(rows), np.arange(rows).astype(str))
    judging._check_scores(candidate, replace(candidate, score=np.eye(1, rows)[0]))
    with pytest.raises(judging.RefusedError, match="scores 3 of 2,000 test rows otherwise"):
        judging._check_scores(candidate, replace(candidate, score=np.repeat([1.0, 0.0], [3, rows - 3])))


def test_a_champion_that_a_gpu_trained_is_trained_again_on_the_cpu_and_the_verdict_warns(shuffled: Project) -> None:
    """Its bytes are not those of its lock; here the lock's MD5 is changed to the same effect."""
    shuffled.ok("git", "checkout", "-q", "-b", "gpu", "HEAD~2")
    yaml, lock = YAML(), shuffled.folder / "dvc.lock"
    content = yaml.load(lock)
    for out in content["stages"]["refit"]["outs"]:
        out["md5"] = out["md5"][::-1] if out["path"] == MODEL else out["md5"]
    yaml.dump(content, lock)
    shuffled.commit("as a GPU would have it")
    shuffled.ok("git", "checkout", "-q", "-")
    shuffled.configure(gate={"floors": {}})

    judgement = judge("gpu")

    assert judgement.verdict.outcome == "warn"
    assert any("but not the bytes that its dvc.lock names" in line for line in judgement.lines)
