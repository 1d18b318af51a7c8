"""New rows are counted on the side of the split that they fall to."""

from pathlib import Path

import pandas as pd
import pytest

from pipeline.core import params
from pipeline.review.measure import new_rows
from tests.pipeline.conftest import FROZEN

DAYS = pd.date_range("2026-01-01", periods=100)


@pytest.fixture(autouse=True)
def contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    columns = "  id: {type: integer, nullable: false}\n  day: {type: date, nullable: false}\n"
    Path("data/schema.yaml").write_text(f"columns:\n{columns}", encoding="utf-8")
    table = pd.DataFrame({"id": range(100), "day": DAYS})
    table[:70].to_parquet("main.parquet")
    table.sample(frac=1, random_state=0).to_parquet("here.parquet")


def count(key: str | None, time: str | None) -> dict[str, int]:
    knobs = params.read(FROZEN / "params.yaml")
    data, split = knobs.data.model_copy(update={"key": key}), knobs.split.model_copy(update={"time": time})
    changed = knobs.model_copy(update={"data": data, "split": split})
    return new_rows.count(Path("main.parquet"), Path("here.parquet"), changed)


@pytest.mark.parametrize("key", ["id", None])
def test_by_time_the_newest_rows_test_and_none_of_them_trains(key: str | None) -> None:
    """What makes it necessary to fit the model that ships again."""
    assert count(key, "day") == {"train": 0, "validation": 10, "test": 20}


def test_by_hash_new_rows_fall_to_all_sides() -> None:
    counts = count("id", None)
    assert sum(counts.values()) == 30
    assert min(counts.values()) > 0
