"""Files into one raw table: those that fit are joined, the others are named in an error, and no file is incomplete."""

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.core import parquet
from pipeline.core.errors import PipelineError
from pipeline.core.params import Data
from pipeline.data.contract.schema import ContractColumn, Schema
from pipeline.data.source import fetch, sources
from pipeline.data.source import table as tables
from pipeline.train.stages import ingest
from pipeline.watch.retrain import batch
from tests.pipeline.conftest import small_disk

FINGERPRINT = Path("data/source.json")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ingested(
    source: str,
    key: str | None = "id",
    deduplicate: bool = False,
    missing: tuple[str, ...] = (),
    text: tuple[str, ...] = (),
) -> pa.Table:
    data = Data(source=source, missing=missing, key=key, deduplicate=deduplicate)
    fetch.refresh(data, FINGERPRINT)
    return tables.read(sources.read(FINGERPRINT), data, text)[0]


def problem(source: str, key: str | None = "id") -> str:
    with pytest.raises(PipelineError) as error:
        ingested(source, key)
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


def test_csv_columns_get_the_types_of_their_values(folder: Path) -> None:
    Path("a.csv").write_text('id,share,member,since,name\n1,0.5,true,2020-01-31,"Oslo, east"\n2,,false,,\n')
    table = ingested("a.csv")
    assert [str(kind) for kind in table.schema.types] == ["int64", "double", "bool", "date32[day]", "string"]
    assert table.to_pylist()[1] == {"id": 2, "share": None, "member": False, "since": None, "name": None}
    assert table.column("name")[0].as_py() == "Oslo, east"


def test_in_csv_an_empty_field_is_missing_and_nothing_else(folder: Path) -> None:
    Path("a.csv").write_text('id,country,x\n1,NA,0.5\n2,"NA",\n3,null,1\n4,"",2\n5,nan,3\n')
    assert ingested("a.csv").column("country").to_pylist() == ["NA", "NA", "null", None, "nan"]
    table = ingested("a.csv", missing=("NA", "nan"))
    assert table.column("country").to_pylist() == [None, None, "null", None, None]
    assert ingest.read_as_missing(table, ("NA", "nan")) == (
        "read as missing are empty fields and NA, nan (data.missing); 5 in all: country 4, x 1"
    )
    assert ingest.read_as_missing(table.select(["id"]), ()) == "read as missing are empty fields; there are none"


LARGE = [
    ("9007199254740993,1.5", ["9007199254740993", "1.5"]),
    ("18446744073709551615,9223372036854775808", ["18446744073709551615", "9223372036854775808"]),
    ("0.5,nan", ["0.5", "nan"]),
    ("1e20,1.5", [1e20, 1.5]),
    ("100000000000000000000,1.5", [1e20, 1.5]),
    ("9007199254740993,", [9007199254740993, None]),
]


@pytest.mark.parametrize(("numbers", "expected"), LARGE)
def test_numbers_in_csv_that_no_float_holds_stay_as_they_are_written(
    numbers: str, expected: list[Any], folder: Path
) -> None:
    first, second = numbers.split(",")
    Path("a.csv").write_text(f"id,x,y\n1,{first},1\n2,{second},2.5\n")
    table = ingested("a.csv")
    assert table.column("x").to_pylist() == expected
    assert table.column_names == ["id", "x", "y"]
    assert str(table.schema.field("y").type) == "double"


@pytest.mark.parametrize("codes", [["007", "7"], ["0x10", "16"], [" -01", "5"], ["8", "00"]])
def test_whole_numbers_of_which_one_begins_with_a_zero_are_text(codes: list[str], folder: Path) -> None:
    Path("a.csv").write_text(f"id,x\n1,{codes[0]}\n2,{codes[1]}\n3,\n")
    assert ingested("a.csv").column("x").to_pylist() == [*codes, None]


def test_zero_and_numbers_below_one_are_numbers(folder: Path) -> None:
    Path("a.csv").write_text("id,x,y\n1,0,0.5\n2,-0,00.5\n")
    assert ingested("a.csv").to_pydict() == {"id": [1, 2], "x": [0, 0], "y": [0.5, 0.5]}


