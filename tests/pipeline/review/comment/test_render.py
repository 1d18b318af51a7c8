"""The comment reports every kind of measurement and is never too long."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import precision_score, recall_score, roc_auc_score

from pipeline.markup.markdown import number
from pipeline.review.comment.render import LIMIT, announcement, broken, render
from pipeline.review.gate import protected
from pipeline.review.gate.override import Override
from pipeline.review.gate.verdict import Change, Rule, Subject, Verdict
from pipeline.review.measure.measurement import FILES, MANIFEST
from tests.pipeline.review.comment import factories, reading
from tests.pipeline.review.comment.factories import bundle, context, scored, verdict

TASKS = ["binary", "multiclass", "regression"]
OVERRIDE = Override.model_validate(
    {"by": "octocat", "at": "2026-11-28T05:00:00Z", "commit": "a1" * 20, "reason": "the data are @new"}
)
MALICIOUS = [
    "a|b",
    "<script>",
    "@everyone",
    "#1",
    "](http://x)",
    "`x`",
    "a\nb",
    "\u202eevil",
    "</details>",
    "http://x.io",
    "-->",
]


def comment(folder: Path, task: str = "binary", main: float | None = 1.2, **changes: Any) -> str:
    """A comment on a model of strength 1.5 where main's has strength `main`."""
    champion = None if main is None else scored(task, main, 3)
    text = render(bundle(folder, task, champion, **changes), verdict(task, champion), context())
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize("task", TASKS)
def test_the_first_lines_say_the_verdict_and_why(tmp_path: Path, task: str) -> None:
    better, worse = comment(tmp_path / "a", task), comment(tmp_path / "b", task, 3.0)
    assert better.startswith("### ✅ The gate passes\n")
    assert worse.startswith("### ❌ The gate fails\n")
    primary = {"binary": "ROC AUC", "multiclass": "Macro F1", "regression": "RMSE"}[task]
    assert worse.splitlines()[2].startswith(f"<b>{primary} against main</b>: ")
    assert "worse than origin/main by more than" in worse.splitlines()[2]


@pytest.mark.parametrize("task", TASKS)
def test_every_metric_has_a_row_with_an_arrow_by_its_good_direction(tmp_path: Path, task: str) -> None:
    rows = [line for line in comment(tmp_path, task, 3.0).splitlines() if line.startswith("| ") and " ▼ " in line]
    signs = {row.split(" ▼ ")[1][0] for row in rows}
    assert signs == {"+", "−"}
    assert any("★" in row and "❌ fail" in row for row in rows)


def test_a_lower_loss_has_an_arrow_up(tmp_path: Path) -> None:
    (row,) = [line for line in comment(tmp_path).splitlines() if line.startswith("| Log loss")]
    assert "▲ −" in row


def test_a_moved_threshold_stands_beside_the_figures_that_move_with_it(tmp_path: Path) -> None:
    champion = replace(scored("binary", 1.2, 3), threshold=0.55)
    text = render(bundle(tmp_path, "binary", champion), verdict("binary", champion), context()).replace("\u00a0", " ")
    rows = {
        line.split(" | ")[0].removeprefix("| "): line.split(" | ") for line in text.split("**What to")[0].split("\n")
    }
    assert rows["Decision threshold"][1:4] == ["0.5500", "0.4000", "−0.1500"]
    moved = scored()
    assert rows["Precision"][2] == f"{precision_score(moved.target, moved.score >= 0.4):.4f}"
    assert rows["Precision, both at 0.5500"][2] == f"{precision_score(moved.target, moved.score >= 0.55):.4f}"
    assert rows["Recall, both at 0.5500"][1:3] == [
        f"{recall_score(model.target, model.score >= 0.55):.4f}" for model in (champion, moved)
    ]


def test_one_threshold_of_both_models_is_one_row(tmp_path: Path) -> None:
    text = comment(tmp_path)
    assert "| Decision threshold | 0.4000 | 0.4000 |" in text
    assert ", both at" not in text


