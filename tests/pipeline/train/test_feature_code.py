"""A project with feature code, from its data to its scores: the stages in this process, for each task."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.core import files
from pipeline.core.errors import PipelineError
from pipeline.features import code as codes
from pipeline.features import package, parity, table
from pipeline.models import matrix, model
from pipeline.ship.release import bento
from tests.pipeline import in_process
from tests.pipeline.conftest import ROOT, small_table

FEATURES = '''
import numpy as np

def wealth(income, age):
    """Income by year of age."""
    return income / np.maximum(age, 1)

def relative(wealth, town, state):
    """Wealth against that of the same town."""
    return wealth - state["towns"].lookup(town, default=state["all"])

def fit_relative(wealth, town):
    means = {name: np.nanmean(wealth[town == name]) for name in set(town)}
    return {"all": np.nanmean(wealth), "towns": means}

def place(town, member, since):
    """Town, membership and season as one category, and a flag."""
    summer = since.astype("datetime64[M]").astype(int) % 12 > 5
    label = np.where(member, town, "none")
    return {"label": label, "summer": summer}
'''
ON_TARGET = """
def town_mean(town, state):
    return state.lookup(town)

def fit_town_mean(town, outcome):
    return {name: %s for name in set(town)}
"""
MEANS = {
    "binary": '(outcome[town == name] == "yes").mean()',
    "multiclass": '(outcome[town == name] == "high").mean()',
    "regression": "outcome[town == name].mean()",
}


def project(folder: Path, monkeypatch: pytest.MonkeyPatch, task: str, source: str, **sections: Any) -> None:
    monkeypatch.chdir(folder)
    (folder / package.FOLDER).mkdir(parents=True, exist_ok=True)
    (folder / package.FOLDER / "made.py").write_text(source)
    small_table(task, 400).to_parquet("table.parquet", index=False)
    data = {"source": "table.parquet", "key": "id"} | sections.pop("data", {})
    positive = "yes" if task == "binary" else None
    in_process.configure(task, "outcome", positive, data=data, **sections)


def matrix_names() -> list[str]:
    return [feature.name for feature in model.load(Path("models")).signature.features]


@pytest.mark.parametrize("task", MEANS)
def test_features_are_learned_from_and_scored_with(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path, monkeypatch, task, FEATURES + ON_TARGET % MEANS[task], features={"exclude": ["since"]})
    status, printed = in_process.train()
    assert status == 0, printed
    names = ["income", "age", "town", "member", "wealth", "relative", "label", "summer", "town_mean"]
    assert matrix_names() == names
    signature = files.read_json(Path("models/signature.json"))
    assert signature["format"] == 4
    assert [column["name"] for column in signature["raw"]] == ["income", "age", "town", "member", "since"]
    loaded, test = model.load(Path("models/measured")), pd.read_parquet("data/split/test.parquet")
    together = loaded.predict(test)
    apart = np.concatenate([loaded.predict(test.iloc[[row]]) for row in range(len(test))])
    np.testing.assert_array_equal(together, apart)
    scores = pd.read_parquet("reports/scores.parquet").filter(like="score").to_numpy()
    np.testing.assert_array_equal(together, scores.reshape(together.shape))


def test_the_copy_is_verbatim_and_its_state_is_that_of_the_training_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path, monkeypatch, "binary", FEATURES + ON_TARGET % MEANS["binary"])
    assert in_process.train()[0] == 0
    assert Path("models/features/made.py").read_bytes() == (package.FOLDER / "made.py").read_bytes()
    train = pd.read_parquet("data/split/train.parquet")
    means = (train["outcome"] == "yes").groupby(train["town"]).mean()
    stored = codes.read(Path("models/features"), Path("models/folds.json"))
    assert stored.states["town_mean"] == pytest.approx(dict(means), rel=1e-6)
    assert len(stored.folds) == 5
    assert all(fold["town_mean"] != stored.states["town_mean"] for fold in stored.folds)
    assert codes.read(Path("models/features")).folds == ()


def test_a_model_of_all_rows_keeps_the_state_of_the_training_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = FEATURES + ON_TARGET % MEANS["binary"]
    project(tmp_path, monkeypatch, "binary", source, split={"time": "since"})
    assert in_process.train()[0] == 0
    ships, measured = model.load(Path("models")), model.load(Path("models/measured"))
    assert (ships.signature.format, measured.signature.format) == (4, 4)
    assert ships.signature.refitted is not None
    assert ships.signature.code == measured.signature.code


def test_a_fit_on_noise_gains_nothing_on_the_test_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without folds each training row's own target would be in its feature: a perfect fit there, and none here."""
    source = """
    def risk(group, state): return state.lookup(group, default=0.5)
    def fit_risk(group, outcome): return {name: (outcome[group == name] == "yes").mean() for name in set(group)}
    """.replace("\n    ", "\n")
    rng = np.random.default_rng(0)
    rows = 3000
    features: dict[str, Any] = {"exclude": ["group"]}
    train: dict[str, Any] = {**in_process.SMALL["train"], "max_trees": 50, "early_stopping": 50}
    project(tmp_path, monkeypatch, "binary", source, features=features, train=train)
    noise = pd.DataFrame({"id": range(rows), "x": rng.normal(size=rows)})
    noise["group"] = [f"g{number}" for number in rng.integers(0, rows // 2, rows)]
    noise["outcome"] = np.where(rng.random(rows) < 0.5, "yes", "no")
    noise.to_parquet("table.parquet", index=False)
    status, printed = in_process.train()
    assert status == 0, printed
    auc = files.read_json(Path("reports/metrics.json"))["roc_auc"]
    assert auc["lower"] < 0.5 < auc["upper"]
    shares = {entry["feature"]: entry["gain"] for entry in files.read_json(Path("reports/importance.json"))}
    assert shares["risk"] < 0.6  # of pure noise x gets as much; a leak would take all


def test_features_that_are_off_leave_the_model_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without, off = tmp_path / "without", tmp_path / "off"
    for folder, source in ((without, ""), (off, FEATURES)):
        folder.mkdir()
        switched = {"off": ["wealth", "relative", "label", "summer"]} if source else {}
        project(folder, monkeypatch, "binary", source, features=switched)
        assert in_process.train()[0] == 0
    for name in ("model.txt", "signature.json"):
        assert (without / "models" / name).read_bytes() == (off / "models" / name).read_bytes()


def test_monotone_takes_a_feature_and_a_wrong_name_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path, monkeypatch, "binary", FEATURES, train=in_process.SMALL["train"] | {"monotone": {"wealth": 1}})
    assert in_process.train()[0] == 0
    project(tmp_path, monkeypatch, "binary", FEATURES, train=in_process.SMALL["train"] | {"monotone": {"label": 1}})
    assert "train.monotone: label is no numeric feature" in in_process.train()[1]
    project(tmp_path, monkeypatch, "binary", FEATURES, features={"off": ["welth"]})
    status, printed = in_process.train()
    assert status == 2
    assert "features.off: welth is no feature of src/project/features; did you mean wealth?" in printed


def test_a_refused_feature_stops_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path, monkeypatch, "binary", "def centred(age): return age - age.mean()")
    status, printed = in_process.train()
    assert status == 2
    assert printed.startswith("error: src/project/features/made.py:1: centred: it looks at other rows")
    assert not Path("models").exists()


