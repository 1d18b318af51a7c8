"""Training is reproducible to the byte and follows params.yaml."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.metrics import f1_score

from pipeline.core import files, params
from pipeline.core.errors import PipelineError
from pipeline.core.params import Data, Features, Split, TaskSection, Train
from pipeline.models import boosting, model, training
from pipeline.train.stages import train as train_stage
from tests.pipeline.conftest import FROZEN
from tests.pipeline.features.made import no_features

KNOBS = params.section(Train, FROZEN / "params.yaml").model_copy(update={"min_data_in_leaf": 5, "max_trees": 60})
DATA = Data(source="x.parquet", key="id", deduplicate=False)
FEATURES = Features(exclude=(), max_categories=10)
SPLIT = Split(test=0.2, validation=0.2, seed=0, time=None)
TASKS = {
    "binary": TaskSection(type="binary", target="y", positive=1, threshold="f1"),
    "multiclass": TaskSection(type="multiclass", target="y"),
    "regression": TaskSection(type="regression", target="y"),
}


def table(task: str, rows: int = 400, seed: int = 0) -> pd.DataFrame:
    """A table whose target follows x and the colour."""
    rng = np.random.default_rng(seed)
    x, colour = rng.normal(size=rows), rng.choice(["red", "green", "blue"], rows)
    signal = x + (colour == "red") + rng.normal(0, 0.5, rows)
    target = {
        "binary": (signal > 0).astype(int),
        "multiclass": np.select([signal < -0.5, signal < 1], ["low", "mid"], "high"),
        "regression": signal,
    }[task]
    return pd.DataFrame({"id": range(rows), "x": x, "colour": colour, "y": target})


def prepare(task: str, knobs: Train = KNOBS, **changes: Any) -> training.Prepared:
    settings = training.Settings(DATA, TASKS[task], FEATURES, SPLIT, knobs)
    return training.prepare(table(task).assign(**changes), table(task, 200, seed=1), settings)


def save(folder: Path, prepared: training.Prepared, fitted: training.Fitted, task: str) -> model.Model:
    signature = training.with_threshold(prepared, fitted, TASKS[task])
    files.write_text(folder / model.MODEL, fitted.booster.model_to_string(num_iteration=fitted.best_iteration))
    files.write_text(folder / model.SIGNATURE, signature.model_dump_json())
    return model.load(folder)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_model_learns_is_saved_and_scores_the_same_after_loading(tmp_path: Path, task: str) -> None:
    prepared = prepare(task)
    fitted = training.fit(prepared, KNOBS)
    loaded = save(tmp_path, prepared, fitted, task)
    score = loaded.predict(table(task, 200, seed=1))
    expected = fitted.booster.predict(prepared.validation_matrix, num_iteration=fitted.best_iteration)
    np.testing.assert_allclose(score, expected, atol=1e-9)
    assert score.shape == ((200, 3) if task == "multiclass" else (200,))
    assert fitted.curve[fitted.best_iteration - 1] == min(fitted.curve) < fitted.curve[0]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_contributions_add_up_and_gains_are_shares(tmp_path: Path, task: str) -> None:
    prepared = prepare(task)
    loaded = save(tmp_path, prepared, training.fit(prepared, KNOBS), task)
    rows = table(task, 50, seed=2)
    contributions = loaded.contributions(rows)
    assert contributions.shape == (50, 2)
    assert loaded.gains().sum() == pytest.approx(1)
    if task == "regression":
        base = loaded.predict(rows) - contributions.sum(axis=1)
        np.testing.assert_allclose(base, base[0], atol=1e-6)


def test_the_same_data_and_seed_give_the_same_bytes_whatever_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = set()
    for threads in (1, 2):
        prepared = prepare("binary")
        boosting.lightgbm()  # loads the OpenMP runtime, whose number of threads is set next
        import threadpoolctl

        with threadpoolctl.threadpool_limits(threads):
            texts.add(training.fit(prepared, KNOBS).booster.model_to_string())
    assert len(texts) == 1


def test_another_seed_gives_another_model() -> None:
    first, second = (
        training.fit(prepare("binary"), KNOBS.model_copy(update={"seed": seed})).booster.predict(
            prepare("binary").validation_matrix
        )
        for seed in (0, 1)
    )
    assert np.abs(first - second).max() > 0


def test_a_monotone_constraint_holds_for_every_row(tmp_path: Path) -> None:
    knobs = KNOBS.model_copy(update={"monotone": {"x": -1}})
    prepared = prepare("regression", knobs)
    loaded = save(tmp_path, prepared, training.fit(prepared, knobs), "regression")
    rows = pd.DataFrame({"x": np.linspace(-3, 3, 50), "colour": "red"})
    assert (np.diff(loaded.predict(rows)) <= 1e-9).all()


def test_balanced_weights_give_each_class_the_same_sum() -> None:
    weights = training._class_weights(np.array([0, 0, 0, 1]))
    np.testing.assert_allclose([weights[:3].sum(), weights[3:].sum()], [2, 2])


def test_the_threshold_is_the_one_with_the_best_f1() -> None:
    rng = np.random.default_rng(0)
    score = rng.random(300).round(2)
    target = (rng.random(300) < score).astype(float)
    best = max(f1_score(target, score >= t) for t in np.unique(score))
    assert f1_score(target, score >= training.best_f1(target, score)) == pytest.approx(best)


def test_a_threshold_of_the_parameters_is_kept(tmp_path: Path) -> None:
    prepared = prepare("binary")
    task = TASKS["binary"].model_copy(update={"threshold": 0.3})
    assert training.with_threshold(prepared, training.fit(prepared, KNOBS), task).threshold == 0.3


@pytest.mark.parametrize("objective", ["regression_l1", "huber", "quantile", "poisson", "tweedie", "gamma"])
def test_each_regression_objective_trains_or_names_the_targets_it_needs(objective: str) -> None:
    knobs = KNOBS.model_copy(update={"objective": objective, "max_trees": 5})
    if objective in training.SIGNS:
        with pytest.raises(PipelineError, match=f"train.objective: {objective} needs targets"):
            prepare("regression", knobs)
    else:
        assert training.fit(prepare("regression", knobs), knobs).best_iteration >= 1


def test_a_monotone_column_that_is_not_numeric_is_refused() -> None:
    knobs = KNOBS.model_copy(update={"monotone": {"colour": 1}})
    with pytest.raises(PipelineError, match="train.monotone: colour is no numeric feature; allowed: x"):
        training.fit(prepare("binary", knobs), knobs)


def test_a_missing_target_is_refused() -> None:
    task = TaskSection(type="binary", target="z", positive=1, threshold="f1")
    with pytest.raises(PipelineError, match="task.target: z is no column of the data; columns: id, x, colour, y"):
        training.prepare(table("binary"), table("binary"), training.Settings(DATA, task, FEATURES, SPLIT, KNOBS))


@pytest.mark.parametrize("side", [0, 1])
def test_a_missing_key_or_time_is_refused(side: int) -> None:
    tables = [table("binary"), table("binary")]
    tables[side] = tables[side].drop(columns="id")
    settings = training.Settings(DATA, TASKS["binary"], FEATURES, SPLIT, KNOBS)
    with pytest.raises(
        PipelineError, match=r"^params\.yaml: data\.key: id is no column of the data; columns: x, colour"
    ):
        training.prepare(tables[0], tables[1], settings)
    timed = SPLIT.model_copy(update={"time": "day"})
    with pytest.raises(PipelineError, match=r"^params\.yaml: split\.time: day is no column of the data"):
        training.prepare(table("binary"), table("binary"), replace(settings, split=timed))


def test_the_environment_overrides_the_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_DEVICE", "cpu")
    assert boosting.choose_device("gpu") == ("cpu", "PIPELINE_DEVICE is cpu")
    monkeypatch.setenv("PIPELINE_DEVICE", "")
    assert boosting.choose_device("cpu") == ("cpu", "train.device in params.yaml is cpu")
    monkeypatch.setenv("PIPELINE_DEVICE", "cuda")
    with pytest.raises(PipelineError, match="^PIPELINE_DEVICE: is cuda; allowed: auto, cpu, gpu$"):
        boosting.choose_device("cpu")


def test_without_a_gpu_auto_takes_the_cpu_with_a_reason_and_gpu_is_an_error() -> None:
    device, reason = boosting.choose_device("auto")
    if device != "cpu":
        pytest.skip(f"this machine has a GPU ({device})")
    assert "CUDA: this LightGBM is built without it" in reason
    assert "OpenCL: no opencl device found" in reason
    with pytest.raises(PipelineError, match="train.device in params.yaml is gpu and no GPU works"):
        boosting.choose_device("gpu")


FATAL = """\
[LightGBM] [Warning] Defaulting to malloc in CHAllocator!!!
[LightGBM] [Fatal] [CUDA] CUDA driver version is insufficient for CUDA runtime version /b/src/io/cuda_data.cpp 20

