"""Any table is read: separators, decimal signs, encodings, dates and amounts as people's programs write them."""

from pathlib import Path

import pandas as pd
import pytest

from pipeline.adopt import reading
from pipeline.core.errors import PipelineError
from tests.pipeline.conftest import small_table


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def table() -> pd.DataFrame:
    return small_table("binary", rows=60)


def written(name: str, text: str, encoding: str = "utf-8") -> reading.Source:
    Path(name).write_text(text, encoding=encoding)
    return reading.read(name, Path())


def test_an_export_of_a_spreadsheet_with_semicolons_commas_and_day_first_dates() -> None:
    exported = table().assign(since=table()["since"].dt.strftime("%d.%m.%Y"))
    exported.to_csv("kunden.csv", sep=";", decimal=",", index=False, encoding="cp1252")
    source = reading.read("kunden.csv", Path())
    assert (source.form.separator, source.form.decimal, source.form.encoding) == (";", ",", "cp1252")
    assert (source.form.dates, source.path, source.rewritten) == ("%d.%m.%Y", "data/kunden.csv", False)
    pd.testing.assert_frame_equal(source.table, table(), check_dtype=False)


@pytest.mark.parametrize(("separator", "name"), [("\t", "tab"), ("|", "|"), (",", ",")])
def test_separators(separator: str, name: str) -> None:
    table().to_csv("t.csv", sep=separator, index=False)
    assert reading.read("t.csv", Path()).form.separator == name


def test_a_comma_inside_quotes_is_no_separator() -> None:
    assert written("t.csv", 'a;b\n"x, y";1\n"z, w";2\n').form.separator == ";"


def test_utf_16_and_gzip() -> None:
    table().to_csv("t.csv", index=False, encoding="utf-16")
    assert reading.read("t.csv", Path()).form.encoding == "utf-16"
    table().to_csv("u.csv.gz", index=False)
    assert len(reading.read("u.csv.gz", Path()).table) == 60


def test_a_workbook_becomes_parquet() -> None:
    table().to_excel("houses.xlsx", index=False)
    source = reading.read("houses.xlsx", Path())
    assert (source.path, source.rewritten, len(source.table)) == ("data/houses.parquet", True, 60)
    assert source.table["income"].dtype == "float64"


def test_json_lines_become_parquet() -> None:
    table().to_json("visits.jsonl", orient="records", lines=True, date_format="iso")
    source = reading.read("visits.jsonl", Path())
    assert (source.path, source.rewritten) == ("data/visits.parquet", True)
    assert source.table["id"].tolist() == list(range(1, 61))


def test_amounts_and_dates_of_several_forms_are_written_plainly() -> None:
    rows = "".join(
        f"${1000 * n:,}.50,{n % 28 + 1:02d}/0{n % 9 + 1}/2024,2024-01-{n % 28 + 1:02d},{n % 28 + 1}.{n % 9 + 1}.2023\n"
        for n in range(1, 40)
    )
    source = written(
        "t.csv",
        "price,at,iso,then\n"
        + rows.replace("$1,000.50", '"$1,000.50"').replace("$", '"$').replace(".50,", '.50",').replace('""', '"'),
    )
    assert source.rewritten
    assert source.table["price"].iloc[4] == 5000.5
    assert source.table["at"].iloc[14] == pd.Timestamp("2024-07-16")
    assert source.table["then"].iloc[14] == pd.Timestamp("2023-07-16")


def test_european_amounts() -> None:
    source = written("t.csv", "a;b\n" + "".join(f"{n}.000,50 €;{n}\n" for n in range(1, 30)))
    assert source.table["a"].iloc[1] == 2000.5


def test_three_letters_before_digits_are_an_amount_only_where_they_are_a_currency() -> None:
    rows = "\n".join(f"PAL07{row:02},EUR {row}.50" for row in range(8, 30))
    source = written("t.csv", f"study,price\n{rows}\n")
    assert source.table["study"].iloc[0] == "PAL0708"
    assert source.table["price"].iloc[0] == 8.5


def test_dates_that_can_be_read_in_two_ways_need_an_answer() -> None:
    Path("t.csv").write_text("at,x\n" + "".join(f"0{n}/0{n + 1}/2024,{n}\n" for n in range(1, 8)), encoding="utf-8")
    with pytest.raises(
        PipelineError, match=r"column at: dates such as 01/02/2024 can be %d/%m/%Y or %m/%d/%Y; give --dates"
    ):
        reading.read("t.csv", Path())
    source = reading.read("t.csv", Path(), "%m/%d/%Y")
    assert source.form.dates == "%m/%d/%Y"
    assert source.table["at"].iloc[0] == pd.Timestamp("2024-01-02")


def test_words_for_a_missing_value_are_named_and_codes_stay_text() -> None:
    source = written("t.csv", "x,code,kind\n" + "1,007,none\nNA,008,a\n3,009,b\n4,010,a\n")
    assert source.missing == ("NA",)
    assert source.table["x"].tolist()[0] == 1
    assert source.table["x"].isna().tolist() == [False, True, False, False]
    assert source.table["code"].tolist()[0] == "007"
    assert source.table["kind"].tolist()[0] == "none"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("t.txt", "a,b", "t.txt: is of no type that adopt reads; allowed: .csv"),
        ("t.csv", "a,b\n", "t.csv: holds no row below a header"),
        ("t.jsonl", "{", "t.jsonl: is no file of JSON lines"),
        ("t.jsonl", '{"a": {"b": 1}}\n', "columns hold objects or lists (a)"),
        ("t.xlsx", "a", "t.xlsx: can't be read as an Excel workbook"),
    ],
)
def test_what_can_not_be_read_is_one_line(name: str, content: str, expected: str) -> None:
    with pytest.raises(PipelineError) as error:
        written(name, content)
    assert expected in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(PipelineError, match=r"absent.csv: no such file; name the table"):
        reading.read("absent.csv", Path())


def test_files_of_a_glob_come_to_a_folder_of_their_own() -> None:
    for number in (1, 2):
        table().iloc[number::2].to_csv(f"part{number}.csv", index=False)
    source = reading.read("part*.csv", Path())
    assert source.path == "data/table/*.csv"
    assert [place for _, place in source.files] == ["data/table/part1.csv", "data/table/part2.csv"]


@pytest.mark.parametrize(
    ("column", "wrong", "kind"),
    [
        ([f"{day:02d}.03.2024" for day in range(1, 31)], "26,03.2024", "dates"),
        ([str(number) for number in range(30)], "12x", "numbers"),
    ],
)
def test_a_few_values_that_keep_a_column_from_being_dates_or_numbers_are_named(
    column: list[str], wrong: str, kind: str
) -> None:
    source = written("t.csv", "\n".join(["seen,city", *(f'"{value}",Rome' for value in [*column, wrong])]))
    (finding,) = source.findings
    sentence = f"seen: 30 of 31 different values are {kind}, such as {column[0]}, but not '{wrong}'"
    assert finding.sentence == f"{sentence}; correct them, or it stays text"


def test_codes_with_letters_are_no_mistakes() -> None:
    rows = [f"{number},E{number}" if number % 2 else f"{number},{number}" for number in range(40)]
    assert written("t.csv", "\n".join(["id,code", *rows])).findings == ()