@pytest.mark.parametrize(
    "values", [["1.10", "2"], ["True", "FALSE"], ["2024-01-01T00:00", "2024-01-02"], ["12:30", "7"]]
)
def test_what_is_text_in_the_contract_is_read_as_it_is_written(values: list[str], folder: Path) -> None:
    for name, value in zip("ab", values, strict=True):
        Path(f"{name}.csv").write_text(f"id,x\n1{name},{value}\n")
    assert ingested("*.csv", text=("x", "gone")).column("x").to_pylist() == values
    data = Data(source="*.csv", key="x", deduplicate=False)
    contract = Schema(columns=dict.fromkeys(("id", "x"), ContractColumn(type="text", nullable=False)))
    labels = batch.labels_by_key(sources.read(FINGERPRINT), contract, data, "id")
    assert labels == dict(zip(values, ["1a", "1b"], strict=True))


def test_where_parquet_belongs_to_the_source_its_types_count(folder: Path) -> None:
    Path("a.csv").write_text("id,x\n1,7\n")
    pq.write_table(pa.table({"id": [2], "x": [8]}), "b.parquet")
    assert ingested("[ab].*", text=("x",)).column("x").to_pylist() == [7, 8]


def test_keys_that_round_to_one_float_are_no_repeats(folder: Path) -> None:
    pq.write_table(pa.table({"id": [2**53, 2**53 + 1, None]}), "a.parquet")
    assert ingested("a.parquet").num_rows == 3


def test_a_line_break_in_quotes_belongs_to_the_value(folder: Path) -> None:
    Path("a.csv").write_text('id,note\n1,"first\nsecond"\n2,b\n')
    assert ingested("a.csv").column("note").to_pylist() == ["first\nsecond", "b"]


@pytest.mark.parametrize("pack", [gzip.compress, lambda content: b"\xef\xbb\xbf" + content])
def test_compressed_text_and_a_byte_order_mark_are_read(folder: Path, pack: Callable[[bytes], bytes]) -> None:
    name = "a.csv.gz" if pack is gzip.compress else "a.csv"
    Path(name).write_bytes(pack(b"id,x\n1,2\n"))
    assert ingested(name).to_pydict() == {"id": [1], "x": [2]}


def test_files_are_joined_by_column_name_in_the_order_of_their_paths(folder: Path) -> None:
    Path("b.csv").write_text("x,id\n0.5,3\n")
    Path("a.csv").write_text("id,x\n1,1\n2,2\n")
    assert ingested("*.csv").to_pydict() == {"id": [1, 2, 3], "x": [1.0, 2.0, 0.5]}


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("007\n2", "north\n5"), ["007", "2", "north", "5"]),
        (("1\n0", "true\nfalse"), ["1", "0", "true", "false"]),
        (("2024-01-31\n2024-02-01", "2024-03-01 10:00\n2024-03-02 11:00"), None),
        (("9007199254740993\n1", "0.5\n2"), ["9007199254740993", "1", "0.5", "2"]),
        (("1.50\n2", "a\nb", "3\n4"), ["1.50", "2", "a", "b", "3", "4"]),
    ],
)
def test_parts_in_csv_whose_values_look_like_different_types_are_text_as_in_one_file(
    folder: Path, parts: tuple[str, ...], expected: list[str] | None
) -> None:
    for number, part in enumerate(parts):
        Path(f"p{number}.csv").write_text("z\n" + part + "\n")
    expected = expected or "\n".join(parts).split("\n")
    assert ingested("p*.csv", key=None).column("z").to_pylist() == expected


def test_a_csv_part_beside_a_parquet_part_of_text_is_text(folder: Path) -> None:
    Path("a.csv").write_text("id,z\n1,007\n")
    pq.write_table(pa.table({"id": [2], "z": ["north"]}), "b.parquet")
    assert ingested("[ab].*").column("z").to_pylist() == ["007", "north"]