def test_a_looser_contract_is_on_the_first_screen(tmp_path: Path) -> None:
    measured = bundle(tmp_path)
    town = {"type": "category", "nullable": False, "allowed": ["Oslo", "Bergen"]}
    main = {"town": town, "age": {"type": "integer", "nullable": False, "min": 0, "max": 100}, "old": town}
    here = {
        "town": town | {"allowed": ["Oslo", "Bergen", "doctorate"]},
        "age": {"type": "integer", "nullable": True, "min": 21},
        "new": town,
    }
    (tmp_path / "schema.yaml").write_text(json.dumps({"columns": here}))
    text = render(measured, verdict(), context(main_schema={"columns": main})).split("<details")[0]
    rows = re.findall(r"^\| (.*?) \| <code>(\w+)</code> \| (\w+) \| (.*?) \| (.*?) \|$", text, re.MULTILINE)
    assert rows == [
        ("⚠️ looser", "town", "allowed", "2 values", "3 values: <b>doctorate</b>"),
        ("⚠️ looser", "age", "nullable", "no", "yes"),
        ("⚠️ looser", "age", "max", "100", "–"),
        ("⚠️ looser", "old", "column", "category", "–"),
        ("tighter", "age", "min", "0", "21"),
        ("other", "new", "column", "–", "category"),
    ]
    (tmp_path / "schema.yaml").write_text(json.dumps({"columns": main}))
    assert "contract changes" not in render(measured, verdict(), context(main_schema={"columns": main}))
    (tmp_path / "schema.yaml").write_text(json.dumps({"columns": main, "retired": ["street", "sex"]}))
    text = render(measured, verdict(), context(main_schema={"columns": main, "retired": ["street"]}))
    assert "| other | <code>sex</code> | retired | no | yes |" in text
    assert "street" not in text


@pytest.mark.parametrize("content", ["columns: [1]", "columns: {town: 3}", "columns: {town: {min: a}}", "x", "&a [*a]"])
def test_a_contract_of_the_wrong_shape_affects_its_section_alone(tmp_path: Path, content: str) -> None:
    measured = bundle(tmp_path)
    (tmp_path / "schema.yaml").write_text(content)
    main = {"columns": {"town": {"type": "integer", "nullable": False, "min": 3}}}
    text = render(measured, verdict(), context(main_schema=main))
    assert "*Data contract: can't be read from this measurement.*" in text


def test_where_new_rows_come_from_is_one_line(tmp_path: Path) -> None:
    measured = bundle(tmp_path)
    first = {"path": "data/a.csv", "size": 900, "sha256": "a" * 64}
    days = ("20260501T101500Z", "20260602T090000Z")
    batches = [
        {"path": f"data/added/added-{day}-0123abcd.parquet", "size": 50, "sha256": str(n) * 64}
        for n, day in enumerate(days)
    ]
    added = {"folder": "data/added", "files": batches}
    (tmp_path / "source.json").write_text(json.dumps({"source": "data/*.csv", "files": [first], "added": added}))
    old = {"path": "data/old.csv", "size": 10, "sha256": "b" * 64}
    text = render(measured, verdict(), context(main_source={"source": "data/*.csv", "files": [first, old]}))
    (line,) = [line for line in reading.visible_text(text).splitlines() if "New rows" in line]
    assert "2 new files" in line
    assert "newest rows of 2026-05-01 to 2026-06-02), 10 % of the data" in line
    assert "1 file of main no longer used" in line
    same = render(measured, verdict(), context(main_source={"files": [first], "added": added}))
    assert "New rows" not in same


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_fairness_shows_mains_figure_of_the_same_rows(tmp_path: Path, task: str) -> None:
    champion = scored(task, 1.2, 3)
    judged = verdict(task, champion)
    rules = [rule for rule in judged.rules if rule.kind == "fairness"]
    fold = render(bundle(tmp_path, task, champion), judged, context()).split("**Fairness**")[1]
    assert rules
    for rule in rules:
        assert f" | {number(rule.champion)} | {number(rule.value)} | " in fold, rule.title


def test_each_thing_is_said_once(tmp_path: Path) -> None:
    text = comment(tmp_path, "binary", 3.0)
    assert "Model card</b>" not in text
    other = text.split("<b>Other rules</b>")[1].split("</details>")[0]
    assert "Data contract" in other
    assert "Fairness" not in other
    assert "Slice" not in other
    for title in re.findall(r"^\| ❌ \| (.*?)<br>", text.split("<details")[0], re.MULTILINE):
        assert title not in other


def test_reproducing_begins_with_a_fetch(tmp_path: Path) -> None:
    assert "```console\ngit fetch origin\ngh pr checkout 7\nmake run\nmake report BASE=" in comment(tmp_path)


def test_a_broken_contract_s_headline_names_column_and_value(tmp_path: Path) -> None:
    said = "validate: 1 violation of data/schema.yaml, the first: town: allowed, 12 rows"
    failure = {"stage": "validate", "lines": ["check column", f"error: {said}", "x"]}
    text = render(bundle(tmp_path, outcome="failed", failure=failure), factories.failed(), context())
    assert text.splitlines()[2].startswith(f"{said}. New values: <code>town</code> Tromsø. ")


