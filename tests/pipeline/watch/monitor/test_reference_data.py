"""The reference is the model's training rows, or the newest added ones of them; without it nothing can be judged."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.data.source import sources
from pipeline.evaluation import scoring
from pipeline.evaluation.scoring import Scored
from pipeline.predictions.damage import InputUnreadableError
from pipeline.watch.monitor import reference_data
from pipeline.watch.monitor.reference_data import Reference, predictions
from tests.pipeline.watch.monitor.factories import outcomes, signature, table


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


def load(rows: int = 100) -> Reference:
    return reference_data.load(signature(), rows)


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
        reference_data.load(other, 100)


def test_predictions_of_several_classes_are_the_most_likely_one_and_its_probability() -> None:
    score = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    logged, kinds = predictions(Scored("multiclass", np.zeros(2), score, np.arange(2), ("a", "b", "c")))
    assert logged.to_dict("list") == {"score": [0.7, 0.6], "label": ["a", "c"]}
    assert kinds == {"score": "number", "label": "category"}
