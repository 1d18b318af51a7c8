"""The reference is the model's training rows, or the newest added ones of them; without it nothing can be judged."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.core.params import Split
from pipeline.data.source import sources
from pipeline.evaluation import scoring
from pipeline.evaluation.scoring import Scored
from pipeline.models.signature import Rows, Signature
from pipeline.predictions import periods
from pipeline.predictions.damage import InputUnreadableError
from pipeline.watch.monitor import reference_data
from pipeline.watch.monitor.data_drift import DataDrift
from pipeline.watch.monitor.reference_data import Reference, predictions
from tests.pipeline.watch.monitor.factories import outcomes, settings, signature, table, window


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's files in the current folder: training rows 0 to 599, test rows 600 to 799."""
    monkeypatch.chdir(tmp_path)
    for name in ("data/split", "reports", "added"):
        (tmp_path / name).mkdir(parents=True)
    table(600).assign(id=range(600)).to_parquet("data/split/train.parquet")
    target, score = outcomes(200)
    keys = np.arange(600, 800).astype(str)
    scoring.write(Path("reports/scores.parquet"), Scored("binary", target, score, keys, ("0", "1"), 0.5))
    return tmp_path


def batches(*keys: range) -> None:
    """Record batches of the rows with these keys, oldest first."""
    files = []
    for place, names in enumerate(keys):
        path = Path(f"added/added-2024060{place + 1}T000000Z-00000000.parquet")
        pd.DataFrame({"id": list(names)}).to_parquet(path)
        size = path.stat().st_size
        files.append({"path": str(path), "size": size, "sha256": sources.digest(path)})
    plain = {"path": "data/table.parquet", "size": 0, "sha256": "0" * 64}
    source = {"source": "data/table.parquet", "files": [plain], "added": {"folder": "added", "files": files}}
    Path("data/source.json").write_text(json.dumps(source))


def load(rows: int = 100, reference: str = "recent", **fields: Any) -> Reference:
    monitor = settings(reference=reference, reference_rows=rows, **fields).monitor
    return reference_data.load(signature(), monitor)


def test_without_added_batches_the_reference_is_all_rows() -> None:
    loaded = load()
    assert (len(loaded.train), len(loaded.tested), loaded.newest) == (600, 200, 0)


def test_the_reference_is_the_newest_added_rows_with_enough_training_rows() -> None:
    batches(range(200), range(200, 260), [*range(500, 560), *range(600, 700)])  # type: ignore[arg-type]
    loaded = load(rows=100)
    assert loaded.newest == 200
    assert sorted(loaded.train["id"]) == [*range(220, 260), *range(500, 560)]
    assert sorted(map(int, loaded.tested.keys)) == list(range(600, 700))


def test_too_few_added_rows_are_no_reference() -> None:
    batches(range(50))
    assert load(rows=100).newest == 0
    batches(range(200))  # no test rows
    assert load(rows=100).newest == 0


def test_older_rows_are_included_until_there_are_enough_test_rows() -> None:
    batches(range(640, 700), [*range(500, 600), *range(600, 640)])  # type: ignore[arg-type]
    loaded = load(rows=100)
    assert (len(loaded.train), len(loaded.tested), loaded.newest) == (100, 50, 150)


def lose_the_batches() -> None:
    batches(range(200))
    Path("added").rename("lost")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda: Path("data/split/train.parquet").unlink(), "data/split/train.parquet: no such file"),
        (lambda: Path("data/split/train.parquet").write_bytes(b"PAR1"), "data/split/train.parquet: damaged"),
        (lambda: Path("reports/scores.parquet").unlink(), "reports/scores.parquet: no such file"),
        (lambda: table(600).drop(columns="town").to_parquet("data/split/train.parquet"), "lacks column town"),
        (lambda: table(40).to_parquet("data/split/train.parquet"), "has 40 rows; at least 50"),
        (lose_the_batches, "added-20240601T000000Z"),
    ],
)
def test_a_missing_or_damaged_reference_is_an_error(damage: Any, message: str) -> None:
    damage()
    with pytest.raises(InputUnreadableError, match=message) as error:
        load()
    assert error.value.kind == "reference"
    assert len(str(error.value).splitlines()) == 1


