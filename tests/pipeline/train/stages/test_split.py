"""The split: a row keeps its side whatever other rows there are, shares are met, and rows of one time stay together."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core import files
from pipeline.core.errors import PipelineError
from pipeline.core.params import Split
from pipeline.train.split_report import SIDES
from pipeline.train.stages import split
from tests.pipeline.conftest import FROZEN


def split_settings(
    test: float = 0.2, validation: float = 0.2, seed: int = 0, time: str | None = None, group: str | None = None
) -> Split:
    return Split(test=test, validation=validation, seed=seed, time=time, group=group)


def keyed(keys: Any) -> pd.DataFrame:
    return pd.DataFrame({"id": keys})


@given(st.integers(0, 2**31 - 1))
@settings(max_examples=10, deadline=None)
def test_the_shares_are_met(seed: int) -> None:
    side = split.sides(keyed(range(20_000)), "id", split_settings(test=0.3, validation=0.1, seed=seed))
    shares = {name: float((side == name).mean()) for name in SIDES}
    assert shares == pytest.approx({"train": 0.6, "validation": 0.1, "test": 0.3}, abs=0.02)


def test_another_seed_splits_differently_and_the_same_seed_alike() -> None:
    table = keyed(range(1000))
    first, again, other = (split.sides(table, "id", split_settings(seed=seed)) for seed in (1, 1, 10_000_001))
    assert (first == again).all()
    assert 0.3 < (first == other).mean() < 0.6  # two independent splits of 60/20/20 agree in 44 %


def test_a_larger_test_share_keeps_the_rows_that_were_in_the_test() -> None:
    table = keyed(range(2000))
    small, large = (split.sides(table, "id", split_settings(test=share)) for share in (0.1, 0.3))
    assert set(large[small == "test"]) == {"test"}


def test_rows_of_one_group_share_a_side_and_stay_there() -> None:
    visits = pd.DataFrame({"id": range(6000), "patient": [f"p{row % 1500}" for row in range(6000)]})
    side = pd.Series(split.sides(visits, "id", split_settings(group="patient")))
    assert side.groupby(visits["patient"]).nunique().max() == 1
    assert float((side == "test").mean()) == pytest.approx(0.2, abs=0.03)
    later = pd.DataFrame({"id": [6000], "patient": ["p7"]})
    assert split.sides_among(later, visits, "id", split_settings(group="patient"))[0] == side[7]


def dated(days: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"at": pd.Timestamp("2020-01-01") + pd.to_timedelta(days, unit="D")})


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), min_size=3, max_size=80).filter(lambda days: len(set(days)) > 2))
def test_by_time_the_sides_follow_each_other_and_rows_of_one_time_stay_together(days: list[int]) -> None:
    table = dated(days)
    side = split.sides(table, None, split_settings(time="at"))
    times = {name: table["at"][side == name] for name in SIDES}
    assert times["train"].max() < times["validation"].min()
    assert times["validation"].max() < times["test"].min()


def test_by_time_the_shares_are_met_where_each_row_has_its_own_time() -> None:
    side = split.sides(dated(list(range(100, 0, -1))), None, split_settings(time="at"))
    assert side.tolist() == ["test"] * 20 + ["validation"] * 20 + ["train"] * 60


@pytest.mark.parametrize(
    ("table", "key", "time", "expected"),
    [
        (keyed([1]), "id", None, "no row falls to "),
        (keyed([1, None]), "id", None, "data.key: id is missing in 1 rows (2)"),
        (keyed([1]), "key", None, "data.key: key is no column"),
        (dated([1, 2, 2]), None, "at", "at least three"),
        (dated([1, 2, 3]), None, "when", "split.time: when is no column"),
        (pd.DataFrame({"at": ["a", "b", "c"]}), None, "at", "declare it as type date"),
        (pd.DataFrame({"at": pd.to_datetime(["2020-01-01", "NaT"])}), None, "at", "is missing in 1 rows (2)"),
    ],
)
def test_a_table_that_cannot_be_divided_says_why(table: pd.DataFrame, key: str, time: str, expected: str) -> None:
    with pytest.raises(PipelineError) as error:
        split.sides(table, key, split_settings(time=time))
    assert expected in str(error.value)


def test_the_command_writes_each_row_once_with_its_types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (FROZEN / "params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("key: client_id", "key: id"))
    Path("schema.yaml").write_text(
        "columns:\n  id: {type: integer, nullable: false}\n  since: {type: date, nullable: false}\n"
    )
    table = pd.DataFrame({"id": range(200), "since": ["2020-01-31"] * 200})
    table.to_parquet("table.parquet")
    options = ["--report=split.json", *(f"--{name}={name}.parquet" for name in ("table", *SIDES))]
    first = CliRunner().invoke(split.command, ["--schema=schema.yaml", *options], catch_exceptions=False)
    assert first.exit_code == 0
    written = {name: Path(f"{name}.parquet").read_bytes() for name in SIDES}
    parts = [pd.read_parquet(f"{name}.parquet") for name in SIDES]
    sides = files.read_json(Path("split.json"))["sides"]
    assert sides == {name: {"rows": len(part)} for name, part in zip(SIDES, parts, strict=True)}
    assert sorted(pd.concat(parts)["id"]) == list(range(200))
    assert {str(part["since"].dtype) for part in parts} == {"datetime64[us]"}
    assert CliRunner().invoke(split.command, ["--schema=schema.yaml", *options]).output == first.output
    assert {name: Path(f"{name}.parquet").read_bytes() for name in SIDES} == written


@pytest.mark.parametrize(
    ("table", "expected"),
    [(keyed([1]), "split.group: city is no column"), (pd.DataFrame({"city": [None]}), "split.group: city is missing")],
)
def test_a_group_that_is_missing_is_named_by_its_parameter(table: pd.DataFrame, expected: str) -> None:
    with pytest.raises(PipelineError, match=expected):
        split.sides(table, None, split_settings(group="city"))