def test_parts_in_csv_that_fit_together_keep_their_types(folder: Path) -> None:
    Path("a.csv").write_text("id,z,e\n1,7,\n")
    Path("b.csv").write_text("id,z,e\n2,1.5,x\n")
    assert [str(kind) for kind in ingested("[ab].csv").schema.types] == ["int64", "double", "string"]


def test_folders_of_partitions_are_columns(folder: Path) -> None:
    for region, year, number in (("nor%20th", "2024", 1), ("__HIVE_DEFAULT_PARTITION__", "2025", 2)):
        path = Path(f"env=prod/region={region}/year={year}/part.parquet")
        path.parent.mkdir(parents=True)
        pq.write_table(pa.table({"id": [number]}), path)
    expected = {"id": [2, 1], "region": [None, "nor th"], "year": [2025, 2024]}
    assert ingested("env=prod/region=*/year=*/part.parquet").to_pydict() == expected
    assert ingested("./env=prod/**/*.parquet").to_pydict() == expected
    assert ingested("env=prod/region=nor%20th/year=*/part.parquet").to_pydict() == {"id": [1], "year": [2024]}
    assert ingested("env=prod/region=nor%20th/year=2024/part.parquet").to_pydict() == {"id": [1]}


def test_a_column_of_the_file_is_kept_though_its_folder_has_the_name(folder: Path) -> None:
    Path("region=a").mkdir()
    Path("region=01").mkdir()
    Path("region=a/p.csv").write_text("id,region\n1,own\n")
    Path("region=01/p.csv").write_text("id\n2\n")
    assert ingested("region=*/p.csv").sort_by("id").column("region").to_pylist() == ["own", "01"]


def test_times_of_day_in_csv_are_text(folder: Path) -> None:
    Path("a.csv").write_text("id,at\n1,10:30:00\n2,23:59\n")
    assert ingested("a.csv").column("at").to_pylist() == ["10:30:00", "23:59"]


def test_csv_and_parquet_with_encoded_categories_fit_together(folder: Path) -> None:
    Path("a.csv").write_text("id,town\n1,Oslo\n")
    pd.DataFrame({"id": [2], "town": pd.Categorical(["Bergen"])}, index=[7]).to_parquet("b.parquet")
    assert ingested("[ab].*").to_pydict() == {"id": [1, 2], "town": ["Oslo", "Bergen"]}


def test_files_with_other_columns_or_types_are_named(folder: Path) -> None:
    Path("a.csv").write_text("id,x\n1,1\n")
    Path("b.csv").write_text("id,y\n2,1\n")
    assert "b.csv: lacks x and adds y, compared with a.csv" in problem("*.csv")
    Path("a.csv").rename("other.txt")
    pq.write_table(pa.table({"id": [1], "x": [1]}), "a.parquet")
    Path("b.csv").write_text("id,x\n2,many\n")
    assert "b.csv: column x holds string, in a.parquet it holds int64" in problem("[ab].*")


def test_a_repeated_key_names_the_rows_and_the_remedy(folder: Path) -> None:
    Path("a.csv").write_text("id,x\n1,1\n2,2\n")
    Path("b.csv").write_text("id,x\n3,3\n1,4\n")
    message = problem("*.csv")
    assert "repeats in 2 rows (rows 1 of a.csv, 2 of b.csv)" in message
    assert "data.deduplicate: true" in message


def test_deduplication_keeps_the_last_row_of_each_key_and_every_row_without_one(folder: Path) -> None:
    Path("a.csv").write_text("id,x\n1,1\n,2\n2,3\n,4\n1,5\n")
    assert ingested("a.csv", deduplicate=True).to_pydict() == {"id": [None, 2, None, 1], "x": [2, 3, 4, 5]}


def test_without_a_key_equal_rows_stay(folder: Path) -> None:
    Path("a.csv").write_text("x\n1\n1\n")
    assert ingested("a.csv", key=None).num_rows == 2


def csv(content: bytes) -> tuple[str, bytes]:
    return "a.csv", content