def test_the_smallest_detectable_loss_is_shown(tmp_path: Path) -> None:
    assert re.search(r"2,000 rows would detect a true loss of 0\.\d+", reading.visible_text(comment(tmp_path)))


def test_rules_that_fail_come_before_those_that_warn(tmp_path: Path) -> None:
    table = comment(tmp_path, "binary", 3.0).split("**What to look at**")[1]
    marks = re.findall(r"^\| (❌|⚠️) ", table.split("- **Parameters")[0], re.MULTILINE)
    assert marks == sorted(marks, reverse=True)
    assert marks[0] == "❌"


def test_parameters_data_features_and_cost_are_summed_up(tmp_path: Path) -> None:
    text = reading.visible_text(comment(tmp_path))
    for expected in (
        "train.learning_rate",
        "0.05 → 0.5",
        "+120 −20 rows",
        "7 rows changed",
        "+  income",
        "−  height",
        "8,000 rows",
    ):
        assert expected in text, expected


def test_a_change_of_the_bounds_is_shown(tmp_path: Path) -> None:
    measured = bundle(tmp_path, "binary", scored())
    (tmp_path / "params.yaml").write_text("gate: {tolerance: 0.5}\n")
    assert "It was judged by main’s parameters." in render(measured, verdict(), context())


def test_without_a_champion_the_figures_stand_beside_what_main_recorded(tmp_path: Path) -> None:
    recorded = context(main_metrics={"roc_auc": {"value": 0.7654, "lower": 0.7, "upper": 0.8}})
    text = render(bundle(tmp_path, features_main=None, data=None), verdict(), recorded)
    assert "no champion yet" in text
    assert "| 0.7654 |" in text
    assert "What changed, metric by metric" not in text


@pytest.mark.parametrize("task", [{"target": "other"}, {"type": "regression", "target": "y"}, {"positive": 0}])
def test_main_s_figures_for_another_target_are_not_shown(tmp_path: Path, task: dict[str, Any]) -> None:
    measured = bundle(tmp_path, features_main=None, data=None)
    (tmp_path / "params.yaml").write_text("task: {type: binary, target: y, positive: 1}\n")
    main = {"task": {"type": "binary", "target": "y", "positive": 1} | task}
    recorded = context(main_params=main, main_metrics={"roc_auc": {"value": 0.7654, "lower": 0.7, "upper": 0.8}})
    text = render(measured, verdict(), recorded)
    assert "0.7654" not in text
    assert "main (recorded)" not in text
    ((key, value),) = [(key, value) for key, value in task.items() if key != "target" or len(task) == 1]
    assert f"main’s model predicts something else ({key} {value})" in text
    assert "🟧" not in text.split("What the model looks at")[1].split("</details>")[0]


def test_too_few_rows_have_no_interval(tmp_path: Path) -> None:
    nine = np.arange(9)
    candidate, champion = scored("binary").rows(nine), scored("binary", 1.2, 3).rows(nine)
    measured = bundle(tmp_path, "binary", champion)
    text = render(measured, verdict("binary", champion, candidate=candidate), context()).replace("\u00a0", " ")
    assert text.startswith("### ⚠️ The gate warns")
    assert re.match(r"<b>ROC AUC against main</b>: \S+ \(too few rows\)", text.splitlines()[2])
    (row,) = [line for line in text.splitlines() if line.startswith("| Log loss |")]
    assert "| too few rows |" in row
    assert not set(row) & set("▲▼≈")
    assert "What changed, metric by metric" not in text


def test_metrics_that_depend_on_the_rarer_class_have_no_interval_on_few_of_its_rows(tmp_path: Path) -> None:
    rare = np.sort(np.r_[np.flatnonzero(scored().target)[:19], np.flatnonzero(scored().target == 0)])
    candidate, champion = scored().rows(rare), scored("binary", 1.2, 3).rows(rare)
    measured = bundle(tmp_path, "binary", champion)
    text = render(measured, verdict("binary", champion, candidate=candidate), context()).replace("\u00a0", " ")
    rows = [row for row in text.split("**What to look at**")[0].splitlines() if "| too few rows |" in row]
    assert [row.split(" |")[0].removeprefix("| ") for row in rows] == [
        "<b>ROC AUC</b> ★",
        "Average precision",
        "F1",
        "Precision",
        "Recall",
    ]