terminate called after throwing an instance of 'std::runtime_error'
  what():  [CUDA] CUDA driver version is insufficient for CUDA runtime version /b/include/vector_cudahost.h 74
"""  # of a LightGBM 4.7.0 with CUDA on a machine without a driver


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("kill -ABRT $$", "CUDA: CUDA driver version is insufficient for CUDA runtime version; OpenCL"),
        ("exit 0", "CUDA works"),
    ],
)
def test_a_lightgbm_with_cuda_is_tried_in_a_process_of_its_own_which_it_may_end(
    end: str, reason: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "fatal").write_text(FATAL)
    (tmp_path / "python").write_text(f"#!/bin/sh\ncat {tmp_path}/fatal >&2\n{end}\n")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(boosting, "WITHOUT_CUDA", "no text of the library")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert boosting.choose_device("auto")[1].startswith(reason)


def test_what_the_process_says_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosting, "WITHOUT_CUDA", "no text of the library")
    assert "CUDA: CUDA Tree Learner was not enabled in this build" in boosting.choose_device("auto")[1]


def test_a_damaged_model_is_refused(tmp_path: Path) -> None:
    prepared = prepare("binary")
    save(tmp_path, prepared, training.fit(prepared, KNOBS), "binary")
    text = (tmp_path / model.MODEL).read_text()
    (tmp_path / model.MODEL).write_text(text[: len(text) // 3])
    with pytest.raises(PipelineError, match="damaged"):
        model.load(tmp_path).predict(table("binary"))


def test_the_signature_has_the_columns_that_a_split_without_a_key_hashed() -> None:
    keyed = training.Settings(DATA, TASKS["binary"], FEATURES, SPLIT, KNOBS)
    keyless = replace(
        keyed,
        data=DATA.model_copy(update={"key": None}),
        features=FEATURES.model_copy(update={"exclude": ("id",)}),
    )
    signatures = [
        training.prepare(table("binary"), table("binary"), settings).signature for settings in (keyless, keyed)
    ]
    assert [signature.hashed for signature in signatures] == [("id", "x", "colour", "y"), ()]


@pytest.mark.parametrize(("change", "number"), [("none", 1), ("key", 2), ("category", 2)])
def test_the_signature_has_a_number_where_texts_differ_between_formats(change: str, number: int) -> None:
    rows = table("binary")
    days = pd.Series(pd.date_range("2020-01-01", periods=len(rows), unit="us"))
    if change == "key":
        rows = rows.assign(id=days)
    if change == "category":
        rows = rows.assign(day=days.dt.strftime("%Y-01-01"))
    settings = training.Settings(DATA, TASKS["binary"], FEATURES, SPLIT, KNOBS)
    assert training.prepare(rows, rows, settings).signature.format == number


@pytest.mark.parametrize(("min_data_in_leaf", "warned"), [(5, False), (300, True)])
def test_a_model_without_a_split_gives_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, min_data_in_leaf: int, warned: bool
) -> None:
    knobs = KNOBS.model_copy(update={"min_data_in_leaf": min_data_in_leaf, "max_trees": 5, "device": "cpu"})
    sections = {Train: knobs, TaskSection: TASKS["binary"], Data: DATA, Features: FEATURES, Split: SPLIT}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(params, "section", lambda kind: sections[kind])
    table("binary").to_parquet("train.parquet", index=False)
    table("binary", 200, seed=1).to_parquet("validation.parquet", index=False)
    arguments = ["--train=train.parquet", "--validation=validation.parquet", "--model=model.txt"]
    arguments += ["--signature=signature.json", "--training=training.json", *no_features(tmp_path)]
    result = CliRunner().invoke(train_stage.command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert (train_stage.NO_SPLIT in result.output.splitlines()) is warned
