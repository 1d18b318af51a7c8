"""The model that ships after a split by time has learned all rows, with what the measured model has chosen."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from pipeline.core import files
from pipeline.models import boosting, model, refitting, training
from pipeline.models import signature as signatures
from pipeline.models.signature import Rows, Signature
from pipeline.train.stages import refit as refit_stage
from tests.pipeline.conftest import FROZEN
from tests.pipeline.features.made import no_features
from tests.pipeline.models.test_training import DATA, FEATURES, KNOBS, SPLIT, TASKS

BY_TIME = SPLIT.model_copy(update={"time": "day"})


def drifting(rows: int = 600) -> pd.DataFrame:
    """A row an hour; what x means for the target turns round in the last fifth."""
    x = np.random.default_rng(0).normal(size=rows)
    turned = np.arange(rows) >= 0.8 * rows
    days = pd.date_range("2026-01-01", periods=rows, freq="h")
    return pd.DataFrame({"id": range(rows), "day": days, "x": x, "y": (np.where(turned, -x, x) > 0).astype(int)})


def settings(split: Any = BY_TIME, task: str = "binary") -> training.Settings:
    return training.Settings(DATA, TASKS[task], FEATURES, split, KNOBS)


def measured(rows: pd.DataFrame) -> tuple[Signature, training.Fitted]:
    prepared = training.prepare(rows[:360], rows[360:480], settings())
    fitted = training.fit(prepared, KNOBS)
    return training.with_threshold(prepared, fitted, TASKS["binary"]), fitted


def test_the_newest_rows_are_learned_with_the_trees_and_the_threshold_of_the_measured_model() -> None:
    rows = drifting()
    before, fitted = measured(rows)
    text, after = refitting.refit(rows, settings(), before, fitted.best_iteration)
    booster = boosting.lightgbm().Booster(model_str=text)
    assert booster.num_trees() == fitted.best_iteration
    assert after.threshold == before.threshold
    assert (before.seen_until, before.refitted) == ("2026-01-20 23:00:00", None)
    assert after.seen_until == "2026-01-25 23:00:00"
    assert after.refitted == Rows(count=600, first="2026-01-01 00:00:00", last="2026-01-25 23:00:00")
    at_one = pd.DataFrame({"x": [1.0]})
    old, new = (model.Model(each, own).predict(at_one)[0] for each, own in ((fitted.booster, before), (booster, after)))
    assert old > new + 0.05  # the rows of the last fifth say the opposite


def test_the_same_rows_give_the_same_bytes() -> None:
    rows = drifting()
    before, fitted = measured(rows)
    first, second = (refitting.refit(rows, settings(), before, fitted.best_iteration) for _ in range(2))
    assert first == second


def test_only_the_signature_of_a_refitted_model_says_so(tmp_path: Path) -> None:
    rows = drifting()
    before, fitted = measured(rows)
    _, after = refitting.refit(rows, settings(), before, fitted.best_iteration)
    for name, signature in (("before", before), ("after", after)):
        files.write_text(tmp_path / name, signature.model_dump_json())
        assert signatures.read(tmp_path / name) == signature
    assert files.read_json(tmp_path / "before").keys().isdisjoint({"format", "refitted"})
    assert files.read_json(tmp_path / "after")["format"] == 3


class TestStage:
    """`pipeline refit` on the files of the stages before it."""

    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        rows = drifting()
        before, fitted = measured(rows)
        for name, part in (("train", rows[:360]), ("validation", rows[360:480]), ("test", rows[480:])):
            part.to_parquet(tmp_path / f"{name}.parquet")
        text = fitted.booster.model_to_string(num_iteration=fitted.best_iteration)
        files.write_text(tmp_path / "measured/model.txt", text)
        files.write_text(tmp_path / "measured/signature.json", before.model_dump_json())
        trained: dict[str, Any] = {"device": "cpu", "platform": "any", "rows": {"train": 360, "validation": 120}}
        trained |= {"best_iteration": fitted.best_iteration, "loss": "binary_logloss", "curve": []}
        files.write_json(tmp_path / "training.json", trained)
        monkeypatch.chdir(tmp_path)
        return tmp_path

    def run(self, time: str, refit: str) -> Result:
        text = (FROZEN / "params.yaml").read_text(encoding="utf-8")
        changes = {"time: null": f"time: {time}", "refit: true": f"refit: {refit}", "key: client_id": "key: id"}
        for before, after in (changes | {"target: default_next_month": "target: y"}).items():
            text = text.replace(f"  {before}", f"  {after}")
        Path("params.yaml").write_text(text, encoding="utf-8")
        inputs = [part for name in ("train", "validation", "test") for part in (f"--{name}", f"{name}.parquet")]
        outputs = ["--model", "model.txt", "--signature", "signature.json"]
        options = [*inputs, *no_features(Path()), "--measured", "measured", "--training", "training.json", *outputs]
        return CliRunner().invoke(refit_stage.command, options, catch_exceptions=False)

    @pytest.mark.parametrize(("time", "refit"), [("null", "true"), ("day", "false")])
    def test_without_a_split_by_time_or_by_the_parameter_the_measured_model_ships(
        self, folder: Path, time: str, refit: str
    ) -> None:
        assert self.run(time, refit).output == "refit: the model that ships is the measured one\n"
        for name in ("model.txt", "signature.json"):
            assert (folder / name).read_bytes() == (folder / "measured" / name).read_bytes()

    def test_with_a_split_by_time_a_model_of_all_rows_ships(self, folder: Path) -> None:
        printed = self.run("day", "true").output
        trees = files.read_json(folder / "training.json")["best_iteration"]
        period = "2026-01-01 00:00:00 to 2026-01-25 23:00:00"
        assert printed == f"refit: {trees} trees on all 600 rows, {period}: this model ships\n"
        refitted = model.load(folder).signature.refitted
        assert refitted is not None
        assert refitted.count == 600
