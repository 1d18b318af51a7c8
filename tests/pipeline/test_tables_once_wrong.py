"""Whole pipelines on small tables that once gave a wrong answer in silence, or an error without a remedy.

Others of that kind are in test_unusual_tables.py.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.pipeline.in_process import configure, run, train
from tests.pipeline.watch.retrain import scenes

pytestmark = pytest.mark.engine
ODD = 'height ("), \\cm'  # a name that JSON must escape


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    Path("src/project/features").mkdir(parents=True)


def table(rows: int = 600, seed: int = 0) -> pd.DataFrame:
    """A key, two features, and a target that depends on the first of them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows).round(4)
    y = (x + rng.normal(0, 0.5, rows) > 0).astype(int)
    return pd.DataFrame({"id": np.arange(rows), ODD: x, "c": rng.choice(list("abc"), rows), "y": y})


def trained(source: str = "data/table.parquet", key: str = "id", **sections: Any) -> None:
    """Train on the source."""
    categories = sections.pop("categories", ())
    configure("binary", "y", 1, data={"source": source, "key": key} | sections.pop("data", {}), **sections)
    status, printed = train(categories)
    assert status == 0, printed


def slices() -> dict[str, int]:
    """The rows of each slice."""
    return {part["value"]: part["rows"] for part in json.loads(Path("reports/slices.json").read_text())}


@pytest.mark.parametrize("largest", [0.0, 1.7976931348623157e308])
def test_an_alarm_is_raised_though_one_row_a_day_holds_the_largest_number(largest: float) -> None:
    table(1500).to_parquet("data/table.parquet", index=False)
    trained(monitor={"window": "1 day", "min_rows": 50, "min_labels": 50, "false_alarms": 0.02})
    start = datetime(2026, 11, 12, tzinfo=UTC)
    for day in range(8):
        rows = table(150, seed=day + 1)
        rows[ODD] += 10 if day >= 5 else 0
        rows.loc[0, ODD] = largest
        lines = scenes.lines(rows.drop(columns="y"), f"d{day}", start + timedelta(days=day))
        for line, value in zip(lines, rows[ODD], strict=True):
            line["features"][ODD] = float(value)  # pandas rounds to ten digits
        scenes.write_log(Path("logs"), lines, f"predictions.w1.{day}.jsonl")
    status, printed = run("monitor", "--log", "logs", "--since", "2026-11-12", "--until", "2026-11-20")
    assert status == 1, printed
    assert "monitor: alarm: data drift" in printed


def test_whole_numbers_with_gaps_are_slices_by_all_their_digits() -> None:
    codes = [None if place % 11 == 0 else 2**53 + 1 + place % 4 for place in range(600)]
    pq.write_table(pa.Table.from_pandas(table()).append_column("acct", pa.array(codes)), "data/table.parquet")
    trained(evaluate={"slices": ["acct"]}, categories=["acct"])
    assert {str(2**53 + 1 + code) for code in range(4)} <= set(slices())
    assert len(slices()) == 5


def test_the_text_na_in_csv_is_a_slice() -> None:
    countries = np.random.default_rng(1).choice(["NA", "DE", "FR"], 600)
    table().assign(country=countries).to_csv("data/table.csv", index=False)
    trained("data/table.csv", evaluate={"slices": ["country"]})
    assert set(slices()) == {"NA", "DE", "FR"}
    assert "allowed: [DE, FR, NA]" in Path("data/schema.yaml").read_text()


@pytest.mark.parametrize(
    ("codes", "categories"),
    [
        (["00501", "10001", "02134"], ()),
        (["0x10", "0x1F", "7"], ()),
        (["1.10", "1.1", "2"], ("code",)),
        (["True", "TRUE", "false"], ("code",)),
        (["2024-01-01T00:00", "2024-01-01", "2024-01-02"], ("code",)),
    ],
)
def test_codes_in_csv_are_categories_as_they_are_written(codes: list[str], categories: tuple[str, ...]) -> None:
    table().assign(code=np.random.default_rng(1).choice(codes, 600)).to_csv("data/table.csv", index=False)
    trained("data/table.csv", evaluate={"slices": ["code"]}, categories=categories)
    assert set(slices()) == set(codes)


@pytest.mark.parametrize("categories", [(), ("z",)])
def test_parts_in_csv_whose_values_look_like_different_types_are_trained_on(categories: tuple[str, ...]) -> None:
    rows = table().assign(z=np.where((np.arange(600) >= 200) & (np.arange(600) % 2 == 0), "A", "7"))
    rows[:200].to_csv("data/p0.csv", index=False)
    rows[200:].to_csv("data/p1.csv", index=False)
    trained("data/p*.csv", evaluate={"slices": ["z"]}, categories=categories)
    assert set(slices()) == {"7", "A"}


@pytest.mark.parametrize("without", [0, 12])
def test_labels_bring_their_keys_to_every_digit_though_some_are_missing(without: int) -> None:
    first = 2**60 + 1
    rows = table().rename(columns={"id": "client"}).assign(client=first + np.arange(600))
    rows.to_parquet("data/table.parquet", index=False)
    Path("data/added").mkdir()
    trained(key="client", data={"added": "data/added"})
    scenes.write_log(Path("logs"), scenes.lines(table(120, seed=5).drop(columns="y"), "q"))
    clients = [first + 1000 + place if place >= without else None for place in range(120)]
    labels = {"id": [f"q-{place}" for place in range(120)], "label": [0, 1] * 60, "client": clients}
    pq.write_table(pa.table(labels), "labels.parquet")

    status, printed = run("retrain", "--log", "logs", "--labels", "labels.parquet")

    assert status == 0, printed
    assert "retrain: 120 newly labelled rows\n" in printed
    (batch,) = Path("data/added").glob("added-*.parquet")
    assert set(filter(None, clients)) <= set(pq.read_table(batch).column("client").to_pylist())