def test_slices_of_few_rows_have_no_interval(tmp_path: Path) -> None:
    measured = bundle(tmp_path)
    estimate = {"value": 1.0, "lower": 1.0, "upper": 1.0}
    rare = {"roc_auc": estimate, "positive_rate": {"value": 0.01}}
    slices = [
        {"column": "town", "value": "Bodø", "rows": 9, "metrics": {"roc_auc": estimate}},
        {"column": "town", "value": "Hamar", "rows": 1000, "metrics": rare},
        {"column": "town", "value": "Molde", "rows": 1000, "metrics": {"roc_auc": estimate}},
    ]
    (tmp_path / "slices.json").write_text(json.dumps(slices))
    text = render(measured, verdict(), context())
    assert "| town=Bodø | 9 | 1.000 | too few rows |" in text
    assert "| town=Hamar | 1,000 | 1.000 | too few rows |" in text
    assert "| town=Molde | 1,000 | 1.000 | 1.000 to 1.000 |" in text


def test_both_figures_of_a_slice_are_of_the_rows_that_both_models_scored(tmp_path: Path) -> None:
    first = np.arange(len(scored())) < 1000
    champion = scored("binary", 1.2, 3).rows(first)
    text = render(bundle(tmp_path, "binary", champion), verdict("binary", champion), context())
    (row,) = [line.split(" | ") for line in text.splitlines() if "| town=Oslo |" in line]
    oslo = first & (scored().slices["town"] == "Oslo").to_numpy()
    assert row[2] == f"{oslo.sum():,}"
    figures = [roc_auc_score(model.target[oslo], model.score[oslo]) for model in (scored("binary", 1.2, 3), scored())]
    assert row[3:5] == [f"{figure:.4f}" for figure in figures]


def test_the_chart_shows_gains_with_their_intervals(tmp_path: Path) -> None:
    base = verdict("binary", scored("binary", 1.2, 3))
    changes = (
        Change("roc_auc", 0.8, 0.75, 0.05, 0.04, 0.07),
        Change("log_loss", 0.5, 0.4, 0.1, -0.02, 0.12),  # a loss that rises
    )
    measured = bundle(tmp_path, "binary", scored("binary", 1.2, 3))
    chart = reading.charts(render(measured, replace(base, metrics=changes), context()))[0]
    lines = [line.strip() for line in chart.splitlines() if line.startswith("  line")]
    expected = [(0, 0), (0.04, -0.12), (0.07, 0.02), (0.05, -0.1)]  # main, the two ends, the gain
    assert lines == [f"line [{', '.join(str(end) for end in ends for _ in range(3))}]" for ends in expected]
    same = tuple(replace(change, change=0.0, lower=0.0, upper=0.0) for change in changes)
    assert "metric by metric" not in render(measured, replace(base, metrics=same), context())


def test_the_chart_of_metrics_beyond_1_is_in_percent_of_mains(tmp_path: Path) -> None:
    base = verdict("regression", scored("regression", 1.2, 3))
    changes = (Change("rmse", 8.0, 10.0, -2.0, -3.0, -1.0), Change("r2", 0.1, 0.0, 0.1, 0.0, 0.2))
    measured = bundle(tmp_path, "regression", scored("regression", 1.2, 3))
    chart = reading.charts(render(measured, replace(base, metrics=changes), context()))[0]
    assert '"gain, percent of main"' in chart
    assert "  line [20, 20, 20]" in chart
    assert "R²" not in chart  # main's is 0, of which there is no percentage


def test_a_failed_stage_shows_its_last_lines_as_plain_text(tmp_path: Path) -> None:
    lines = ["\x1b[31mred\x1b[0m", "```", "</details> @everyone <script>"]
    measured = bundle(tmp_path, outcome="failed", failure={"stage": "train", "lines": lines})
    text = render(measured, factories.failed(), context())
    assert text.startswith("### ❌ Stage train failed")
    (block,) = [body for _, kind, body in reading.FENCES.findall(text) if kind == "text"]
    assert block == "red\n```\n</details> @everyone <script>"
    assert reading.tags(text) <= reading.OWN_TAGS | reading.TEXT_TAGS | {"pre", "a"}


def test_an_unchanged_model_is_called_the_same(tmp_path: Path) -> None:
    text = render(bundle(tmp_path, outcome="unchanged"), factories.unchanged(), context())
    assert text.startswith("### ✅ The gate passes\n\n<b>Champion</b>: same model as main: no change.")


