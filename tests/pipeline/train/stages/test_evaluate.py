"""The stage evaluates a small trained model of each task and writes all its reports, the same bytes each time."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.metrics import classification_report, confusion_matrix

from pipeline.core import files, params
from pipeline.core.errors import PipelineError
from pipeline.core.params import Data, Evaluate, Features, Split, TaskSection, Train
from pipeline.core.tasks import METRICS
from pipeline.evaluation import curves, scoring
from pipeline.evaluation.scoring import Scored
from pipeline.models import model, training
from pipeline.train.stages import evaluate
from tests.pipeline.conftest import FROZEN, small_table

TASKS = ("binary", "multiclass", "regression")
KNOBS = params.section(Train, FROZEN / "params.yaml").model_copy(update={"min_data_in_leaf": 10, "max_trees": 30})
SETTINGS = params.section(Evaluate, FROZEN / "params.yaml").model_copy(
    update={"slices": ("town", "age", "member"), "sensitive": ("town",), "bootstrap": 100, "shap_rows": 50}
)
CURVES = {
    "binary": {"roc", "precision_recall", "calibration", "score_histogram"},
    "multiclass": {"roc", "precision_recall", "calibration", "score_histogram", "confusion"},
    "regression": {"calibration", "residuals", "score_histogram"},
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """For each task a folder with a trained model."""
    return {task: train(tmp_path_factory.mktemp(task), task) for task in TASKS}


def train(folder: Path, task: Any, objective: str = "auto") -> Path:
    section = TaskSection(type=task, target="outcome", positive="yes" if task == "binary" else None)
    knobs = KNOBS.model_copy(update={"objective": objective})
    settings = training.Settings(
        Data(source="x.parquet", key="id", deduplicate=False),
        section,
        Features(exclude=(), max_categories=10),
        Split(test=0.2, validation=0.2, seed=0, time=None),
        knobs,
    )
    tables = small_table(task), small_table(task, 400, seed=1)
    rows, validation = tables if objective == "auto" else map(positive, tables)
    prepared = training.prepare(rows, validation, settings)
    fitted = training.fit(prepared, knobs)
    signature = training.with_threshold(prepared, fitted, section)
    files.write_text(folder / model.MODEL, fitted.booster.model_to_string(num_iteration=fitted.best_iteration))
    files.write_text(folder / model.SIGNATURE, signature.model_dump_json())
    return folder


def positive(table: pd.DataFrame) -> pd.DataFrame:
    """The table with a target above 0."""
    return table.assign(outcome=np.exp(table["outcome"]))


def run(monkeypatch: pytest.MonkeyPatch, models: Path, test: pd.DataFrame, folder: Path) -> str:
    """The output of the command, which writes into reports/ of the folder."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(params, "section", lambda kind: SETTINGS)
    test.to_parquet("test.parquet", index=False)
    arguments = ["--model", str(models), "--test", "test.parquet", "--reports", "reports"]
    result = CliRunner().invoke(evaluate.command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("task", TASKS)
def test_the_stage_writes_every_report_and_the_same_bytes_again(
    task: str, folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test, reports = small_table(task, 300, seed=2), tmp_path / "reports"
    output = run(monkeypatch, folders[task], test, tmp_path)
    first = contents(reports)
    run(monkeypatch, folders[task], test, tmp_path)
    assert contents(reports) == first
    names = {"scores.parquet", "metrics.json", "slices.json", "fairness.json", "importance.json"}
    assert set(first) == names | {f"curves/{name}.json" for name in curves.NAMES}
    assert {name for name in curves.NAMES if json.loads(first[f"curves/{name}.json"])} == CURVES[task]
    assert "evaluate: 300 test rows scored" in output
    metrics = json.loads(first["metrics.json"])
    assert metrics["rows"] == 300
    for name in METRICS[task]:  # type: ignore[index]
        if name != "mape" or task != "regression":
            assert metrics[name]["lower"] <= metrics[name]["value"] <= metrics[name]["upper"]
    assert {part["column"] for part in json.loads(first["slices.json"])} == {"town", "age", "member"}
    assert list(json.loads(first["fairness.json"])) == ["town"]


@pytest.mark.parametrize("objective", ["poisson", "gamma", "tweedie"])
def test_an_objective_for_positive_targets_brings_its_deviance(
    objective: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = train(tmp_path / "models", "regression", objective)
    run(monkeypatch, folder, positive(small_table("regression", 200, seed=2)), tmp_path)
    name, reports = f"{objective}_deviance", tmp_path / "reports"
    assert scoring.read(reports / "scores.parquet").deviance == name
    for figures in (files.read_json(reports / "metrics.json"), files.read_json(reports / "slices.json")[0]["metrics"]):
        assert figures[name]["value"] > 0
    others = {"poisson_deviance", "gamma_deviance", "tweedie_deviance"} - {name}
    assert not others & set(files.read_json(reports / "metrics.json"))


def test_scores_carry_key_target_threshold_slices_and_groups(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = small_table("binary", 200, seed=2)
    run(monkeypatch, folders["binary"], test, tmp_path)
    scores, loaded = scoring.read(tmp_path / "reports/scores.parquet"), model.load(folders["binary"])
    assert scores.keys.tolist() == test["id"].astype(str).tolist()
    assert scores.target.tolist() == (test["outcome"] == "yes").astype(float).tolist()
    np.testing.assert_array_equal(scores.score, loaded.predict(test))
    assert (scores.task, scores.classes, scores.threshold) == ("binary", ("no", "yes"), loaded.signature.threshold)
    assert scores.slices["town"].tolist() == test["town"].tolist()
    assert list(scores.sensitive) == ["town"]


def test_importance_ranks_the_informative_features_first(folders: dict[str, Path]) -> None:
    features = evaluate.importance(model.load(folders["binary"]), small_table("binary", 300, seed=2), SETTINGS)
    assert {row["feature"] for row in features[:3]} == {"income", "age", "town"}
    assert [row["shap"] for row in features] == sorted((row["shap"] for row in features), reverse=True)
    assert all(row["gain"] >= 0 for row in features)


def test_every_curve_is_a_file_and_those_of_another_task_are_empty(tmp_path: Path) -> None:
    evaluate.write_curves(tmp_path, {"roc": [{"x": 1}]})
    evaluate.write_curves(tmp_path, {"residuals": [{"x": 2}]})
    sizes = {path.stem: len(files.read_json(path)) for path in tmp_path.iterdir()}
    assert sizes == {name: int(name == "residuals") for name in curves.NAMES}


def test_confusion_counts_and_class_figures_are_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    target, score = rng.integers(0, 2, 200), rng.random(200)
    keys = np.arange(200).astype(str)
    metrics = evaluate.metrics(Scored("binary", target.astype(float), score, keys, ("no", "yes"), 0.3), SETTINGS)
    (tn, fp), (fn, tp) = confusion_matrix(target, score >= 0.3).tolist()
    expected = {"true_positives": tp, "false_positives": fp}
    assert metrics["confusion"] == expected | {"true_negatives": tn, "false_negatives": fn}
    assert metrics["threshold"] == 0.3

    scores = rng.dirichlet(np.ones(3), 200)
    classes = rng.integers(0, 3, 200)
    ours = evaluate.per_class(Scored("multiclass", classes.astype(float), scores, keys, ("a", "b", "c")), SETTINGS)
    theirs = classification_report(classes, scores.argmax(axis=1), target_names=["a", "b", "c"], output_dict=True)
    for name, figures in ours.items():
        assert figures["rows"] == theirs[name]["support"]
        for figure, sklearn_name in {"precision": "precision", "recall": "recall", "f1": "f1-score"}.items():
            assert figures[figure]["value"] == pytest.approx(theirs[name][sklearn_name])
            assert 0 < figures[figure]["lower"] < figures[figure]["value"] < figures[figure]["upper"] < 1


def test_a_class_that_never_occurs_has_no_recall() -> None:
    rows = Scored(
        "multiclass", np.array([0.0, 1.0]), np.array([[0.9, 0.1, 0.0]] * 2), np.array(["1", "2"]), ("a", "b", "c")
    )
    null = {"value": None, "lower": None, "upper": None}
    assert evaluate.per_class(rows, SETTINGS)["c"] == {
        "precision": null,
        "recall": null,
        "f1": null,
        "rows": 0,
    }


@pytest.mark.parametrize(
    ("task", "change", "message"),
    [
        ("binary", lambda t: t[t["outcome"] == "no"], "target outcome: all .* test rows are of one class .no.; give"),
        ("multiclass", lambda t: t[t["outcome"] == "mid"], "test rows are of one class .mid.; give"),
        ("binary", lambda t: t.iloc[:0], "the test table has no rows; give"),
        (
            "regression",
            lambda t: t.assign(outcome=t["outcome"].where(t["id"] > 3)),
            "outcome: 3 test rows have no value",
        ),
        ("binary", lambda t: t.assign(outcome="maybe"), "hold a class that no training row has"),
        ("binary", lambda t: t.drop(columns="id"), "column id: the key .data.key in params.yaml. is no column"),
        (
            "binary",
            lambda t: t.drop(columns="town"),
            "params.yaml: evaluate.slices: town is no column of the test rows",
        ),
    ],
)
def test_rows_that_a_model_cannot_be_evaluated_on_are_refused_with_advice(
    task: str, change: Any, message: str, folders: dict[str, Path]
) -> None:
    with pytest.raises(PipelineError, match=message):
        evaluate.score(model.load(folders[task]), change(small_table(task, 100)), SETTINGS)
