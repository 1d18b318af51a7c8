"""`pipeline retrain` on a small project: the rows that are added, those that are excluded, and the output."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.cli import DEFECT
from pipeline.core import files
from pipeline.data.contract import schema as schemas
from pipeline.data.source import sources
from pipeline.features import notebook
from pipeline.watch.retrain import outcome as outcomes
from pipeline.watch.retrain.assemble import derive_key
from tests.pipeline.conftest import Project, small_table
from tests.pipeline.core.test_pipelines import add
from tests.pipeline.watch.retrain import scenes
from tests.pipeline.watch.retrain.conftest import Command

LOG, LABELS = Path("logs/predictions"), Path("labels.csv")
INGEST = ["--source=data/source.json", "--schema=data/schema.yaml", "--table=raw.parquet"]


def log_and_labels(rows: int = 40, **labels: str) -> pd.DataFrame:
    """Write a log of rows and a label for each; `labels` replaces labels by row id."""
    table = small_table("binary", rows, seed=7)
    scenes.write_log(LOG, scenes.lines(table))
    true = {f"r-{place}": label for place, label in enumerate(table["outcome"])}
    scenes.write_labels(LABELS, true | {name.replace("_", "-"): label for name, label in labels.items()})
    return table


def retrain(pipeline: Command, *options: str) -> tuple[int, str]:
    return pipeline("retrain", "--labels", str(LABELS), "--since", "2026-11-01", *options)


def outcome() -> dict[str, Any]:
    content: dict[str, Any] = files.read_json(Path(".pipeline/retrain.json"))
    return content


def stored(kind: str) -> list[Path]:
    return sorted(Path("store").glob(f"{kind}-*.parquet"))


def test_labelled_rows_become_a_batch_that_the_pipeline_ingests(project: Project, pipeline: Command) -> None:
    table = log_and_labels()

    code, output = retrain(pipeline)

    assert code == 0, output
    assert "40 newly labelled rows" in output
    (batch,) = stored("added")
    assert [file.path for file in sources.read(sources.FINGERPRINT).batches] == [batch.as_posix()]
    assert pipeline("ingest", *INGEST)[0] == 0
    raw = pd.read_parquet("raw.parquet")
    assert len(raw) == 1200 + 40
    assert raw["id"].is_unique
    added = raw.tail(40).reset_index(drop=True)
    names = ["income", "age", "town", "member", "since", "outcome"]
    pd.testing.assert_frame_equal(added[names], table[names], check_dtype=False)
    assert pipeline("validate", "--table", "raw.parquet", "--schema", "data/schema.yaml", "--report", "q.json")[0] == 0
    assert pipeline("fetch")[1].startswith("fetch: 2 files")


def test_the_same_rows_are_the_same_batch_however_the_log_is_split(project: Project, pipeline: Command) -> None:
    log_and_labels()
    before = Path("data/source.json").read_bytes()
    retrain(pipeline)
    first = {path.name: path.read_bytes() for path in stored("added")}

    Path("data/source.json").write_bytes(before)
    lines = scenes.lines(small_table("binary", 40, seed=7))
    scenes.write_log(LOG, lines[25:] + lines[:3])
    scenes.write_log(LOG, lines[:25], "predictions.w2.x.jsonl")
    retrain(pipeline)

    assert {path.name: path.read_bytes() for path in stored("added")} == first


def test_rows_that_are_in_the_data_are_not_added_again(project: Project, pipeline: Command) -> None:
    table = log_and_labels()
    retrain(pipeline)
    source = Path("data/source.json").read_bytes()

    code, output = retrain(pipeline)

    assert code == 0
    assert "nothing to learn from; of 40 labelled rows: 40 in the data already" in output
    assert outcome()["state"] == "nothing"
    assert Path("data/source.json").read_bytes() == source

    more = scenes.lines(small_table("binary", 45, seed=7))
    scenes.write_log(LOG, more)
    labels = [*table["outcome"], *["yes"] * 5]
    scenes.write_labels(LABELS, {line["id"]: label for line, label in zip(more, labels, strict=True)})
    assert "5 newly labelled rows; of 45 labelled rows: 40 in the data already" in retrain(pipeline)[1]
    assert len(stored("added")) == 2


def test_rows_that_break_the_contract_are_quarantined_with_their_reasons(project: Project, pipeline: Command) -> None:
    table = log_and_labels(r_3="maybe")
    lines = scenes.lines(table)
    lines[5]["features"]["age"] = -4
    lines[5]["features"]["town"] = None
    scenes.write_log(LOG, lines)
    code, output = retrain(pipeline)

    assert code == 0, output
    (path,) = stored("quarantine")
    quarantine = pd.read_parquet(path)
    assert list(quarantine.index) == ["r-3", "r-5"]
    assert "age: min (0 or more)" in quarantine["reason"]["r-5"]
    assert "town: missing value" in quarantine["reason"]["r-5"]
    assert quarantine["age"]["r-5"] == "-4"
    assert outcome()["quarantined"] == 2
    assert outcome()["rows"] == 38
    assert "quarantined: 1 row: age: min (0 or more)" in output


def test_rows_are_quarantined_and_reported_once_until_the_contract_takes_them(
    project: Project, pipeline: Command
) -> None:
    lines = scenes.lines(table := log_and_labels())
    lines[5]["features"]["age"] = -4
    scenes.write_log(LOG, lines)
    assert "of 40 labelled rows: 1 against the data contract" in retrain(pipeline)[1]
    quarantine = stored("quarantine")

    lines[6]["id"] = "new-6"
    lines[6]["features"]["age"] = -1
    lines.append(lines[7] | {"id": "new-7"})
    scenes.write_log(LOG, lines)
    labels = [*table["outcome"], "yes"]
    scenes.write_labels(LABELS, {line["id"]: label for line, label in zip(lines, labels, strict=True)})
    output = retrain(pipeline)[1]
    assert "1 newly labelled row; of 41 labelled rows: 38 in the data already, 1 against the data" in output
    assert "1 in quarantine already" in output
    assert "quarantined: 1 row: age: min (0 or more)" in output
    (second,) = set(stored("quarantine")) - set(quarantine)
    assert list(pd.read_parquet(second).index) == ["new-6"]
    assert (outcome()["quarantined"], outcome()["quarantined_before"]) == (1, 1)

    assert "quarantined:" not in retrain(pipeline)[1]
    schema = Path("data/schema.yaml")
    schema.write_text(re.sub(r"(age: .*min: )\d+", r"\g<1>-9", schema.read_text()))
    assert (
        "2 newly labelled rows; 2 of the rows from quarantine; of 41 labelled rows: 39 in the data"
        in retrain(pipeline)[1]
    )


def test_what_is_damaged_or_relabelled_is_printed(project: Project, pipeline: Command) -> None:
    lines = scenes.lines(log_and_labels())
    lines[5]["features"]["age"] = "old"
    scenes.write_log(LOG, lines)
    with LABELS.open("a") as stream:
        stream.write("r-0,other\nr-0,yes\n")

    code, output = retrain(pipeline)

    assert code == 0, output
    assert "39 newly labelled rows" in output
    assert "  labels of rows that were not read from the log: 1\n" in output
    assert "  not used: 1 rows of the log that lack a field or have one of another type\n    predictions.w1" in output
    assert "  labels that a later one of the same row replaced: 2\n" in output


def test_a_run_that_breaks_off_leaves_no_former_outcome(
    project: Project, pipeline: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_and_labels()
    retrain(pipeline)
    monkeypatch.setattr("pipeline.watch.retrain.assemble.assemble", lambda *_: 1 / 0)
    scenes.write_log(LOG, scenes.lines(small_table("binary", 41, seed=7)))
    scenes.write_labels(LABELS, {"r-40": "yes"})

    assert retrain(pipeline)[0] == DEFECT
    assert not Path(".pipeline/retrain.json").exists()


def test_one_bad_value_among_missing_ones_is_quarantined_alone(project: Project, pipeline: Command) -> None:
    lines = scenes.lines(log_and_labels())
    for place, line in enumerate(lines):
        line["features"]["income"] = None if place % 4 == 0 else 1000.0 + place
    lines[6]["features"]["income"] = -1
    scenes.write_log(LOG, lines)

    code, output = retrain(pipeline)

    assert code == 0, output
    assert "39 newly labelled rows; of 40 labelled rows: 1 against the data contract" in output
    assert list(pd.read_parquet(stored("quarantine")[0]).index) == ["r-6"]
    assert pd.read_parquet(stored("added")[0])["income"].isna().sum() == 10


def test_a_key_in_the_labels_is_used_and_a_row_whose_key_is_in_the_data_is_left_out(
    project: Project, pipeline: Command
) -> None:
    scenes.write_log(LOG, scenes.lines(small_table("binary", 4, seed=7)))
    project.configure(data={"key": "client"})
    schema = Path("data/schema.yaml")
    schema.write_text(schema.read_text().replace("  id: {", "  client: {"))
    pd.read_parquet("data/table.parquet").rename(columns={"id": "client"}).to_parquet("data/table.parquet", index=False)
    pipeline("fetch")
    scenes.write_labels(LABELS, {f"r-{number}": "yes" for number in range(4)}, client=[7, 5000, 5001, 5001])

    output = retrain(pipeline)[1]

    assert "2 newly labelled rows; of 4 labelled rows: 1 in the data already, 1 with a later row" in output
    (batch,) = stored("added")
    assert pd.read_parquet(batch)["client"].to_dict() == {"r-1": 5000, "r-3": 5001}


def test_a_gap_beside_a_broken_value_is_no_error(project: Project, pipeline: Command) -> None:
    lines = scenes.lines(log_and_labels(6))
    lines[2]["features"]["age"], lines[3]["features"]["age"] = None, -4
    scenes.write_log(LOG, lines)
    code, output = retrain(pipeline)
    assert code == 0, output
    assert list(pd.read_parquet(stored("quarantine")[0]).index) == ["r-2", "r-3"]


def test_long_keys_are_exact_where_some_are_missing(project: Project, pipeline: Command) -> None:
    scenes.write_log(LOG, scenes.lines(small_table("binary", 40, seed=7)))
    project.configure(data={"key": "client"})
    schema = Path("data/schema.yaml")
    schema.write_text(schema.read_text().replace("  id: {", "  client: {"))
    pd.read_parquet("data/table.parquet").rename(columns={"id": "client"}).to_parquet("data/table.parquet", index=False)
    pipeline("fetch")
    clients = [None if place % 10 == 0 else 2**60 + place for place in range(40)]
    labels = {"id": [f"r-{place}" for place in range(40)], "label": ["yes"] * 40, "client": clients}
    pq.write_table(pa.table(labels), "labels.parquet")

    output = pipeline("retrain", "--labels", "labels.parquet", "--since", "2026-11-01")[1]

    assert "retrain: 40 newly labelled rows\n" in output
    (path,) = stored("added")
    keys = pq.read_table(path).column("client").to_pylist()
    assert [key for key, client in zip(keys, clients, strict=True) if client] == [key for key in clients if key]


@pytest.mark.parametrize("client", ["7.0", "007", "+7"])
def test_a_key_is_known_however_the_labels_write_it(client: str, project: Project, pipeline: Command) -> None:
    scenes.write_log(LOG, scenes.lines(small_table("binary", 2, seed=7)))
    project.configure(data={"key": "client"})
    schema = Path("data/schema.yaml")
    schema.write_text(schema.read_text().replace("  id: {", "  client: {"))
    pd.read_parquet("data/table.parquet").rename(columns={"id": "client"}).to_parquet("data/table.parquet", index=False)
    pipeline("fetch")
    scenes.write_labels(LABELS, {"r-0": "yes", "r-1": "no"}, client=[client, "5000"])
    assert "1 newly labelled row; of 2 labelled rows: 1 in the data already" in retrain(pipeline)[1]


@pytest.mark.parametrize(("missing", "labelled", "unlabelled", "broken"), [([], 4, 1, 3), (["NA", "null"], 2, 3, 1)])
def test_labels_called_na_are_labels_and_missing_ones_are_counted(
    missing: list[str], labelled: int, unlabelled: int, broken: int, project: Project, pipeline: Command
) -> None:
    project.configure(data={"missing": missing})
    scenes.write_log(LOG, scenes.lines(small_table("binary", 5, seed=7)))
    LABELS.write_text("id,label\nr-0,NA\nr-1,null\nr-2,\nr-3,yes\nr-4,none\n")
    output = retrain(pipeline)[1]
    assert f"not used: {unlabelled} row{'s' * (unlabelled > 1)} of the label files without an id or a label" in output
    counts = outcome()
    assert [counts[name] for name in ("labelled", "unlabelled", "quarantined")] == [labelled, unlabelled, broken]


def test_rows_without_a_key_in_the_labels_get_one_derived_from_their_id(project: Project, pipeline: Command) -> None:
    log_and_labels()
    project.configure(data={"key": "client"})
    schema = Path("data/schema.yaml")
    schema.write_text(schema.read_text().replace("  id: {", "  client: {"))
    pd.read_parquet("data/table.parquet").rename(columns={"id": "client"}).to_parquet("data/table.parquet", index=False)
    pipeline("fetch")
    scenes.write_labels(LABELS, {f"r-{number}": "yes" for number in range(4)}, client=[5000, None, None, 5001])

    code, output = retrain(pipeline)

    assert code == 0, output
    assert "4 newly labelled rows" in output
    keys = pd.read_parquet(stored("added")[0])["client"]
    assert keys[["r-0", "r-3"]].tolist() == [5000, 5001]
    assert keys.is_unique
    assert keys["r-1"] == derive_key("r-1", schemas.read(schema).columns["client"])


def test_labels_are_read_as_the_monitor_reads_them(project: Project, pipeline: Command) -> None:
    """From a folder, the last row still being written."""
    log_and_labels()
    Path("late").mkdir()
    LABELS.rename("late/labels.csv")
    with Path("late/labels.csv").open("a") as stream:
        stream.write("r-5")

    code, output = pipeline("retrain", "--labels", "late")

    assert code == 0, output
    assert "40 newly labelled rows" in output
    assert outcome()["damage"] == {"labels": 1}


def lose_the_labels() -> None:
    log_and_labels()
    LABELS.unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda: None, "monitor.labels: is not set"),
        (lose_the_labels, "labels.csv: does not exist"),
        (lambda: LABELS.write_text("row,label\n1,yes\n"), "labels.csv: lacks a column; needed: id and label"),
        (lambda: scenes.write_labels(LABELS, {"r-0": "yes"}), "logs/predictions"),
    ],
)
def test_a_missing_input_is_an_error_of_one_line_and_nothing_is_written(
    project: Project, pipeline: Command, damage: Callable[[], Any], message: str
) -> None:
    damage()
    before = Path("data/source.json").read_bytes()

    code, output = pipeline("retrain") if message.startswith("monitor") else retrain(pipeline)

    assert code == 2
    assert f"error: {message}" in output
    assert len(output.splitlines()) == 1
    assert outcome()["state"] == "refused"
    assert not Path("store").exists()
    assert Path("data/source.json").read_bytes() == before


def test_a_store_that_another_pipeline_has_is_refused(project: Project, pipeline: Command) -> None:
    add(project.folder, "churn/", "churn")
    for own in (project, Project(project.folder / "churn")):
        own.configure(data={"added": "s3://no-bucket/added"})
    log_and_labels()

    code, output = retrain(pipeline)

    assert code == 2
    assert output.startswith("error: data.added: is s3://no-bucket/added, as in churn/params.yaml; give each pipeline")
    assert outcome()["state"] == "refused"


def test_without_a_store_for_the_rows_the_error_says_how_to_set_one(project: Project, pipeline: Command) -> None:
    project.configure(data={"added": None})
    log_and_labels()

    code, output = retrain(pipeline)

    assert code == 2
    assert "data.added: is not set; set it in params.yaml" in output
    assert "data.added" in outcome()["sentence"]


def test_a_nullable_feature_that_is_not_logged_is_missing(project: Project, pipeline: Command) -> None:
    table = log_and_labels()
    scenes.write_log(LOG, scenes.lines(table.drop(columns="income")))

    assert "  without a value in any of these rows: income" in retrain(pipeline)[1].splitlines()


def write_feature(source: str) -> None:
    Path("src/project/features/made.py").write_text(f"import numpy as np\n{source}\n", encoding="utf-8")


def test_rows_that_were_logged_before_a_column_fed_a_feature_have_a_missing_value(
    project: Project, pipeline: Command
) -> None:
    write_feature("def richness(income, age):\n    return np.log1p(income) / age")
    table = log_and_labels()
    scenes.write_log(LOG, scenes.lines(table.drop(columns="income")))

    code, output = retrain(pipeline)

    assert (code, "40 newly labelled rows" in output) == (0, True), output
    assert pipeline("ingest", *INGEST)[0] == 0
    added = schemas.typed(pd.read_parquet("raw.parquet"), schemas.read(Path("data/schema.yaml"))).tail(40)
    values = notebook.of_checkout(added, Path())["richness"]
    assert values.isna().all()


def test_a_feature_that_fails_where_a_former_log_lacks_its_column_adds_nothing(
    project: Project, pipeline: Command
) -> None:
    write_feature("def initial(town):\n    return np.array([name[0] for name in town], dtype=object)")
    contract = project.read("data/schema.yaml")
    Path("data/schema.yaml").write_text(re.sub(r"(town:.*?nullable: )false", r"\1true", contract, flags=re.DOTALL))
    table = log_and_labels()
    scenes.write_log(LOG, scenes.lines(table.drop(columns="town")))

    code, output = retrain(pipeline)

    assert code == 2
    assert "nothing was added, as `make run` would fail with these rows: src/project/features/made.py:2: " in output
    assert "initial: TypeError" in output
    assert "example row: town missing" in output
    assert not Path("store").exists()


def test_an_omitted_feature_that_the_contract_requires_is_an_error(project: Project, pipeline: Command) -> None:
    project.configure(serve={"log": {"folder": "x", "rotate_mb": 1.0, "keep": 2, "omit": ["age"]}})
    table = log_and_labels()
    scenes.write_log(LOG, scenes.lines(table.drop(columns="age")))

    code, output = retrain(pipeline)

    assert code == 2
    assert "error: column age: serve.log.omit names it, so the prediction log has no value of it" in output
    assert output.endswith(" is age: {type: integer, nullable: true, min: 0}\n")
    assert not Path("store").exists()


def test_a_store_that_can_not_be_written_leaves_nothing_half_written(project: Project, pipeline: Command) -> None:
    log_and_labels()
    Path("store").write_text("a file, no folder")
    before = Path("data/source.json").read_bytes()

    code, output = retrain(pipeline)

    assert code == 2
    assert "a part of the path is a file" in output
    assert Path("data/source.json").read_bytes() == before


def test_the_stored_outcome_is_read_back(project: Project, pipeline: Command) -> None:
    log_and_labels()
    retrain(pipeline)

    assert outcomes.read().rows == json.loads(Path(".pipeline/retrain.json").read_text())["rows"] == 40


def test_log_labels_and_batches_may_all_be_in_a_store(project: Project, pipeline: Command, store: Any) -> None:
    project.configure(data={"added": "s3://bucket/added"})
    log_and_labels()
    for path, key in ((LABELS, "labels/a.csv"), (next(LOG.iterdir()), "log/w/predictions.w1.x.jsonl")):
        store.put_object(Bucket="bucket", Key=key, Body=path.read_bytes())
    options = ("--log", "s3://bucket/log", "--labels", "s3://bucket/labels/*.csv", "--since", "2026-11-01")

    assert "40 newly labelled rows" in pipeline("retrain", *options)[1]
    assert "40 in the data already" in pipeline("retrain", *options)[1]

    (batch,) = sources.read(sources.FINGERPRINT).batches
    assert batch.path.startswith("s3://bucket/added/added-20261120T080039Z-")
    assert pipeline("ingest", *INGEST)[0] == 0
    assert len(pd.read_parquet("raw.parquet")) == 1240


def test_a_store_that_refuses_leaves_the_fingerprint_as_it_was(project: Project, pipeline: Command, store: Any) -> None:
    project.configure(data={"added": "s3://no-bucket/added"})
    log_and_labels()
    before = Path("data/source.json").read_bytes()

    code, output = retrain(pipeline)

    assert code == 2
    assert "rows of former quarantine files are counted as new: data.added: s3://no-bucket/added/quarantine-" in output
    assert "error: data.added: s3://no-bucket/added/added-" in output
    assert "can't be written" in output
    assert Path("data/source.json").read_bytes() == before