def test_who_overruled_is_named_and_not_notified(tmp_path: Path) -> None:
    text = render(bundle(tmp_path), verdict(), context(override=OVERRIDE))
    assert "Overruled by @\u200boctocat" in " ".join(reading.visible_text(text).split())
    assert "2026-11-28 05:00 UTC, for <code>a1a1a1a</code>: the data are @&#8203;new" in text
    refused = render(bundle(tmp_path), verdict(), context(stale_override=True))
    assert "does not count: it was refused, or set for an earlier commit." in refused


def test_a_fork_is_told_how_to_record_the_lock(tmp_path: Path) -> None:
    text = render(bundle(tmp_path), verdict(), context(recording="fork"))
    assert "gh run download 42 --repo team/model --name measurement" in text
    assert "git add dvc.lock reports/metrics.json" in text
    assert "schema: '2.0'" in text
    assert "bot’s next commit" in render(bundle(tmp_path), verdict(), context(recording="bot"))


@pytest.mark.parametrize("name", MALICIOUS)
def test_malicious_names_are_only_shown(tmp_path: Path, name: str) -> None:
    champion = scored("binary", 3.0, 3, (name, "b"))
    measured = bundle(
        tmp_path,
        champion=champion,
        features_main=[f"{name} old"],
        champion_gains=[{"feature": name, "gain": 1.0}],
        notes=[name],
        base=name,
        environment={name: name},
        data={
            **dict.fromkeys(("rows_main", "rows_here", "added", "removed", "changed"), 1),
            "columns": [{"name": name, "main": name, "here": name}],
            "categories": [{"column": name, "added": [name], "removed": [name], "added_count": 1, "removed_count": 1}],
        },
    )
    for file, content in factories.files("binary", (name, f"{name}2")).items():
        (tmp_path / file).write_text(json.dumps(content))
    (tmp_path / "params.yaml").write_text(json.dumps({"train": {name: name}, name: [name]}))
    candidate = scored("binary", 1.5, 0, (name, "b"))
    text = render(
        measured,
        verdict("binary", champion, candidate),
        context(override=OVERRIDE.model_copy(update={"by": name, "reason": name})),
    )
    assert reading.tags(text) <= reading.OWN_TAGS | reading.TEXT_TAGS | {"pre", "a"}
    assert not re.search(r"@\w|#\d", reading.visible_text(text))
    assert re.findall(r'href="([^"]*)"', reading.page(text)) == [
        "https://github.com/team/model/actions/runs/42",
        "https://github.com/team/model/actions/runs/42/artifacts/1",
    ]
    assert "\u202e" not in text
    assert "can't be read" not in text


WRONG = (
    *("null", "[]", "{}", "7", '"x"', '[{"a": 1}]', '{"columns": 3}', "[[", '{"columns": [NaN]}', "\xff"),
    *(
        '{"rows": {"train": "x"}}',
        '{"a": {"b": {"value": "x"}}}',
        '{"features": [1]}',
        '[{"feature": 1, "gain": 1e999}]',
    ),
)


@pytest.mark.parametrize("name", [name for name in FILES if not name.endswith("parquet") and name != MANIFEST])
def test_a_file_of_the_wrong_shape_affects_its_section_alone(tmp_path: Path, name: str) -> None:
    champion = scored("binary", 1.2, 3)
    measured, judged = bundle(tmp_path, champion=champion), verdict("binary", champion)
    for content in WRONG:
        (tmp_path / name).write_bytes(content.encode("latin-1"))
        text = render(measured, judged, context(recording="fork"))
        assert "The gate passes" in text, content
        assert text.count("<details") > 8, content


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    measured = bundle(tmp_path)
    (tmp_path / "importance.json").write_text("{]")
    assert "*What the model looks at: can't be read from this measurement.*" in render(measured, verdict(), context())


@pytest.mark.parametrize("content", ["a: " + "[" * 50_000, "- " * 25_000, "a: &a [*a]", "x: 1\n" * 30_000])
@pytest.mark.timeout(60)  # it must not hang
def test_malicious_parameters_affect_their_section_alone(tmp_path: Path, content: str) -> None:
    measured = bundle(tmp_path)
    (tmp_path / "params.yaml").write_text(content)
    assert "**Features:**" in render(measured, verdict(), context())


