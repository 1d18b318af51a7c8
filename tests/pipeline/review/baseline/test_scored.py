"""Which rows a model may be judged on: those that it was not trained on."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.core import files
from pipeline.core.errors import PipelineError
from pipeline.core.params import Split
from pipeline.evaluation.scoring import Scored
from pipeline.features import code as codes
from pipeline.features import plan
from pipeline.features.code import FeatureCode
from pipeline.features.package import Package
from pipeline.features.values import Input
from pipeline.models import model, refitting, training
from pipeline.models.signature import Feature, Signature
from pipeline.review.baseline import other_engine
from pipeline.review.baseline.champion import FEATURES as FEATURES_FOLDER
from pipeline.review.baseline.champion import OPTIONAL, REQUIRED, Champion
from pipeline.review.baseline.other_engine import Predict
from pipeline.review.baseline.scored import as_it_serves, by_this_engine, held_out, moved_rows, score_baseline
from pipeline.train.stages.split import sides
from tests.pipeline.models.test_training import DATA, FEATURES, KNOBS, SPLIT, TASKS, save
from tests.pipeline.models.test_training import table as data

SETTINGS = training.Settings(DATA, TASKS["regression"], FEATURES, SPLIT.model_copy(update={"time": "day"}), KNOBS)
HASHED = Split(test=0.2, validation=0.2, seed=3, time=None)


def signature(split: Split, seen_until: str | None = None) -> Signature:
    fields: dict[str, Any] = {"task": "regression", "target": "y", "key": "id", "positive": None, "classes": ()}
    fields |= {"threshold": None, "quantile": 0.5, "device": "cpu", "split": split, "seen_until": seen_until}
    return Signature(features=(Feature(name="x", source="x", kind="number", nullable=False),), **fields)


def test_the_test_rows_of_a_models_split_are_held_out_also_without_the_other_rows() -> None:
    table = pd.DataFrame({"id": range(500)})
    test = table[sides(table, "id", HASHED) == "test"]
    assert held_out(test, signature(HASHED)).all()
    assert np.array_equal(held_out(table, signature(HASHED)), sides(table, "id", HASHED) == "test")


def test_in_a_split_by_group_the_rows_of_the_groups_of_the_test_side_are_held_out() -> None:
    by_group = HASHED.model_copy(update={"group": "patient"})
    table = pd.DataFrame({"id": range(500), "patient": [row % 90 for row in range(500)]})
    assert np.array_equal(held_out(table, signature(by_group)), sides(table, "id", by_group) == "test")
    assert signature(by_group).model_dump()["split"]["group"] == "patient"
    assert "group" not in signature(HASHED).model_dump()["split"], "as versions wrote it that knew no groups"


@pytest.mark.parametrize(
    ("times", "seen_until"),
    [([2019, 2020, 2021], "2020"), (pd.to_datetime(["2019-05-01", "2020-05-01", "2020-05-02"]), "2020-05-01 00:00:00")],
)
def test_with_a_split_by_time_only_newer_rows_are_held_out(times: Any, seen_until: str) -> None:
    time_signature = signature(HASHED.model_copy(update={"time": "when"}), seen_until)
    assert held_out(pd.DataFrame({"when": times}), time_signature).tolist() == [False, False, True]


def test_a_table_without_the_time_column_is_refused() -> None:
    with pytest.raises(PipelineError, match="column when"):
        held_out(pd.DataFrame({"id": [1]}), signature(HASHED.model_copy(update={"time": "when"}), "2020"))


def keyless(*hashed: str) -> Signature:
    return signature(HASHED).model_copy(update={"key": None, "hashed": hashed})


def test_without_a_key_the_split_follows_from_the_columns_in_the_signature() -> None:
    table = pd.DataFrame({"x": range(500), "y": range(500)})
    later = table.assign(added=1.5)[["added", "y", "x"]]
    assert np.array_equal(held_out(later, keyless("x", "y")), sides(table, None, HASHED) == "test")


def test_without_a_key_a_new_column_s_cost_is_said_in_rows(tmp_path: Path) -> None:
    before = pd.DataFrame({"x": range(500), "y": range(500)})
    after = before.assign(town="Oslo")
    was_test, side = sides(before, None, HASHED) == "test", sides(after, None, HASHED)
    paths = [tmp_path / "train.parquet", tmp_path / "validation.parquet"]
    for path in paths:
        after[side == path.stem].to_parquet(path)
    compared, moved = int((was_test & (side == "test")).sum()), int((was_test & (side != "test")).sum())
    assert 0 < compared < moved
    test = after[side == "test"]
    text = moved_rows(test, compared, keyless("x", "y"), paths)
    assert f"now also town: {moved} of its {was_test.sum()} test rows are now used in training" in text
    assert moved_rows(test, compared, keyless("x", "y", "town"), paths) == ""
    assert moved_rows(test, compared, signature(HASHED), paths) == ""


def test_without_a_key_a_missing_column_or_no_recorded_one_is_refused() -> None:
    table = pd.DataFrame({"x": range(5)})
    with pytest.raises(PipelineError, match=r"the data no longer has y; with a key \(data\.key\) columns can go"):
        held_out(table, keyless("x", "y"))
    with pytest.raises(PipelineError, match="does not say which columns"):
        held_out(table, keyless())


class TestRefittedChampion:
    """A champion that was fitted again on all rows up to the 20th day; its measured model saw those up to the 12th."""

    @pytest.fixture
    def champion(self, tmp_path: Path) -> Champion:
        rows = daily(20)
        chosen = training.learn(rows[:200], (rows[200:288],), SETTINGS)
        shipped, measured = (refitting.refit(part, SETTINGS, chosen, 5) for part in (rows, rows[:288]))
        for folder, (text, signature) in ((tmp_path, shipped), (tmp_path / "measured", measured)):
            files.write_text(folder / "model.txt", text)
            files.write_text(folder / "signature.json", signature.model_dump_json())
        hashes = dict.fromkeys((*REQUIRED, *OPTIONAL), "md5")
        return Champion("found", "base", hashes=hashes, folder=tmp_path)

    def test_it_is_compared_as_it_was_measured_on_the_rows_that_this_model_had_not_seen(
        self, champion: Champion
    ) -> None:
        table, candidate = daily(30), scored(daily(30))
        baseline = score_baseline(champion, candidate, "y", lambda: table)
        assert baseline.scored is not None
        assert champion.measured is not None
        assert baseline.scored.keys.tolist() == [str(key) for key in range(288, 720)]
        expected = model.load(champion.measured).predict(table[288:])
        np.testing.assert_array_equal(baseline.scored.score, expected)

    def test_beside_a_canary_it_answers_as_it_serves(self, champion: Champion) -> None:
        table, candidate = daily(30), scored(daily(30))
        served = as_it_serves(champion, score_baseline(champion, candidate, "y", lambda: table), candidate, table)
        assert served.scored is not None
        assert champion.folder is not None
        expected = model.load(champion.folder).predict(table[288:])
        np.testing.assert_array_equal(served.scored.score, expected)

    def test_its_own_engine_scores_it_in_both_cases(self, champion: Champion, monkeypatch: pytest.MonkeyPatch) -> None:
        def scorer(base: str, otherwise: Predict, root: Path) -> Predict:
            assert (base, otherwise, root) == ("base", by_this_engine, Path("checkout"))
            return lambda folder, rows: np.full(len(rows), len(folder.name) / 2)

        monkeypatch.setattr(other_engine, "scorer", scorer)
        table, candidate = daily(30), scored(daily(30))
        measured = score_baseline(champion, candidate, "y", lambda: table, Path("checkout"))
        served = as_it_serves(champion, measured, candidate, table, Path("checkout"))
        assert champion.folder is not None
        for baseline, name in ((measured, "measured"), (served, champion.folder.name)):
            assert baseline.scored is not None
            assert set(baseline.scored.score) == {len(name) / 2}

    def test_where_its_measured_model_is_unknown_no_row_that_it_learned_is_compared(self, champion: Champion) -> None:
        """As code from before the stage `refit` sees it."""
        unknown = replace(champion, hashes=dict.fromkeys(REQUIRED, "md5"))
        baseline = score_baseline(unknown, scored(daily(20)), "y", lambda: daily(20))
        assert (baseline.state, baseline.reason) == ("unscorable", "it was trained on every test row")


class TestOtherFeatureCode:
    """Champion and candidate with other feature code, or one without any, in one process."""

    ROWS = data("regression", 600)
    SIDES = sides(ROWS, "id", SPLIT)
    TEST = ROWS[SIDES == "test"]

    def trained(self, folder: Path, source: str) -> model.Model:
        """A model beside its feature code."""
        package = Package("src/project/features", {"made.py": source.encode()})
        code = FeatureCode(
            package, plan.make(package, plan.Names([*self.ROWS], "y", "id")), {"x": Input("number", nullable=False)}
        )
        if source:
            codes.write(code, folder / "features", folder / "folds.json")
        exclude = FEATURES.model_copy(update={"exclude": ("x",) if source else ()})
        settings = replace(SETTINGS, split=SPLIT, features=exclude, code=code if source else None)
        train, validation = self.ROWS[self.SIDES == "train"], self.ROWS[self.SIDES == "validation"]
        prepared = training.prepare(train, validation, settings)
        return save(folder, prepared, training.fit(prepared, KNOBS), "regression")

    @pytest.mark.parametrize(
        ("before", "after"),
        [("", "def made(x):\n    return x > 0"), ("def made(x):\n    return 2 * x", "def made(x):\n    return x > 0")],
    )
    def test_each_is_scored_with_its_own(self, tmp_path: Path, before: str, after: str) -> None:
        old, new = self.trained(tmp_path / "old", before), self.trained(tmp_path / "new", after)
        hashes = dict.fromkeys((*REQUIRED, *((FEATURES_FOLDER,) if before else ())), "md5")
        champion = Champion("found", "base", hashes=hashes, folder=tmp_path / "old")
        keys = self.TEST["id"].astype(str).to_numpy(str)
        candidate = Scored("regression", self.TEST["y"].to_numpy(), new.predict(self.TEST), keys)

        baseline = score_baseline(champion, candidate, "y", lambda: self.TEST)

        assert baseline.scored is not None
        np.testing.assert_array_equal(baseline.scored.score, old.predict(self.TEST))
        np.testing.assert_array_equal(new.predict(self.TEST), candidate.score)
        assert (baseline.scored.score != candidate.score).any()


def daily(days: int) -> pd.DataFrame:
    """24 rows a day; `y` follows `x`."""
    x = np.random.default_rng(0).normal(size=24 * days)
    times = pd.date_range("2026-01-01", periods=24 * days, freq="h")
    return pd.DataFrame({"id": range(24 * days), "day": times, "x": x, "y": x})


def scored(table: pd.DataFrame) -> Scored:
    return Scored("regression", table["y"].to_numpy(), table["x"].to_numpy(), table["id"].astype(str).to_numpy(str))
