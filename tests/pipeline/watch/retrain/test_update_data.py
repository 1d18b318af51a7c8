"""What changes in the data between two retrainings: corrected labels, rows out of quarantine, categories, columns."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipeline.core import files
from pipeline.core.errors import PipelineError
from pipeline.data.source import sources, store
from pipeline.watch.retrain import description, outcome
from tests.pipeline.conftest import Project, small_table
from tests.pipeline.watch.retrain import scenes
from tests.pipeline.watch.retrain.conftest import Command, ProjectFor

LOG, LABELS, SCHEMA, SOURCE = Path("logs/predictions"), "labels.csv", Path("data/schema.yaml"), Path("data/source.json")
CORRECTED = {
    "binary": {"r-0": "yes", "r-1": "no", "r-2": "yes"},
    "multiclass": {"r-0": "low", "r-1": "mid", "r-2": "high"},
    "regression": {"r-0": "-1.5", "r-1": "3", "r-2": "0.1250"},
}


def log(table: pd.DataFrame, **columns: Any) -> dict[str, str]:
    """Write a log of the table, with some columns replaced, and labels; the labels, as text."""
    scenes.write_log(LOG, scenes.lines(table.assign(**columns)))
    labels = {f"r-{place}": str(label) for place, label in enumerate(table["outcome"])}
    scenes.write_labels(Path(LABELS), labels)
    return labels


def retrain(pipeline: Command, *options: str) -> str:
    code, output = pipeline("retrain", "--labels", LABELS, *options)
    assert code == 0, output
    return output


def added(column: str) -> dict[str, Any]:
    """A column of all rows in the batches that are part of the data, by row id."""
    batches = [pd.read_parquet(file.path) for file in sources.read(SOURCE).batches]
    return dict(pd.concat(batches)[column]) if batches else {}


def test_a_folder_with_a_batch_and_its_correction_is_not_taken_as_twice_the_rows(
    project: Project, pipeline: Command
) -> None:
    labels = log(small_table("binary", 30, seed=7))
    retrain(pipeline)
    scenes.write_labels(Path(LABELS), labels | {"r-0": "no" if labels["r-0"] == "yes" else "yes"})
    retrain(pipeline)
    content = files.read_json(SOURCE)
    first, second = sorted(Path("store").iterdir())

    assert pipeline("fetch")[0] == 0
    files.write_json(SOURCE, {"source": content["source"], "files": content["files"]})  # data.added is new to it
    code, output = pipeline("fetch")

    assert code == 2
    assert output == f"error: data.added: {first} and {second} hold the same rows; remove the one that is outdated\n"
    first.unlink()
    assert pipeline("fetch")[0] == 0


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_corrected_label_replaces_that_of_a_row_in_the_data(
    task: str, project_for: ProjectFor, pipeline: Command
) -> None:
    project_for(task)
    first = log(small_table(task, 30, seed=7))
    retrain(pipeline)
    (former,) = sources.read(SOURCE).batches
    content = pd.read_parquet(former.path)
    corrected = {row: label for row, label in CORRECTED[task].items() if label != first[row]}
    (LOG / "predictions.w1.x.jsonl").write_text("")  # rotated away: a correction needs no logged row
    scenes.write_labels(Path(LABELS), first | corrected)

    output = retrain(pipeline)

    assert f"retrain: {len(corrected)} corrected labels" in output
    (batch,) = sources.read(SOURCE).batches
    assert f"  corrected: {len(corrected)} labels: {batch.path} replaces {former.path}\n" in output
    expected = content["outcome"].astype(object)
    expected[list(corrected)] = [float(label) if task == "regression" else label for label in corrected.values()]
    assert added("outcome") == dict(expected)
    pd.testing.assert_frame_equal(pd.read_parquet(former.path), content)  # as other branches name it
    pd.testing.assert_frame_equal(pd.read_parquet(batch.path).drop(columns="outcome"), content.drop(columns="outcome"))
    result = outcome.read()
    assert (result.state, result.batch, result.corrections) == ("added", None, len(corrected))
    assert description.title(result) == f"Retrain on {len(corrected)} corrected labels"
    assert f"<code>{former.path.replace('_', chr(92) + '_')}</code>, with the same rows" in description.body(
        result, None, None
    )
    assert pipeline("ingest", "--source=data/source.json", "--schema=data/schema.yaml", "--table=raw.parquet")[0] == 0

    assert "nothing to learn from" in retrain(pipeline)


def test_a_corrected_label_that_breaks_the_contract_is_refused_and_the_former_one_stays(
    project_for: ProjectFor, pipeline: Command
) -> None:
    project_for("multiclass")
    labels = log(small_table("multiclass", 30, seed=7))
    retrain(pipeline)
    before = added("outcome")
    other = "high" if labels["r-1"] == "low" else "low"
    scenes.write_labels(Path(LABELS), labels | {"r-0": "huge", "r-1": other})

    output = retrain(pipeline)

    assert "retrain: 1 corrected label" in output
    assert "not corrected, the former label stays: 1 label: outcome: allowed (high, low, mid)" in output
    assert "'huge' (1 label)" in output
    assert added("outcome") == before | {"r-1": other}
    assert "### 1 corrected label refused" in description.body(outcome.read(), None, None)


def test_a_label_of_a_row_of_the_source_is_not_corrected_but_counted(
    project_for: ProjectFor, pipeline: Command
) -> None:
    project = project_for("regression")
    project.configure(data={"key": "meter"})
    SCHEMA.write_text(SCHEMA.read_text().replace("  id: {", "  meter: {"))
    table = pd.read_parquet("data/table.parquet").rename(columns={"id": "meter"})
    table.to_parquet("data/table.parquet", index=False)
    pipeline("fetch")
    same, other = table["outcome"][6], table["outcome"][7] + 1
    log(small_table("regression", 3, seed=7))
    scenes.write_labels(Path(LABELS), {"r-0": f"{same}0", "r-1": other, "r-2": 0.5}, meter=[7, 8, 9000])

    output = retrain(pipeline)

    assert "1 newly labelled row; of 3 labelled rows: 2 in the data already" in output
    assert "not corrected: 1 row with a key that is in the data with another label" in output
    assert "1 row with a key that is in the data with another label" in description.body(outcome.read(), None, None)


def test_a_new_category_is_quarantined_with_the_line_that_takes_it_and_comes_in_once_it_is_allowed(
    project_for: ProjectFor, pipeline: Command
) -> None:
    project_for("regression")
    table = small_table("regression", 30, seed=7)
    log(table, town=["Bodø"] * 3 + ["Röros"] + ["Oslo"] * 26)

    output = retrain(pipeline)

    line = "town: {type: category, nullable: false, allowed: [Bergen, Bodø, Oslo, Röros, Tromsø]}"
    assert "  values: 'Bodø' (3 rows), 'Röros' (1 row)\n" in output
    assert f"this line of data/schema.yaml allows them from the next retraining on:\n    {line}\n" in output
    assert f"```yaml\n{line}\n```" in description.body(outcome.read(), None, None)

    SCHEMA.write_text(re.sub(r"town: .*", line, SCHEMA.read_text()))
    later = small_table("regression", 6, seed=8)
    scenes.write_log(LOG, scenes.lines(later, "s"))  # the rest is rotated away, and the label files are newer ones
    scenes.write_labels(Path(LABELS), {"s-5": "0.5"})
    output = retrain(pipeline)

    assert "retrain: 5 newly labelled rows; 4 of the rows from quarantine" in output
    assert outcome.read().returned == 4
    rows = pd.read_parquet(sources.read(SOURCE).batches[0].path)
    assert list(rows.index) == ["r-0", "r-1", "r-2", "r-3", "s-5"]
    names = ["income", "age", "member", "since", "outcome"]
    expected = pd.concat([table[names].head(4), later[names].tail(1).assign(outcome=0.5)], ignore_index=True)
    pd.testing.assert_frame_equal(rows[names].reset_index(drop=True), expected, check_dtype=False, check_exact=True)
    assert "nothing to learn from" in retrain(pipeline)


def test_a_row_out_of_quarantine_keeps_the_time_of_its_answer_where_that_is_the_time_of_the_split(
    project_for: ProjectFor, pipeline: Command
) -> None:
    project = project_for("multiclass")
    project.configure(split={"time": "since"})
    table = small_table("multiclass", 3, seed=7).drop(columns="since")
    log(table, age=[-1, -1, 40])
    retrain(pipeline)

    SCHEMA.write_text(re.sub(r"(age: .*)min: 0", r"\1min: -9", SCHEMA.read_text()))
    (LOG / "predictions.w1.x.jsonl").write_text("")
    output = retrain(pipeline)

    assert "retrain: 2 newly labelled rows; 2 of the rows from quarantine" in output
    start = pd.Timestamp(scenes.START).tz_localize(None)
    expected = {f"r-{place}": start + pd.Timedelta(seconds=place) for place in range(3)}
    assert added("since") == expected


def test_a_binary_target_is_offered_no_third_class(project: Project, pipeline: Command) -> None:
    labels = log(small_table("binary", 30, seed=7))
    scenes.write_labels(Path(LABELS), labels | {"r-0": "perhaps"})
    assert "'perhaps' (1 row)" in (output := retrain(pipeline))
    assert "from the next retraining on" not in output


def test_a_value_with_characters_that_nobody_sees_is_shown_and_offered_no_line(
    project: Project, pipeline: Command
) -> None:
    log(small_table("binary", 30, seed=7), town=["Os\u202elo"] + ["Oslo"] * 29)
    assert r"'Os\u202elo' (1 row)" in (output := retrain(pipeline))
    assert "from the next retraining on" not in output


def test_more_categories_than_training_takes_are_refused_before_anything_is_written(
    project_for: ProjectFor, pipeline: Command
) -> None:
    project = project_for("multiclass")
    SCHEMA.write_text(re.sub(r"town: .*", "town: {type: category, nullable: false}", SCHEMA.read_text()))
    project.configure(features={"max_categories": 10})
    log(small_table("multiclass", 60, seed=7), town=[f"town {place % 12}" for place in range(60)])
    before = SOURCE.read_bytes()

    code, output = pipeline("retrain", "--labels", LABELS)

    assert code == 2
    start = "error: nothing was added, as `make run` would fail with these rows: column town: text with "
    assert output.startswith(start)
    assert output.endswith("or raise features.max_categories (now 10) in params.yaml\n")
    assert len(output.splitlines()) == 1
    assert not Path("store").exists()
    assert SOURCE.read_bytes() == before
    assert (outcome.read().state, outcome.read().rows) == ("refused", 0)

    project.configure(features={"max_categories": 20})
    assert "retrain: 60 newly labelled rows" in retrain(pipeline)


def test_an_excluded_column_is_left_empty_where_the_contract_lets_it_be(
    project_for: ProjectFor, pipeline: Command
) -> None:
    project = project_for("regression")
    project.configure(features={"exclude": ["town"]})
    log(small_table("regression", 30, seed=7).drop(columns="town"))

    code, output = pipeline("retrain", "--labels", LABELS)

    assert code == 2
    assert len(output.splitlines()) == 1
    line = "town: {type: category, nullable: true, allowed: [Bergen, Oslo, Tromsø]}"
    assert "error: column town: features.exclude names it, so a request may lack it, and data/schema.yaml" in output
    assert output.endswith(f" is {line}\n")

    SCHEMA.write_text(re.sub(r"town: .*", line, SCHEMA.read_text()))
    assert "30 newly labelled rows" in retrain(pipeline)
    assert pd.Series(added("town")).isna().tolist() == [True] * 30


def test_a_required_feature_that_one_batch_lacks_is_quarantined_and_stops_nothing(
    project: Project, pipeline: Command
) -> None:
    table = small_table("binary", 1, seed=7)
    log(table.drop(columns="age"))
    assert "quarantined: 1 row: age: missing value (a value in every row)" in retrain(pipeline)


def test_rows_are_reported_again_where_the_batch_could_not_be_written(
    project: Project, pipeline: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    log(small_table("binary", 30, seed=7), age=[-1] + [40] * 29)
    put = store.put

    def refuse(file: Path, path: str, knob: str) -> None:
        if "/added-" in path:
            raise PipelineError(f"{knob}: {path}: can't be written: no space is left")
        put(file, path, knob)

    monkeypatch.setattr(store, "put", refuse)
    assert pipeline("retrain", "--labels", LABELS)[0] == 2
    monkeypatch.setattr(store, "put", put)

    assert "quarantined: 1 row: age: min (0 or more)" in retrain(pipeline)


def test_wrong_options_leave_no_former_outcome(project: Project, pipeline: Command) -> None:
    log(small_table("binary", 30, seed=7))
    retrain(pipeline)
    assert outcome.read().state == "added"

    code, output = pipeline("retrain", "--since", "yesterday")

    assert code == 2
    assert len(output.splitlines()) == 1
    assert files.read_json(outcome.PATH)["state"] == "refused"
    assert "yesterday is not a time" in outcome.read().sentence
