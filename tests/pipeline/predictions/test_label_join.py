"""Labels that came later are joined to the sampled rows by row id, in any kind of file; unknown ones are counted."""

import gzip
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipeline.core.params import Csv, Data
from pipeline.predictions.damage import InputUnreadableError
from pipeline.predictions.windows import WindowedLog
from pipeline.watch.monitor import windowing
from pipeline.watch.retrain import label_lookup
from tests.pipeline.predictions import logged
from tests.pipeline.predictions.logged import DAY, REGRESSION, START


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Two days of thirty rows each: r-0 to r-59."""
    folder = tmp_path / "log"
    logged.write(folder, logged.rows(60, span=2 * DAY))
    return folder


def joined(log: Path, content: str | bytes, name: str = "labels.csv", **options: Any) -> WindowedLog:
    path = log.parent / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return logged.read(log, labels=str(path), until=START + 2 * DAY, **options)


def truth(windowed: WindowedLog) -> dict[str, Any]:
    """Label by row id, over all windows."""
    tables = [window.answers.join(window.truth, how="inner") for window in windowed.windows if window.truth is not None]
    table = pd.concat(tables)
    return dict(zip(table["id"], table["truth"], strict=True))


def test_labels_are_joined_by_row_id_in_any_order(log: Path) -> None:
    windowed = joined(log, "id,label\nr-59,1\nr-0,0\nr-31,1\n")
    assert truth(windowed) == {"r-0": "0", "r-31": "1", "r-59": "1"}
    assert [len(window.truth) for window in windowed.windows if window.truth is not None] == [1, 2]
    assert (windowed.labels.rows, windowed.labels.joined, windowed.labels.unknown) == (3, 3, 0)  # type: ignore[union-attr]
    assert windowed.damage.counts == {}


def test_without_labels_there_is_no_truth(log: Path) -> None:
    windowed = logged.read(log, until=START + 2 * DAY)
    assert windowed.labels is None
    assert [window.truth for window in windowed.windows] == [None, None]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("id,label\n", "no label in 0 rows"),
        ("id,label\nr-1\n", "no label in 0 rows; labels.csv:2: has 1 values, the header 2"),
        (
            "id,label\nr-1,yes\nr-2,no\n",
            "no label in 2 rows; labels.csv:2: needs an id and a label that is one of 0, 1",
        ),
        ("id,label\nr-1,True\nr-2,False\n", "no label in 2 rows; labels.csv:2: needs an id and a label"),
        ("id,label\n,1\nr-2,\n", "no label in 2 rows; labels.csv:2: needs an id and a label"),
    ],
)
def test_files_without_one_usable_label_can_not_be_read(content: str, expected: str, log: Path) -> None:
    with pytest.raises(InputUnreadableError, match=f"labels.csv: {expected}") as refused:
        joined(log, content)
    assert refused.value.kind == "labels"


def test_other_columns_do_not_matter(log: Path) -> None:
    windowed = joined(log, 'client,label,note,id\n1,0,"two\nlines",r-1\n2,1,,r-2\n')
    assert truth(windowed) == {"r-1": "0", "r-2": "1"}


def test_a_class_may_be_called_NA(log: Path) -> None:  # noqa: N802
    signature = logged.SIGNATURE.model_copy(update={"classes": ("NA", "null")})
    windowed = joined(log, "id,label\nr-1,NA\nr-2,null\nr-3,\n", signature=signature)
    assert truth(windowed) == {"r-1": "NA", "r-2": "null"}
    assert windowed.damage.counts == {"labels": 1}


@pytest.mark.parametrize("text", ["1", "1.0", " 1", "01"])
def test_a_class_may_be_written_in_several_ways(log: Path, text: str) -> None:
    assert truth(joined(log, f"id,label\nr-1,{text}\n")) == {"r-1": "1"}


GERMAN = Csv(separator=";", decimal=",", encoding="utf-16", dates="%d.%m.%Y")


@pytest.mark.parametrize("name", ["labels.csv", "labels.csv.gz"])
@pytest.mark.parametrize(
    ("content", "encoding"),
    [("note;label;id\nü;1,5;r-0\nx;-2;r-1\n", "utf-16"), ("id,label\nr-0,1.5\nr-1,-2\n", "utf-8")],
)
def test_labels_in_the_form_of_the_data_or_the_usual_one(log: Path, content: str, encoding: str, name: str) -> None:
    data = Data(source="x.csv", csv=GERMAN, key=None, deduplicate=False)
    written = content.encode(encoding)
    windowed = joined(
        log, gzip.compress(written) if name.endswith("gz") else written, name, signature=REGRESSION, data=data
    )
    assert truth(windowed) == {"r-0": 1.5, "r-1": -2.0}
    assert windowed.damage.counts == {}


def test_keys_and_labels_of_retraining_have_the_form_of_the_data(tmp_path: Path) -> None:
    data = Data(source="x.csv", csv=GERMAN, key="day", deduplicate=False)
    (tmp_path / "labels.csv").write_text("id;label;day\nr-0;1,5;31.12.2021\nr-1;7;\n", encoding="utf-16")
    found = label_lookup.read(str(tmp_path / "labels.csv"), "day", "date", data, "number")
    assert found.values == {"r-0": "1.5", "r-1": "7"}
    assert found.keys == {"r-0": "2021-12-31"}


@pytest.mark.parametrize(("labels", "expected"), [([1, 0], ["1", "0"]), ([1.0, None], ["1"]), (["0", "1"], ["0", "1"])])
def test_labels_in_parquet(log: Path, labels: list[Any], expected: list[str]) -> None:
    path = log.parent / "labels.parquet"
    pd.DataFrame({"id": ["r-1", "r-2"], "label": labels}).to_parquet(path)
    windowed = logged.read(log, labels=str(path), until=START + 2 * DAY)
    assert truth(windowed) == dict(zip(["r-1", "r-2"], expected, strict=False))


def test_words_for_true_and_false_are_classes_where_the_target_has_them(log: Path) -> None:
    signature = logged.SIGNATURE.model_copy(update={"classes": ("false", "true")})
    assert truth(joined(log, "id,label\nr-1,TRUE\nr-2,False\n", signature=signature)) == {"r-1": "true", "r-2": "false"}


def test_labels_of_a_regression_are_numbers(log: Path) -> None:
    windowed = joined(log, "id,label\nr-1,1.5\nr-2,-2\nr-3,many\nr-4,inf\n", signature=REGRESSION)
    assert truth(windowed) == {"r-1": 1.5, "r-2": -2.0}
    assert windowed.damage.counts == {"labels": 2}


def test_a_label_of_another_type_or_without_an_id_is_damage(log: Path) -> None:
    windowed = joined(log, "id,label\nr-1,1\nr-2,maybe\n,1\nr-4,\nr-5,0\n")
    assert truth(windowed) == {"r-1": "1", "r-5": "0"}
    assert windowed.damage.counts == {"labels": 3}
    assert windowed.damage.places == ["labels.csv:3: needs an id and a label that is one of 0, 1"]


def test_a_row_that_is_cut_off_is_damage(log: Path) -> None:
    windowed = joined(log, "id,label\nr-1,1\nr-2")
    assert truth(windowed) == {"r-1": "1"}
    assert windowed.damage.places == ["labels.csv:3: has 1 values, the header 2"]


def test_labels_for_unknown_ids_are_counted(log: Path) -> None:
    windowed = joined(log, "id,label\nr-1,1\nnobody,1\nnothing,0\n")
    assert (windowed.labels.rows, windowed.labels.joined, windowed.labels.unknown) == (3, 1, 2)  # type: ignore[union-attr]


def test_where_windows_are_sampled_unknown_ids_are_estimated(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windowing, "MAX_ANSWERS", 1)
    logged.write(log, logged.rows(20_000, span=2 * DAY))
    lines = "".join(f"r-{at},1\n" for at in range(20_000)) + "".join(f"n-{at},1\n" for at in range(20_000))
    windowed = joined(log, f"id,label\n{lines}", max_rows=1000)
    assert windowed.labels is not None
    assert (windowed.labels.rows, windowed.labels.joined) == (40_000, 2000)
    assert windowed.labels.unknown == pytest.approx(20_000, rel=0.1)


def test_of_two_labels_the_later_one_counts_and_a_contradiction_is_damage(log: Path) -> None:
    (log.parent / "more").mkdir()
    (log.parent / "more/b.csv").write_text("id,label\nr-1,0\nr-3,1\n")
    (log.parent / "more/a.csv").write_text("id,label\nr-1,1\nr-1,1\nr-2,0\n")
    for source in ("more", "more/*.csv"):
        windowed = logged.read(log, labels=str(log.parent / source), until=START + 2 * DAY)
        assert truth(windowed) == {"r-1": "0", "r-2": "0", "r-3": "1"}
        assert windowed.damage.counts == {"relabelled": 1}
        assert windowed.damage.places[0].endswith("b.csv: r-1 has another label than before; the later one counts")


def test_compressed_labels(log: Path) -> None:
    content = gzip.compress(b"id,label\nr-1,1\n")
    assert truth(joined(log, content, "labels.csv.gz")) == {"r-1": "1"}


def test_many_labels_are_streamed(log: Path) -> None:
    lines = "".join(f"x-{at},1\n" for at in range(600_000))
    windowed = joined(log, f"id,label\n{lines}r-7,1\n")
    assert (windowed.labels.rows, windowed.labels.unknown, truth(windowed)) == (600_001, 600_000, {"r-7": "1"})  # type: ignore[union-attr]


def test_labels_in_a_store(log: Path, store: Any) -> None:
    store.put_object(Bucket="bucket", Key="late/labels.csv", Body=b"id,label\nr-1,1\n")
    windowed = logged.read(log, labels="s3://bucket/late/*.csv", until=START + 2 * DAY)
    assert truth(windowed) == {"r-1": "1"}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("labels.csv", b"id,target\nr-1,1\n", "lacks a column; needed: id and label"),
        ("labels.csv", b"", "can't be read: Empty CSV file"),
        ("labels.csv", b"id,label\nr-\xff,1\n", "can't be read: "),
        ("labels.parquet", b"PAR1 and no more", "can't be read: "),
        ("labels.csv.gz", gzip.compress(b"id,label\nr-1,1\n" * 900, mtime=0)[:-30], "can't be read: "),
        ("labels.txt", b"id,label\nr-1,1\n", "holds no file of labels"),
    ],
)
def test_labels_that_can_not_be_read_are_an_error(log: Path, name: str, content: bytes, reason: str) -> None:
    with pytest.raises(InputUnreadableError, match=reason) as caught:
        joined(log, content, name)
    assert caught.value.kind == "labels"


def test_labels_that_do_not_exist_are_an_error(log: Path) -> None:
    for source, reason in (("none.csv", "none.csv: does not exist"), ("none/*.csv", "holds no files")):
        with pytest.raises(InputUnreadableError, match=reason) as caught:
            logged.read(log, labels=str(log.parent / source), until=START + 2 * DAY)
        assert caught.value.kind == "labels"


def test_labels_of_rows_that_are_not_compared_count_too(tmp_path: Path) -> None:
    logged.write(tmp_path, logged.rows(500))
    path = tmp_path.parent / f"{tmp_path.name}.csv"
    path.write_text("id,label\n" + "".join(f"r-{number},{number % 2}\n" for number in range(500)))
    window = logged.read(tmp_path, labels=str(path), max_rows=100).windows[0]
    assert window.truth is not None
    assert (len(window.sample), len(window.answers), len(window.truth)) == (100, 500, 500)
    few = logged.read(tmp_path, max_rows=100).windows[0]
    assert window.answers[:100].equals(few.answers)
    assert window.sample.equals(few.sample)
