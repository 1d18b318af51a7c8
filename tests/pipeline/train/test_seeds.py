"""What another seed changes, measured once and kept for the gate."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.evaluation import seed_spread
from pipeline.evaluation.seed_spread import SeedSpread
from pipeline.train import seeds
from tests.pipeline.conftest import FROZEN, small_table

KNOBS = params.read(FROZEN / "params.yaml")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> params.Params:
    """Parameters of the small table, in place of params.yaml."""
    knobs = KNOBS.model_copy(
        update={
            "data": KNOBS.data.model_copy(update={"key": "id"}),
            "task": params.TaskSection(type="binary", target="outcome", positive="yes"),
            "train": KNOBS.train.model_copy(update={"min_data_in_leaf": 10, "max_trees": 20}),
            "evaluate": KNOBS.evaluate.model_copy(update={"slices": (), "sensitive": ()}),
        }
    )
    monkeypatch.setattr(params, "read", lambda: knobs)
    return knobs


@pytest.mark.engine
def test_five_models_are_compared_and_their_spread_is_kept(
    small: params.Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("train", "validation", "test")):
        (tmp_path / "data/split").mkdir(parents=True, exist_ok=True)
        small_table("binary", 600, seed).to_parquet(tmp_path / f"data/split/{name}.parquet", index=False)
    done = CliRunner().invoke(seeds.command, [], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    kept = seed_spread.read("binary", "outcome", "roc_auc")
    assert kept is not None
    assert list(kept.values) == ["0", "1", "2", "3", "4"]
    assert len(set(kept.values.values())) == 5
    assert "seeds: gate.tolerance allows 0.005: " in done.output
    assert seed_spread.read("binary", "outcome", "log_loss") is None


@pytest.mark.parametrize(("values", "said"), [([0.80, 0.801, 0.799], "5.0 standard"), ([0.7, 0.7], "any number of")])
def test_a_tolerance_of_three_standard_deviations_is_enough(values: list[float], said: str) -> None:
    spread = SeedSpread.of("binary", "y", "roc_auc", 100, dict(enumerate(values)))
    enough, compared = spread.compared(0.005)
    assert enough
    assert compared.startswith(said)


def test_a_smaller_one_is_not() -> None:
    spread = SeedSpread.of("regression", "y", "rmse", 100, {0: 10.0, 1: 12.0, 2: 8.0})
    assert spread.compared(5.9) == (False, "3.0 standard deviations of 3 seeds (standard deviation 2 of RMSE)")


def test_a_damaged_file_says_what_writes_it_anew(tmp_path: Path) -> None:
    path = tmp_path / "seeds.json"
    path.write_text(json.dumps({"format": 1, "task": "binary"}))
    with pytest.raises(PipelineError, match=r"seeds.json: damaged \(target: .*`pipeline seeds` writes it anew"):
        seed_spread.read("binary", "y", "roc_auc", path)
    assert seed_spread.read("binary", "y", "roc_auc", tmp_path / "none.json") is None
