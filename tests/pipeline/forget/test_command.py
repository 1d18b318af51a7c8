"""`pipeline forget`: the person's values are nowhere in the stores afterwards, and all else is as it was."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.core import files
from pipeline.data.source import sources
from tests.pipeline.conftest import Project, small_table
from tests.pipeline.watch.retrain import scenes
from tests.pipeline.watch.retrain.conftest import Command

LOG, LABELS = Path("logs/predictions"), Path("labels")
ROWS, PERSON = 40, 7  # whose row is r-7 in each file of the log
KEY = 424_242_007
TABLE = small_table("binary", ROWS, seed=7)
OWN_LOG = "predictions.w1.20261120T080000.000000Z.jsonl"


def ids(request: str) -> list[str]:
    return [f"{request}-{place}" for place in range(ROWS)]


def keyed_labels(request: str = "r") -> pd.DataFrame:
    keys = [KEY if place == PERSON else 10_000 + place for place in range(ROWS)]
    return pd.DataFrame({"id": ids(request), "label": TABLE["outcome"], "id_": keys}).astype("str")


@pytest.fixture
def world(project: Project) -> Path:
    """A log in three forms with a damaged line, and labels, of which one file connects ids with keys."""
    lines = [json.dumps(line) for line in scenes.lines(TABLE)]
    LOG.mkdir(parents=True)
    (LOG / OWN_LOG).write_text("\n".join([*lines, lines[3][:60], "no JSON", lines[PERSON][:90]]) + "\n")
    zipped = [json.dumps(line) for line in scenes.lines(TABLE, "z")]
    (LOG / "archive.jsonl.gz").write_bytes(gzip.compress("\n".join(zipped).encode()))
    _parquet(LOG / "archive.parquet", scenes.lines(TABLE, "p"))
    (LOG / "other.jsonl").write_text(json.dumps(scenes.lines(TABLE, "o")[0]) + "\n")
    LABELS.mkdir()
    header, *records = keyed_labels().to_csv(index=False).splitlines()
    header = header.replace("id_", "key")
    (LABELS / "a.csv").write_bytes("\r\n".join([header, *records, 'r-99,"a ""cut']).encode())
    for request, name in (("z", "z.csv.gz"), ("p", "p.parquet")):
        table = keyed_labels(request).rename(columns={"id_": "key"})
        if name.endswith(".parquet"):
            table.assign(label=table["label"].astype("category")).to_parquet(LABELS / name)
        else:
            table.to_csv(LABELS / name, index=False)
    return project.folder


def _parquet(path: Path, lines: list[dict[str, Any]]) -> None:
    """A log in Parquet whose ids are encoded, as pandas writes categories."""
    table = pd.DataFrame(lines)
    table["time"] = pd.to_datetime(table["time"])
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    arrow = arrow.set_column(0, "id", arrow.column("id").dictionary_encode())
    pq.write_table(arrow, path)


@pytest.fixture
def keyed(project: Project, world: Path) -> Project:
    """The same, where the key's column has the name that the labels have."""
    project.configure(data={"key": "key"})
    schema = project.read("data/schema.yaml").replace("  id: {", "  key: {")
    (project.folder / "data/schema.yaml").write_text(schema)
    table = pd.read_parquet("data/table.parquet").rename(columns={"id": "key"})
    table.to_parquet("data/table.parquet", index=False)
    return project


def stored() -> dict[str, bytes]:
    """What the stores hold, as bytes, and as text where a file is compressed or Parquet."""
    content = dict[str, bytes]()
    folders = (LOG, LABELS, Path("store"), Path("data"), Path(".dvc/cache"))
    for path in [path for folder in folders for path in folder.rglob("*") if path.is_file()]:
        content[str(path)] = path.read_bytes()
        if path.name.endswith(".gz"):
            content[f"{path} as text"] = gzip.decompress(path.read_bytes())
        if path.read_bytes()[:4] == b"PAR1":
            content[f"{path} as text"] = pq.ParquetFile(path).read().to_pandas().to_csv().encode()
    return content


def holding(*values: str) -> set[str]:
    """The files that hold one of the values."""
    return {name for name, text in stored().items() if any(value.encode() in text for value in values)}


def forget(pipeline: Command, *options: str) -> tuple[int, str]:
    return pipeline("forget", "--labels", str(LABELS), *options)


