"""The text of the pull request: each count that is not zero, and values of the data that can't break out of it."""

from typing import Any

from pipeline.data.source.sources import File
from pipeline.watch.retrain import description, summary
from pipeline.watch.retrain.outcome import Correction, Outcome, Reason

FILE = File(path="s3://b/added-1.parquet", size=9, sha256="0" * 64)
CORRECTION = Correction(former="s3://b/added-0.parquet", file=FILE, labels=3)


def outcome(**fields: Any) -> Outcome:
    counts = Outcome(state="added", sentence="", labels=9, labelled=8).model_copy(update=fields)
    return counts.model_copy(update={"sentence": summary.sentence(counts)})


def test_the_title_names_rows_and_corrections() -> None:
    assert description.title(outcome(rows=1, batch=FILE)) == "Retrain on 1 newly labelled row"
    both = outcome(rows=512, batch=FILE, corrected=(CORRECTION,))
    assert description.title(both) == "Retrain on 512 newly labelled rows and 3 corrected labels"


def test_corrections_alone_have_neither_a_batch_nor_a_period() -> None:
    text = description.body(outcome(corrected=(CORRECTION,)), 7, "Drift")
    assert "| already in the data, with a corrected label | 3 |" in text
    assert "takes the place of <code>s3://b/added-0.parquet</code>" in text.replace("\\:", ":")
    assert "answered by the service" not in text
    assert "\n\nBatch: " not in text


def test_a_value_of_the_data_neither_notifies_anybody_nor_ends_the_code() -> None:
    value = "@octocat ``` <b>"
    line = f"town: {{type: category, nullable: false, allowed: ['{value}']}}"
    reason = Reason(column="town", check="allowed", expected="Oslo", rows=1, values={value: 1}, line=line)
    text = description.body(outcome(quarantined=1, quarantine="s3://b/q", reasons=(reason,)), None, None)
    assert f"\n\n````yaml\n{line}\n````" in text
    assert value not in text.replace(line, "")
    assert "@octocat" not in text.replace(line, "")


def test_many_long_values_are_left_to_the_log() -> None:
    values = {f"{number} {'@' * 70}": 1 for number in range(20)}
    reasons = tuple(
        Reason(column=f"c{number}", check="allowed", expected="x", rows=20, values=values, line="y" * 3000)
        for number in range(30)
    )
    text = description.body(outcome(quarantined=600, quarantine="s3://b/q", reasons=reasons), None, None)
    assert len(text) < 30_000
    assert "Too long for here, and in the run's log: the values of <code>c" in text
    assert "<code>c29</code>." in text


def test_what_was_not_read_is_named_by_kind_and_place() -> None:
    text = description.body(outcome(damage={"types": 2}, places=("log:7: no number",)), None, None)
    assert "Not used: 2 rows of the log that lack a field or have one of another type. The first: <code>log" in text