def parquet_bytes(change: Callable[[bytes], bytes]) -> tuple[str, bytes]:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": list(range(5000)), "x": [str(i * 7919) for i in range(5000)]}), sink)
    return "a.parquet", change(sink.getvalue().to_pybytes())


PACKED = gzip.compress("\n".join(["id,x", *(f"{i},{i * 7919 % 10007}" for i in range(20000))]).encode())


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (csv(b""), "a.csv: is empty (0 bytes)"),
        (csv(b"id,x\n"), "holds no row"),
        (csv(b"name,x\n1,2\n"), "data.key: id is no column of a.csv; columns: name, x"),
        (csv(b"id,x\n1,2\n2,secret,3\n"), "data row 2 has 3 values, the header 2"),
        (csv(b"id,x,y\n1,2,3\n2,2,3\n3"), "data row 3 has 1 value, the header 3: cut off"),
        (csv("id,x\n1,Tromsø\n".encode("latin-1")), "column x is not UTF-8 text"),
        (csv("id,ø\n1,2\n".encode("latin-1")), "the header is not UTF-8 text"),
        (csv("id,x\n1,2\n".encode("utf-16")), "a.csv: "),
        (csv(b"id;x\n1;2\n"), "the header has semicolons"),
        (csv(b"id,x,x\n1,2,3\n"), "column x occurs more than once"),
        (csv(b",id\n0,1\n"), "column 1 has no name"),
        (csv(b'id,"sales\n2024"\n0,1\n'), "column 2, 'sales\\n2024', holds a line break or another control character"),
        (("a.csv.gz", PACKED[: len(PACKED) // 2]), "the compressed file is cut off"),
        (("a.csv.gz", b"id,x\n1,2\n"), "a.csv.gz: "),
        (parquet_bytes(lambda content: content[: len(content) // 2]), "cut off or damaged"),
        (parquet_bytes(lambda content: content[:100] + content[2000:]), "cut off or damaged"),
        (parquet_bytes(lambda content: b""), "is empty (0 bytes)"),
    ],
)
def test_a_file_that_cannot_be_used_says_why_without_showing_its_values(
    folder: Path, file: tuple[str, bytes], expected: str
) -> None:
    Path(file[0]).write_bytes(file[1])
    message = problem(file[0])
    assert expected in message
    assert "secret" not in message


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pa.array([b"\xff\xfe"]), "binary"),
        (pa.array([b"ab"], pa.binary(2)), "fixed_size_binary"),
        (pa.array([b"ab"], pa.large_binary()).dictionary_encode(), "binary"),
        (pa.array([5], pa.time64("us")), "time64"),
        (pa.array([5], pa.time32("s")), "time32"),
        (pa.array([5], pa.duration("us")), "duration"),
        (pa.array([{"a": 1}]), "struct"),
        (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), "map"),
        (pa.array([b"0123456789abcdef"], pa.uuid()), "uuid"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_column_that_is_no_number_text_or_date_is_refused(folder: Path, values: pa.Array, kind: str) -> None:
    pq.write_table(pa.table({"id": [1], "raw": values}), "a.parquet")
    assert problem("a.parquet").startswith("a.parquet: column raw holds ")
    assert kind in problem("a.parquet")


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["a"], pa.large_string()),
        pa.array(["a"]).dictionary_encode(),
        pa.array([1], pa.uint8()),
        pa.array([1.5], pa.float32()),
        pa.array([1], pa.decimal128(10, 2)),
        pa.array([1], pa.date64()),
        pa.array([1], pa.timestamp("ns", "Europe/Oslo")),
        pa.array([None]),
    ],
)
def test_a_column_of_any_other_type_is_read(folder: Path, values: pa.Array) -> None:
    pq.write_table(pa.table({"id": [1], "raw": values}), "a.parquet")
    assert len(ingested("a.parquet").to_pandas()) == 1


def test_a_nested_column_is_refused(folder: Path) -> None:
    pq.write_table(pa.table({"id": [1], "x": [[1, 2]]}), "a.parquet")
    assert "column x holds list<" in problem("a.parquet")