def test_scores_of_another_model_are_no_reference() -> None:
    other = signature().model_copy(update={"classes": ("no", "yes")})
    with pytest.raises(InputUnreadableError, match="another model"):
        reference_data.load(other, settings().monitor)


def test_predictions_of_several_classes_are_the_most_likely_one_and_its_probability() -> None:
    score = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    logged, kinds = predictions(Scored("multiclass", np.zeros(2), score, np.arange(2), ("a", "b", "c")))
    assert logged.to_dict("list") == {"score": [0.7, 0.6], "label": ["a", "c"]}
    assert kinds == {"score": "number", "label": "category"}


def in_time(train: int = 600, test: int = 200) -> Signature:
    """Give the rows of the files a time, one day each, and test rows in another order than their scores."""
    times = pd.Series(pd.date_range("2023-01-01", periods=train + test))
    table(train).assign(id=range(train), time=times[:train]).to_parquet("data/split/train.parquet")
    tested = table(test).assign(id=range(train, train + test), time=times[train:].to_numpy())
    tested[::-1].to_parquet("data/split/test.parquet")
    return signature().model_copy(update={"split": Split(test=0.2, validation=0.2, seed=0, time="time")})


def test_the_reference_is_all_that_the_model_was_trained_on_also_after_retraining() -> None:
    batches(range(200), range(200, 260), [*range(500, 560), *range(600, 700)])  # type: ignore[arg-type]
    loaded = load(reference="training")
    assert (len(loaded.train), len(loaded.tested), loaded.newest) == (600, 200, 0)


def test_recent_rows_are_the_newest_by_time_and_each_test_row_has_its_own_time() -> None:
    loaded = reference_data.load(in_time(), settings(reference="recent", reference_rows=100).monitor)
    assert (loaded.train["id"].min(), len(loaded.train), loaded.newest) == (500, 100, 100)
    assert loaded.train_block is not None
    assert loaded.tested_block is not None
    assert loaded.train_block.min() == pd.Timestamp("2023-01-01") + pd.Timedelta(days=500)
    expected = [pd.Timestamp("2023-01-01") + pd.Timedelta(days=int(key)) for key in loaded.tested.keys]
    assert loaded.tested_block.tolist() == expected


def test_rows_of_the_season_are_those_of_the_months_around_the_windows_in_any_year() -> None:
    chosen = settings(reference="same_season", min_rows=50)
    loaded = reference_data.load(in_time(), chosen.monitor)
    season = DataDrift(loaded, chosen, periods.size("1 day")).rows(window())  # in May
    times = loaded.train["time"].iloc[season]
    assert set(times.dt.month) == {4, 5, 6}
    assert set(times.dt.year) == {2023, 2024}


def test_a_season_without_a_date_column_is_an_error() -> None:
    with pytest.raises(InputUnreadableError, match=r"monitor.reference: same_season needs a date column"):
        load(reference="same_season")


def test_test_rows_of_another_run_are_an_error() -> None:
    model = in_time()
    table(150).assign(id=range(150), time=pd.Timestamp("2024-01-01")).to_parquet("data/split/test.parquet")
    with pytest.raises(InputUnreadableError, match=r"test.parquet: lacks rows of reports/scores.parquet"):
        reference_data.load(model, settings().monitor)


def test_a_model_that_was_fitted_again_has_learned_the_rows_of_all_sides() -> None:
    model = in_time()
    table(100).assign(id=range(1000, 1100), time=pd.Timestamp("2024-01-01")).to_parquet("data/split/validation.parquet")
    learned = Rows(count=900, first="2023-01-01", last="2025-03-10")
    loaded = reference_data.load(model.model_copy(update={"refitted": learned}), settings().monitor)
    assert (len(loaded.train), len(loaded.tested)) == (900, 200)
    assert len(reference_data.load(model, settings().monitor).train) == 600
