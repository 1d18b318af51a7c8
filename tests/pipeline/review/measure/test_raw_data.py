"""What was added, removed and changed between two raw tables."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.core.errors import PipelineError
from pipeline.review.measure import raw_data
from pipeline.review.measure.measurement import DataChange

TABLE = pd.DataFrame({"id": [1, 2, 3], "age": [30, 40, 50], "town": ["Oslo", "Bergen", "Oslo"]})


def compared(folder: Path, main: pd.DataFrame, current: pd.DataFrame, key: str | None = "id") -> DataChange:
    for name, table in (("main", main), ("here", current)):
        table.to_parquet(folder / f"{name}.parquet", index=False)
    return raw_data.compare(folder / "main.parquet", folder / "here.parquet", key)


def counts(change: DataChange) -> tuple[Any, ...]:
    return change.added, change.removed, change.changed


def test_equal_tables_differ_in_nothing(tmp_path: Path) -> None:
    change = compared(tmp_path, TABLE, TABLE)
    assert counts(change) == (0, 0, 0)
    assert (change.rows_main, change.rows_here, change.columns, change.categories) == (3, 3, [], [])


def test_rows_that_were_added_removed_or_changed_are_counted_by_their_key(tmp_path: Path) -> None:
    current = pd.DataFrame({"id": [4, 3, 1], "age": [20, 50, 31], "town": ["Oslo", "Oslo", "Oslo"]})
    assert counts(compared(tmp_path, TABLE, current)) == (1, 1, 1)


def test_without_a_key_rows_are_identified_by_their_content(tmp_path: Path) -> None:
    current = pd.concat([TABLE.iloc[1:], TABLE.iloc[1:2]])
    assert counts(compared(tmp_path, TABLE, current, key=None)) == (1, 1, None)


def test_a_key_that_one_table_lacks_is_not_used(tmp_path: Path) -> None:
    assert counts(compared(tmp_path, TABLE.rename(columns={"id": "number"}), TABLE)) == (0, 0, None)


def test_a_repeated_key_is_counted_as_often_as_it_occurs(tmp_path: Path) -> None:
    assert counts(compared(tmp_path, TABLE, pd.concat([TABLE, TABLE.iloc[:1]]))) == (1, 0, 0)


@pytest.mark.parametrize(
    "stored",
    [
        TABLE.astype({"id": "float64"}),
        TABLE.astype({"town": "category"}),
        TABLE[["town", "id", "age"]],
        TABLE.astype({"id": str}),
    ],
)
def test_neither_order_nor_storage_is_a_change_of_a_row(tmp_path: Path, stored: pd.DataFrame) -> None:
    change = compared(tmp_path, TABLE, stored)
    assert (change.added, change.removed) == (0, 0)


def test_columns_that_were_added_removed_or_retyped_are_named(tmp_path: Path) -> None:
    current = TABLE.drop(columns="town").assign(age=[1.5, 2.5, 3.5], height=[1, 2, 3])
    change = compared(tmp_path, TABLE, current)
    assert [(column.name, column.main, column.here) for column in change.columns] == [
        ("age", "int64", "double"),
        ("height", None, "int64"),
        ("town", "text", None),
    ]


def test_a_new_column_changes_no_row(tmp_path: Path) -> None:
    assert counts(compared(tmp_path, TABLE, TABLE.assign(height=1))) == (0, 0, 0)


def test_new_and_lost_categories_are_named_up_to_twenty(tmp_path: Path) -> None:
    main = pd.DataFrame({"id": range(30), "town": ["Oslo"] * 30})
    change = compared(tmp_path, main, main.assign(town=[f"town {index:02}" for index in range(30)]))
    (town,) = change.categories
    assert (town.column, town.added_count, town.removed, town.removed_count) == ("town", 30, ["Oslo"], 1)
    assert len(town.added) == 20


def test_text_with_very_many_values_has_no_categories(tmp_path: Path) -> None:
    main = pd.DataFrame({"id": range(3000), "note": [f"a {index}" for index in range(3000)]})
    assert compared(tmp_path, main, main.assign(note="b")).categories == []


def test_missing_values_are_values_like_others_in_every_part_of_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_data, "CHUNK", 2)
    main = pd.DataFrame(
        {
            "id": range(6),
            "flag": pd.array([True, False, True, None, True, False], dtype="boolean"),
            "size": pd.array([1, 2, 3, None, 5, 6], dtype="Int64"),
            "town": ["a", None, "b", "c", None, "a"],
            "since": pd.to_datetime(["2020-01-01", None, "2020-01-03", None, "2020-01-05", "2020-01-06"]),  # type: ignore[arg-type] # pandas-stubs do not allow None
        }
    )
    assert counts(compared(tmp_path, main, main.iloc[[3, 1, 5, 0, 2, 4]])) == (0, 0, 0)
    assert counts(compared(tmp_path, main, main.assign(flag=True))) == (0, 0, 3)


def test_strange_names_and_long_values_fit_a_measurement(tmp_path: Path) -> None:
    main = pd.DataFrame({"id": [1], "a|b<script>@everyone": ["x"], "n" * 5000: ["y"]})
    change = compared(tmp_path, main, main.assign(**{"a|b<script>@everyone": "z" * 5000}).drop(columns="n" * 5000))
    assert DataChange.model_validate_json(change.model_dump_json()) == change


def test_a_table_without_rows_has_none_in_common(tmp_path: Path) -> None:
    assert counts(compared(tmp_path, TABLE, TABLE.iloc[:0])) == (0, 3, 0)


def test_the_same_table_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    TABLE.to_parquet(path, index=False)
    assert counts(raw_data.unchanged(path, keyed=True)) == (0, 0, 0)
    assert raw_data.unchanged(path, keyed=False).changed is None


@pytest.mark.parametrize("content", [b"", b"no table", b"PAR1 cut PAR1"])
def test_a_file_that_is_not_a_table_is_a_one_line_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "table.parquet").write_bytes(content)
    with pytest.raises(PipelineError, match="not a Parquet table") as caught:
        raw_data.count(tmp_path / "table.parquet")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.engine
def test_memory_does_not_grow_with_the_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_data, "CHUNK", 5_000)
    columns = {f"c{index}": np.arange(100_000, dtype=float) + index for index in range(40)}
    table = pa.table({"id": np.arange(100_000), **columns})
    pq.write_table(table, tmp_path / "table.parquet", row_group_size=5_000)
    del table, columns
    tracemalloc.start()
    raw_data.compare(tmp_path / "table.parquet", tmp_path / "table.parquet", "id")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6  # the table itself has 33 MB