def test_an_infinite_value_of_a_single_row_is_named_with_that_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path, monkeypatch, "binary", "def rate(age): return 1 / (age - 17)")
    rows = small_table("binary", 400)
    rows.assign(age=rows["age"].mask(rows["id"] == 7, 17)).to_parquet("table.parquet", index=False)
    monkeypatch.setattr(parity, "ROWS", 5)  # not that row among them
    status, printed = in_process.train()
    assert status == 2
    assert "made.py:1: rate: it is infinite, or beyond float32, for some rows" in printed
    assert printed.endswith("; example row: age 17.0\n")


def test_a_large_whole_number_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path, monkeypatch, "binary", "import numpy as np\ndef large(age): return np.floor(age) * 1_000_001")
    assert in_process.train()[0] == 0
    status, printed = in_process.run(*in_process._frozen("dvc.yaml")["stages"]["features"]["cmd"].split()[1:])
    assert status == 0
    assert "features: warning: large: holds whole numbers beyond 2^24, which lose digits in float32" in printed


def test_a_notebook_gets_the_features_of_a_table_of_three_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path, monkeypatch, "binary", FEATURES)
    assert in_process.train()[0] == 0
    rows = small_table("binary", 400).drop(columns=["id", "outcome"])[:3]
    features = table(rows)
    assert [*features.columns] == ["wealth", "relative", "label", "summer"]
    np.testing.assert_array_equal(features["wealth"], (rows["income"] / rows["age"]).astype(np.float32).astype(float))


def test_a_release_carries_code_and_state_and_no_folds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path, monkeypatch, "binary", FEATURES + ON_TARGET % MEANS["binary"])
    assert in_process.train()[0] == 0
    staged = [path.as_posix() for path in bento.feature_files(Path())]
    assert staged == ["models/features/made.py", "models/features/state.json"]
    assert "models/folds.json" not in Path(ROOT, "bentofile.yaml").read_text()


def test_a_model_is_not_scored_by_other_code_than_it_was_trained_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path, monkeypatch, "binary", FEATURES)
    assert in_process.train()[0] == 0
    copy = Path("models/features/made.py")
    copy.write_text(copy.read_text().replace("np.maximum(age, 1)", "np.maximum(age, 2)"))
    with pytest.raises(PipelineError, match="models/features: is not the feature code that the model was trained with"):
        model.load(Path("models"))


def test_a_matrix_is_not_made_without_the_code_that_its_model_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path, monkeypatch, "binary", FEATURES)
    assert in_process.train()[0] == 0
    signature = model.load(Path("models")).signature
    with pytest.raises(ValueError, match="the model needs its feature code"):
        matrix.encode(pd.read_parquet("data/split/test.parquet"), signature)