def test_a_person_is_nowhere_in_the_stores_afterwards_and_all_else_is(keyed: Project, pipeline: Command) -> None:
    assert pipeline("fetch")[0] == 0
    code, output = pipeline("retrain", "--labels", str(LABELS))
    assert code == 0, output
    cache = Path(".dvc/cache/files/md5")
    batch = next(Path("store").glob("added-*.parquet"))
    rows = pd.read_parquet(batch)
    for content in (batch, Path("data/table.parquet")):
        md5 = files.md5(content)
        (cache / md5[:2]).mkdir(parents=True, exist_ok=True)
        (cache / md5[:2] / md5[2:]).write_bytes(content.read_bytes())
    values = [str(KEY), f'"r-{PERSON}"', f'"z-{PERSON}"', f"z-{PERSON},", f"p-{PERSON},", f"r-{PERSON},"]
    before, ages = stored(), os.stat(LOG / OWN_LOG).st_mtime_ns
    assert len(holding(str(KEY))) >= 6

    code, output = forget(pipeline, "--key", str(KEY))
    assert (code, stored()) == (0, before), output  # dry

    code, output = forget(pipeline, "--key", str(KEY), "--apply")
    assert code == 0, output
    assert holding(*values) == set()
    assert "commit data/source.json, dvc.lock and data/forgotten.jsonl" in output
    after = stored()
    untouched = [name for name in before if "other.jsonl" in name or "schema" in name or "table.parquet" in name]
    assert {name: after[name] for name in untouched} == {name: before[name] for name in untouched}

    log = (LOG / OWN_LOG).read_bytes()
    was = before[str(LOG / OWN_LOG)]
    assert len(log) == len(was)
    lines, former = log.split(b"\n"), was.split(b"\n")
    gone = [place for place, (line, earlier) in enumerate(zip(lines, former, strict=True)) if line != earlier]
    assert gone == [PERSON, ROWS + 2]  # the row, and the cut line that names it; other damage stays
    assert all(not lines[place].strip() for place in gone)
    assert os.stat(LOG / OWN_LOG).st_mtime_ns == ages

    csv, earlier = after[str(LABELS / "a.csv")], before[str(LABELS / "a.csv")]
    assert csv == b"".join(line for line in earlier.splitlines(keepends=True) if f"r-{PERSON},".encode() not in line)
    assert len(gzip.decompress((LABELS / "z.csv.gz").read_bytes()).splitlines()) == ROWS
    assert pd.read_parquet(LABELS / "p.parquet")["id"].tolist() == [row for row in ids("p") if row != f"p-{PERSON}"]
    assert pq.ParquetFile(LOG / "archive.parquet").metadata.num_rows == ROWS - 1

    (new,) = Path("store").glob("added-*.parquet")
    assert [file.path for file in sources.read(sources.FINGERPRINT).batches] == [new.as_posix()]
    pd.testing.assert_frame_equal(pd.read_parquet(new), rows[rows["key"] != KEY])
    assert len(rows) == ROWS

    (line,) = Path("data/forgotten.jsonl").read_text().splitlines()
    recorded = json.loads(line)
    assert recorded["rows"] == {"batches": 1, "labels": 3, "log": 4}
    assert (recorded["asked"], str(KEY) in line) == ("key", False)

    code, output = forget(pipeline, "--key", str(KEY), "--apply")
    assert (code, output.splitlines()[-1]) == (0, "forget: no row of this person is in log, labels or added data")
    assert pipeline("retrain", "--labels", str(LABELS))[0] == 0  # nothing brings the rows back
    assert holding(*values) == set()


def test_rows_are_found_by_their_id_alone(world: Path, pipeline: Command) -> None:
    code, output = forget(pipeline, "--id", f"r-{PERSON}", "--id", "z-3", "--apply")
    assert code == 0, output
    assert holding(f'"r-{PERSON}"', f"r-{PERSON},", '"z-3"', "z-3,") == set()
    assert "data.source: its rows have no ids" in output
    assert f'"r-{PERSON + 1}"'.encode() in (LOG / OWN_LOG).read_bytes()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ([], "forget: needs either --key VALUE or --id ID"),
        (["--key", "1", "--id", "r-1"], "forget: needs either --key VALUE or --id ID"),
        (["--key", "Anna"], "forget: --key: is no integer, as id is in data/schema.yaml"),
        (["--key", ""], "forget: --key: is no integer"),
        (["--id", " "], "forget: --id is empty"),
        (["--id", "r-1", "--log", "nowhere"], "nowhere: does not exist; the prediction log is named by --log"),
        (["--id", "r-1", "--labels", "nowhere"], "nowhere: does not exist; the labels are named by --labels"),
    ],
)
def test_a_wrong_option_is_one_line(world: Path, pipeline: Command, options: list[str], problem: str) -> None:
    before = stored()
    code, output = forget(pipeline, "--apply", *options)
    assert (code, len(output.splitlines())) == (2, 1), output
    assert problem in output
    assert stored() == before


def test_a_project_without_a_key_has_only_ids(project: Project, pipeline: Command) -> None:
    project.configure(data={"key": None})
    code, output = pipeline("forget", "--key", "1")
    assert (code, output) == (
        2,
        "error: forget: --key needs data.key, which is null in params.yaml; use --id, or name the column\n",
    )


def test_nothing_to_search_is_nothing_found(project: Project, pipeline: Command) -> None:
    code, output = pipeline("forget", "--key", "1", "--apply")
    assert code == 0, output
    assert output.splitlines()[-1] == "forget: no row of this person is in log, labels or added data"
    assert "data.source: data/table.parquet: 1 row; remove them there" in output
    assert not Path("data/forgotten.jsonl").exists()


def test_a_damaged_archive_stops_before_anything_is_removed(world: Path, pipeline: Command) -> None:
    whole = (LOG / "archive.jsonl.gz").read_bytes()
    (LOG / "archive.jsonl.gz").write_bytes(whole[:-20])
    before = stored_bytes()
    code, output = forget(pipeline, "--id", f"r-{PERSON}", "--apply")
    assert (code, len(output.splitlines())) == (2, 1), output
    assert "archive.jsonl.gz: can't be searched: the compressed file is damaged" in output
    assert stored_bytes() == before


def stored_bytes() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in (*LOG.rglob("*"), *LABELS.rglob("*")) if path.is_file()}