@pytest.mark.timeout(60)  # it must not hang
def test_any_amount_of_data_fits(tmp_path: Path) -> None:
    long, count = "n#@" * 300, 5_000
    names = [f"{long}{index}" for index in range(count)]
    column = {"name": long, "main": long, "here": long}
    values = {"column": long, "added": [long] * 20, "removed": [long] * 20, "added_count": 99, "removed_count": 99}
    measured = bundle(
        tmp_path,
        features_main=[],
        champion_gains=[{"feature": name, "gain": 1.0} for name in names],
        notes=[long] * 50,
        environment={f"{long}{n}": long for n in range(50)},
        data={
            **dict.fromkeys(("rows_main", "rows_here", "added", "removed", "changed"), 10**9),
            "columns": [column] * count,
            "categories": [values] * 1000,
        },
    )
    for file, content in factories.files("binary", tuple(names)).items():
        (tmp_path / file).write_text(json.dumps(content))
    (tmp_path / "dvc.lock").write_text("x" * 900_000)
    rules = tuple(
        Rule(
            "slice",
            "fail",
            long * 9,
            -0.1,
            -0.2,
            -0.05,
            -0.03,
            Subject("roc_auc", "x" * 10**6 if n < 3 else long, str(n)),
        )
        for n in range(10_000)
    )
    base = verdict()
    judged = replace(base, verdict="fail", rules=(*base.rules, *rules))
    text = render(measured, judged, context(recording="fork"))
    assert len(text) <= LIMIT
    assert text.startswith("### ❌ The gate fails")
    assert "more, in the folds below" in text
    assert re.search(r"\*Left out, because the comment would be too long: .*Other rules.*\*", text)
    assert reading.tags(text) <= reading.OWN_TAGS | reading.TEXT_TAGS | {"pre", "a"}


def test_figures_that_are_no_numbers_are_shown_as_none(tmp_path: Path) -> None:
    nan = float("nan")
    base = verdict()
    rules = (
        Rule("regression", "warn", "undefined", nan, nan, nan, nan, Subject("roc_auc"), "main"),
        Rule("slice", "note", "x", nan, subject=Subject("roc_auc", "a", "b")),
    )
    judged = Verdict(
        "warn", 10, 10, "main", rules, tuple(replace(change, change=nan, lower=nan) for change in base.metrics)
    )
    text = render(bundle(tmp_path), judged, context())
    assert "nan" not in text
    assert "can't be read" not in text


def test_a_change_of_what_judges_comes_before_warnings(tmp_path: Path) -> None:
    rules = (
        Rule("fairness", "warn", "x", 1.0, 0.9, 1.1, 0.1, Subject("equalized_odds_difference", "a")),
        *protected.rules(["dvc.yaml"]),
    )
    judged = replace(verdict(), verdict="fail", rules=rules)
    text = render(bundle(tmp_path), judged, context())
    assert text.startswith("### ✋ Needs a person: it changes what judges\n")
    assert "<b>This pull request</b>: it changes what judges (dvc.yaml)" in text.splitlines()[2]
    assert "docs/explanation/what-judges.md" in text
    accepted = render(bundle(tmp_path), judged, context(override=OVERRIDE))
    assert "· needs a person\n" in accepted
    assert "what-judges.md" not in accepted


def test_a_change_of_what_judges_excuses_no_model(tmp_path: Path) -> None:
    rules = (
        Rule("floor", "fail", "below the floor", 0.6, 0.5, 0.7, 0.7, Subject("roc_auc")),
        *protected.rules(["dvc.yaml"]),
    )
    text = render(bundle(tmp_path), replace(verdict(), verdict="fail", rules=rules), context())
    assert text.startswith("### ❌ The gate fails")
    assert "Needs a person" not in text


def test_the_announcement_names_the_labels_of_a_waiting_job() -> None:
    url = "https://github.com/team/model/actions/runs/42"
    assert "Being measured" in announcement(url, None, "a" * 40)
    waiting = announcement(url, ["self-hosted", "gpu"], "a" * 40)
    assert "<code>gpu</code>" in waiting
    assert "gh variable set RUNNER_LABELS --body '[\"ubuntu-latest\"]'" in waiting
    assert "gh run cancel 42\ngh run rerun 42  # once it has ended\n" in waiting
    assert "run the job again" not in waiting


def test_a_broken_run_says_why() -> None:
    assert "no \\| artifact" in broken("https://github.com/team/model/actions/runs/42", "no | artifact")


def test_writing_the_comment_imports_no_table_library() -> None:
    heavy = "[name for name in ('pandas', 'numpy', 'sklearn') if name in sys.modules]"
    code = f"import sys, pipeline.review.comment.render; print({heavy})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
