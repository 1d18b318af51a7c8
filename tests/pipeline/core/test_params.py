"""params.yaml is strict: each mistake is one line that names the key and what is allowed."""

import re
from pathlib import Path

import pytest

from pipeline.core import params
from pipeline.core.errors import PipelineError
from tests.pipeline.conftest import FROZEN

SAMPLE = (FROZEN / "params.yaml").read_text(encoding="utf-8")


def error_message(tmp_path: Path, old: str, new: str) -> str:
    path = tmp_path / "params.yaml"
    assert old in SAMPLE
    path.write_text(SAMPLE.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PipelineError) as error:
        params.read(path)
    return str(error.value)


def test_the_parameters_of_the_repository_are_valid() -> None:
    assert params.section(params.Split, FROZEN / "params.yaml").test == 0.2


@pytest.mark.parametrize(
    ("name", "environment", "experiment"),
    [("null", "production", "credit-default"), ("churn", "production/churn", "credit-default-churn")],
)
def test_what_belongs_to_one_pipeline_alone_has_its_name(
    tmp_path: Path, name: str, environment: str, experiment: str
) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(SAMPLE.replace("name: null", f"name: {name}", 1), encoding="utf-8")
    own = params.read(path)
    assert (own.environment, own.experiment) == (environment, experiment)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("  max_trees: 2000", "  max_tree: 2000", "train.max_tree: unknown key; did you mean max_trees?"),
        ("  max_trees: 2000", "  forest: 2000", "train.forest: unknown key; allowed: device"),
        ("\ntracking:", "\ntraking:", "traking: unknown key; did you mean tracking?"),
        ("num_leaves: 31", "num_leaves: '31'", "train.num_leaves: is '31'; allowed: an integer"),
        ("num_leaves: 31", "num_leaves: 1", "train.num_leaves: is 1; allowed: an integer, at least 2, at most 131,072"),
        ("deduplicate: false", "deduplicate: 1", "data.deduplicate: is 1; allowed: a boolean"),
        ("deduplicate: false", "deduplicate: .nan", "data.deduplicate: is nan; allowed: a boolean"),
        ("score: 0.005", "score: .nan", "gate.tolerance.score: is nan; allowed: "),
        ("type: binary", "type: bin", "task.type: is 'bin'; allowed: 'binary', 'multiclass' or 'regression'"),
        ("threshold: f1", "threshold: 50", "task.threshold: is 50; allowed: 'f1' or a number, at least 0, at most 1"),
        ("threshold: f1", "threshold: f2", "task.threshold: is 'f2'; allowed: 'f1' or a number, at least 0, at most 1"),
        ("test: 0.2", "test: 20", "split.test: is 20; allowed: a number, above 0, below 1"),
        ("monotone: {}", "monotone: {age: 2}", "train.monotone.age: is 2; allowed: -1 or 1"),
        ("slices: [sex, ", "slices: [1, ", "evaluate.slices.0: is 1; allowed: a string"),
        ("space: ", "space: 3 # ", "not valid YAML"),
        ("low: 0.01, high", "low: 3, high", "tune.space.learning_rate: low 3 is not below high 0.2"),
        ("bind: all", "bind: localhost", "deploy.bind: is 'localhost'; allowed: all, or an IP address"),
        ("shadow: 0", "shadow: 10", "deploy.shadow: is 10; allowed: 0, or a number of s, min or h, such as 10 min"),
        ("shadow: 0", "shadow: 1 day", "deploy.shadow: is '1 day'; allowed: 0, or a number of s"),
        ("proxies: []", "proxies: [10.0.0.0/33]", "deploy.trusted_proxies: is '10.0.0.0/33'; allowed: IP addresses"),
        ("operator_port: 8081", "operator_port: 8080", "deploy: operator_port: is 8080, as port is; allowed: another"),
        ("  group: null", "  group: default_next_month", "split.group: default_next_month is the target (task.target)"),
        ("trials: 50", "trials: 50\n  trials: 51", 'not valid YAML: found duplicate key "trials"'),
    ],
)
def test_a_wrong_key_or_value_is_named(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert expected in error_message(tmp_path, old, new)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("test: 0.2", "test: 0.9", "split: test + validation is 1.1; allowed: below 1"),
        ("deduplicate: false", "deduplicate: true\n  key: null #", "found duplicate key"),
        ("key: client_id", "key: default_next_month", "data.key: default_next_month is the target"),
        ("primary: roc_auc", "primary: rmse", "gate.primary: rmse is no metric of task.type binary"),
        ("objective: auto", "objective: huber", "train.objective: huber does not fit task.type binary"),
        ("  positive: 1", "  positive: null", "task: type: binary needs task.positive"),
        ("type: binary", "type: regression", "gate.fairness: its bounds are for task.type binary"),
        ("type: binary", "type: regression", "task.positive: is 1; allowed for task.type regression: null"),
        ("    lambda_l2: {", "    depth: {", "tune.space.depth: is no number or choice of the train section"),
        (
            "keep_days: null",
            "keep_days: 29",
            "serve.log.keep_days: is 29, but monitor.history",
        ),
    ],
)
def test_an_impossible_combination_is_named(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert expected in error_message(tmp_path, old, new)


def test_a_tolerance_of_an_earlier_version_is_a_bare_number(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(re.sub(r"\n  tolerance:.*(\n    .*){3}", "\n  tolerance: 0.004", SAMPLE), encoding="utf-8")
    assert params.read(path).gate.tolerance == params.Tolerance(score=0.004)


@pytest.mark.parametrize(
    ("primary", "given", "reason"),
    [
        ("rmse", "5", "the number 5 says nothing about RMSE, whose unit depends on the target: of_loss is missing"),
        ("r2", "{}", "it says nothing about R², whose unit depends on the target: of_loss is missing"),
        ("mape", "5", "5 allows MAPE any loss: 0.01 is one percentage point"),
        ("mape", "{of_loss: 0.02}", "MAPE is a share itself: score is missing"),
    ],
)
def test_a_tolerance_that_can_not_be_meant_is_told_with_what_to_write(
    tmp_path: Path, primary: str, given: str, reason: str
) -> None:
    text = SAMPLE.replace("type: binary", "type: regression").replace("  positive: 1", "  positive: null")
    text = text.replace("primary: roc_auc", f"primary: {primary}")
    text = re.sub(r"\n  floors:.*(\n    .*){2}", "\n  floors: {}", text)
    text = re.sub(r"\n  fairness:.*(\n    .*)+", "\n  fairness: null", text)
    path = tmp_path / "params.yaml"
    path.write_text(re.sub(r"\n  tolerance:.*(\n    .*){3}", f"\n  tolerance: {given}", text), encoding="utf-8")
    with pytest.raises(PipelineError) as caught:
        params.read(path)
    advice = "write tolerance: {score: 0.005, of_loss: 0.02}"
    assert str(caught.value) == f"{path}: gate.tolerance: {reason}; {advice}"


def test_a_deviance_is_a_metric_of_its_own_objective(tmp_path: Path) -> None:
    text = SAMPLE.replace("type: binary", "type: regression").replace("roc_auc", "gamma_deviance")
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PipelineError, match="gamma_deviance is no metric of task.type regression and train.objective"):
        params.read(path)
    path.write_text(text.replace("objective: auto", "objective: gamma"), encoding="utf-8")
    with pytest.raises(PipelineError) as caught:
        params.read(path)
    assert "gamma_deviance is no metric" not in str(caught.value)


def test_a_section_of_an_earlier_version_is_refused_with_its_replacement(tmp_path: Path) -> None:
    message = error_message(tmp_path, "\ntune:", "\nsimulate: {limits: []}\ntune:")
    assert "params.yaml: simulate: no longer a section; remove it: a shift of your own is a function in" in message
    assert "\n" not in message


def test_a_threshold_is_for_binary_alone(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(
        SAMPLE.replace("type: binary", "type: multiclass").replace("threshold: f1", "threshold: 0.3"), encoding="utf-8"
    )
    with pytest.raises(PipelineError, match=r"task\.threshold: is 0\.3; allowed for task\.type multiclass: f1"):
        params.read(path)


def test_all_mistakes_are_reported_at_once_one_line_each(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(SAMPLE.replace("test: 0.2", "test: 2").replace("trials: 50", "trials: 0"), encoding="utf-8")
    with pytest.raises(PipelineError) as error:
        params.read(path)
    lines = str(error.value).splitlines()
    assert len(lines) == 2
    assert "split.test" in lines[0]
    assert "tune.trials" in lines[1]


def test_a_missing_file_says_where_to_run(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="no such file; run from the top of the repository"):
        params.read(tmp_path / "params.yaml")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PipelineError, match="not UTF-8 text"):
        params.read(tmp_path / "params.yaml")


def test_each_key_has_a_comment() -> None:
    """Every key is explained on its own line, or on the line of its section."""
    uncommented = [
        line
        for line in SAMPLE.splitlines()
        if line.startswith("  ") and ":" in line and "#" not in line and not line.rstrip().endswith(":")
    ]
    described_by_their_section = ("    ", "  purpose:", "  not_for:")
    assert [line for line in uncommented if not line.startswith(described_by_their_section)] == []


def test_a_split_goes_by_time_or_by_group() -> None:
    with pytest.raises(ValueError, match="group: is city, and time is at: a split goes by one of them"):
        params.Split(test=0.2, validation=0.2, seed=0, time="at", group="city")
