"""Tuning can be resumed, never writes worse values to params.yaml, and leaves its comments."""

import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.models import training
from pipeline.train.tuning import study as studies
from pipeline.train.tuning import tune, yaml_edit
from tests.pipeline.train.tuning.conftest import run, table


def study() -> Any:
    params._read.cache_clear()
    tables = Path("data/split/train.parquet"), Path("data/split/validation.parquet")
    return studies.open_study(params.read(), *tables)


def without_values(text: str) -> str:
    return re.sub(r"(learning_rate|num_leaves|class_weight): \S+ *", r"\1: ", text)


def nested() -> tuple[list[Any], list[Any]]:
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{Path.cwd()}/mlflow.db")
    runs = list(mlflow.search_runs(search_all_experiments=True, output_format="list"))
    children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    return [run for run in runs if run not in children], children


def test_a_better_trial_is_written_with_comments_kept_and_the_next_call_continues(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{Path.cwd()}/mlflow.db")
    before = Path("params.yaml").read_text()
    first = run("--trials", "4")
    assert first.exit_code == 0
    assert "4/4" in first.output
    best = studies.best_trial(study())
    after = Path("params.yaml").read_text()
    current = {"learning_rate": 0.0001, "num_leaves": 31, "class_weight": "none"}
    assert best.value < studies.best_trial(study(), current).value
    assert params.read().train.learning_rate == best.user_attrs["values"]["learning_rate"] != 0.0001
    assert without_values(after) == without_values(before)
    assert after.count("\n") == before.count("\n")
    second = run("--trials", "6")
    assert "4 trials finished, 2 to go" in second.output
    assert len(studies.finished_trials(study())) == 6
    assert "no trial beats" in run("--trials", "6").output or "->" in second.output
    parents, children = nested()
    assert len(parents) == 1
    assert sorted(int(child.data.tags["trial"]) for child in children) == list(range(6))
    assert {child.data.tags["mlflow.parentRunId"] for child in children} == {parents[0].info.run_id}


def test_a_trial_trains_as_the_train_stage_does(project: Path) -> None:
    from pipeline.evaluation.metrics import compute

    run("--trials", "3")
    best, settings = studies.best_trial(study()), params.read()
    train, validation = table(400, 0), table(200, 1)
    knobs = settings.train.model_copy(update=best.user_attrs["values"])
    changed = training.Settings(settings.data, settings.task, settings.features, settings.split, knobs)
    prepared = training.prepare(train, validation, changed)
    fitted = training.fit(prepared, knobs)
    score = fitted.booster.predict(prepared.validation_matrix, num_iteration=fitted.best_iteration)
    expected = compute("binary", ["log_loss"], prepared.validation_target, score, np.ones((1, 200)))["log_loss"][0]
    assert best.value == pytest.approx(expected, abs=1e-6)
    assert best.user_attrs["trees"] == fitted.best_iteration


def test_an_interrupted_search_keeps_its_trials_and_leaves_params_yaml_alone(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, trained, real = Path("params.yaml").read_bytes(), [], training.fit

    def interrupted(*arguments: Any, **options: Any) -> training.Fitted:
        trained.append(1)
        if len(trained) == 3:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    monkeypatch.setattr(training, "fit", interrupted)
    result = run("--trials", "5")
    assert result.exit_code == tune.INTERRUPTED
    assert "2 finished trials are kept" in result.output
    assert Path("params.yaml").read_bytes() == before
    assert "2 trials finished, 3 to go" in run("--trials", "5").output
    assert len(studies.finished_trials(study())) == 5


def test_a_changed_space_table_or_task_is_another_study(project: Path) -> None:
    first = study().study_name
    assert study().study_name == first
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("high: 16", "high: 17"))
    wider = study().study_name
    Path("params.yaml").write_text(text.replace("threshold: f1", "threshold: 0.5"))
    other_task = study().study_name
    Path("params.yaml").write_text(text)
    table(400, 5).to_parquet("data/split/train.parquet")
    assert len({first, wider, other_task, study().study_name}) == 4


def test_changing_the_current_values_stays_in_the_study(project: Path) -> None:
    first = study().study_name
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("learning_rate: 0.0001", "learning_rate: 0.2"))
    assert study().study_name == first


def test_a_tracking_server_that_is_down_does_not_stop_the_search(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    result = run("--trials", "2")
    assert result.exit_code == 0
    assert "the next `pipeline tune` logs them" in result.output


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("num_leaves: {low: 1, high: 16}", r"tune\.space\.num_leaves: is 1\.0; allowed: greater than or equal to 2"),
        ("num_leaves: {low: 2.5, high: 16}", r"tune\.space\.num_leaves: is 2\.5"),
        ("num_leaves: [3, many]", r"tune\.space\.num_leaves: is many"),
    ],
)
def test_a_value_that_its_parameter_does_not_allow_is_a_one_line_error(project: Path, line: str, problem: str) -> None:
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("num_leaves: {low: 2, high: 16}", line))
    with pytest.raises(PipelineError, match=problem):
        run()


def test_without_split_tables_the_error_names_make_run(project: Path) -> None:
    Path("data/split/train.parquet").unlink()
    with pytest.raises(PipelineError, match="`make run` makes it"):
        run()


YAML = """\
# top
train:   # section
  rate: 0.05            # step, of each tree
  'leaves': 31
  flow: {a: 1, b: "x, #y"}   # kept
  name: 'it''s'   # quoted
other:
  rate: 7   # stays
"""


def test_only_the_named_values_change(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(YAML.replace("\n", "\r\n").encode())
    yaml_edit.replace(path, "train", {"rate": 1e-08, "leaves": 7, "name": "a: b"})
    expected = YAML.replace("rate: 0.05            #", "rate: 1.0e-08         #").replace("'leaves': 31", "'leaves': 7")
    assert path.read_bytes().decode() == expected.replace("'it''s'   #", '"a: b"    #').replace("\n", "\r\n")


def test_a_missing_key_is_an_error_of_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(YAML)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    for section, key in (("train", "nothing"), ("nowhere", "rate")):
        with pytest.raises(PipelineError, match="set it to 3"):
            yaml_edit.replace(path, section, {key: 3})
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e-08, "1.0e-08"), (0.05, "0.05"), (31, "31"), (True, "true"), ("none", "none"), ("no", '"no"')],
)
def test_scalars_are_yaml_that_every_parser_reads_alike(value: object, text: str) -> None:
    assert yaml_edit.scalar(value) == text