def test_content_that_differs_from_its_fingerprint_is_refused(folder: Path) -> None:
    Path("a.csv").write_text("id,x\n1,2\n")
    ingested("a.csv")
    data = Data(source="a.csv", key="id", deduplicate=False)
    for change in (lambda: Path("a.csv").write_text("id,x\n1,3\n"), lambda: Path("a.csv").unlink()):
        change()
        with pytest.raises(PipelineError, match=r"a\.csv: .*`pipeline fetch`"):
            tables.read(sources.read(FINGERPRINT), data)


def test_equal_tables_are_equal_bytes(folder: Path) -> None:
    Path("a.csv").write_text("\n".join(["id,x", *(f"{i},v{i % 7}" for i in range(50_000))]))
    for name in ("one.parquet", "two.parquet"):
        ingest.write(Path(name), ingested("a.csv"))
    assert Path("one.parquet").read_bytes() == Path("two.parquet").read_bytes()


@pytest.fixture
def tiny_disk(folder: Path) -> Iterator[Path]:
    with small_disk(folder / "disk", "256k") as disk:
        yield disk


@pytest.mark.parametrize(
    "write", [ingest.write, lambda path, table: parquet.write(path, table.to_pandas())], ids=["arrow", "pandas"]
)
def test_a_full_disk_is_an_error_and_leaves_the_old_table(
    tiny_disk: Path, write: Callable[[Path, pa.Table], None]
) -> None:
    path = tiny_disk / "table.parquet"
    write(path, pa.table({"id": [1]}))
    before = path.read_bytes()
    wide = pa.table({"id": list(range(200_000)), "x": [str(i * 7919) for i in range(200_000)]})
    with pytest.raises(PipelineError, match="disk is full"):
        write(path, wide)
    assert [entry.name for entry in tiny_disk.iterdir()] == ["table.parquet"]
    assert path.read_bytes() == before


def with_batch(batch: pd.DataFrame, key: str | None = "id") -> pa.Table:
    """The source `a.csv` and a batch that retraining has added, ingested."""
    Path("store").mkdir(exist_ok=True)
    batch.to_parquet("store/added-20261121T101500Z-0123abcd.parquet")
    data = Data(source="a.csv", added="store", key=key, deduplicate=False)
    fetch.refresh(data, FINGERPRINT)
    return tables.read(sources.read(FINGERPRINT), data)[0]


def test_an_added_batch_comes_last_and_its_row_ids_are_no_column(folder: Path) -> None:
    Path("a.csv").write_text("id,x\n1,2\n")
    table = with_batch(pd.DataFrame({"id": [9], "x": [0.5]}, index=["r-0"]))
    assert table.to_pydict() == {"id": [1, 9], "x": [2.0, 0.5]}


def test_an_added_batch_takes_the_types_that_the_source_has_for_the_same_values(folder: Path) -> None:
    Path("a.csv").write_text("id,code,member,since\n1,3,0,x2020-01-31\n2,4,1,2020-02-01\n")
    batch = {"id": [9], "code": ["5"], "member": [True], "since": [pd.Timestamp("2021-01-01")]}
    table = with_batch(pd.DataFrame(batch, index=["r-0"]))
    assert table.column("code").to_pylist() == [3, 4, 5]
    assert table.column("member").to_pylist() == [0, 1, 1]
    assert table.column("since").to_pylist()[2].startswith("2021-01-01")


def test_an_added_batch_that_does_not_fit_names_file_and_column(folder: Path) -> None:
    Path("a.csv").write_text("id,code\n1,3\n")
    with pytest.raises(PipelineError, match=r"store/added-.*: column code holds .*, in a.csv it holds int64"):
        with_batch(pd.DataFrame({"id": [9], "code": ["five"]}, index=["r-0"]))


def test_a_key_of_an_added_batch_that_the_source_has_is_an_error(folder: Path) -> None:
    Path("a.csv").write_text("id,x\n1,2\n")
    with pytest.raises(PipelineError, match="id repeats in 2 rows"):
        with_batch(pd.DataFrame({"id": [1], "x": [1]}, index=["r-0"]))
