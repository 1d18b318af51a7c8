"""CSV in the form that params.yaml tells is read; in another form the first look says which, and what to set."""

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pydantic import ValidationError

from pipeline.core.errors import PipelineError
from pipeline.core.params import Csv
from pipeline.data.source import csv_files, csv_hints


def read(path: Path, content: bytes, **form: Any) -> pa.Table:
    (path / "a.csv").write_bytes(content)
    return csv_files.read(path / "a.csv", "a.csv", None, (), (), Csv(**form))


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (
            "id;x;day;town\n1;1,5;31.12.2021;Tromsø\n2;-2;01.02.2022;\n",
            {"separator": ";", "decimal": ",", "dates": "%d.%m.%Y"},
        ),
        (
            "id\tx\tday\ttown\n1\t1.5\t12/31/2021\tTromsø\n2\t-2\t02/01/2022\t\n",
            {"separator": "tab", "dates": "%m/%d/%Y"},
        ),
        ("id,x,day,town\n1,1.5,2021-12-31,Tromsø\n2,-2,2022-02-01,\n", {}),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_a_file_is_read_in_the_form_of_the_parameters(
    tmp_path: Path, content: str, form: dict[str, Any], encoding: str
) -> None:
    rows = read(tmp_path, content.encode(encoding), encoding=encoding, **form).to_pandas()
    assert rows["x"].tolist() == [1.5, -2]
    assert pd.to_datetime(rows["day"]).tolist() == [pd.Timestamp("2021-12-31"), pd.Timestamp("2022-02-01")]
    assert rows["town"].tolist()[0] == "Tromsø"
    assert rows["town"].isna().tolist() == [False, True]


def zipped() -> bytes:
    """A zip file, as an Excel workbook is one."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("xl/worksheets/sheet1.xml", "<worksheet/>" * 50)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            "id,x\n1,2\n".encode("utf-16"),
            "UTF-16 text; save the file as UTF-8, or set data.csv.encoding in params.yaml",
        ),
        ("id,x\n1,2\n3,4\n5,6\n7,8\n9,0\n".encode("utf-16-le"), "is UTF-16 text"),
        (
            "id,x\n1,Tromsø\n".encode("latin-1"),
            "column x is not UTF-8 text; save the file as UTF-8, or set data.csv.enc",
        ),
        (b"id;x\n1;2,5\n", "semicolons and no ','; set data.csv.separator in params.yaml to ';' (and data.csv.decimal"),
        (b"id\tx\n1\t2\n", "has tabs and no ','; set data.csv.separator in params.yaml to 'tab'"),
        (zipped(), "is an Excel workbook or another zip file, not CSV; save the sheet as CSV, then `pipeline fetch`"),
        (gzip.compress(b"id,x\n1,2\n", mtime=0), "is compressed by gzip; let its name end with .csv.gz"),
        (b"PAR1" + bytes(100), "is Parquet, not CSV; let its name end with .parquet"),
        (b"id,x\n1,2,3\n", "data row 1 has 3 values, the header 2: cut off, or a ',' that needs quotes"),
    ],
)
def test_a_file_in_another_form_says_which_and_what_to_do(tmp_path: Path, content: bytes, expected: str) -> None:
    with pytest.raises(PipelineError) as error:
        read(tmp_path, content)
    assert str(error.value).startswith("a.csv: ")
    assert expected in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"decimal": ","}, "decimal: is ',', the separator as well"),
        ({"encoding": "utf-9"}, "encoding: utf-9 is none that Python knows"),
        ({"separator": "::"}, "Input should be"),
    ],
)
def test_a_form_that_no_file_can_have_is_refused(form: dict[str, str], expected: str) -> None:
    with pytest.raises(ValidationError, match=expected):
        Csv.model_validate(form)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1,5", "2", "-3,25"], "numbers with a decimal comma; where they are numbers, set data.csv.decimal to ','"),
        (["31.12.2021", "01.02.2022"], "set data.csv.dates to '%d.%m.%Y' in params.yaml"),
        (["12/31/2021", "1/2/2022"], "set data.csv.dates to '%m/%d/%Y' in params.yaml"),
        (["1/2/2021", "3/4/2022"], "set data.csv.dates to '%d/%m/%Y' or '%m/%d/%Y' in params.yaml"),
        (["1,234 $", "20 $"], "looks like amounts; where they are numbers, write them plainly"),
        (["€ 1.234,50", "€ 20"], "looks like amounts"),
        (["a", "1,5"], None),
        (["1", "2"], None),
        (["AB", "CD"], None),
        (["12a", "13b"], None),
        (["1-2", "3-4"], None),
        ([None, None], None),
    ],
)
def test_text_that_looks_like_numbers_or_dates_is_said_with_the_remedy(
    values: list[str | None], expected: str | None
) -> None:
    table = pa.table({"x": pa.array(values, pa.string()), "n": [0.5] * len(values)})
    hints = list(csv_hints.hints(table))
    assert len(hints) == (expected is not None)
    assert expected is None or (hints[0].startswith("column x: text that looks like") and expected in hints[0])


@pytest.mark.parametrize("name", ["a | b", "a; b", "a\n|b", 'a ""b"" | c'])
def test_a_quoted_name_may_hold_other_separators(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, f'"{name}",x\n1,2\n'.encode()).column_names == [name.replace('""', '"'), "x"]
    assert read(tmp_path, f'"{name}"\n1\n'.encode()).column_names == [name.replace('""', '"')]
