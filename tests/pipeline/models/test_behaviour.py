"""What a model must do whatever its data, row by row (CheckList: Ribeiro et al. 2020), on the frozen table.

Minimum function, invariance and directional expectations.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score
from threadpoolctl import threadpool_limits

from pipeline.core import files, params
from pipeline.data.contract import schema
from pipeline.models import boosting, model, training
from pipeline.models.model import Model
from pipeline.train.stages import split
from tests.pipeline.conftest import FROZEN

KNOBS = params.read(FROZEN / "params.yaml")
KEY, TARGET = "client_id", "default_next_month"
STATUSES = tuple(f"repayment_status_{month}" for month in ("sep", "aug", "jul", "jun", "may", "apr"))
STEPS = range(-2, 9)  # months of delay that a repayment status takes; -2 is no consumption, 0 revolving credit

Tables = dict[str, pd.DataFrame]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """LightGBM's threads wait for each other without end on a machine whose cores have other work."""
    boosting.lightgbm()  # only a library that is loaded can be limited
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def tables() -> Tables:
    """The frozen table as its parameters divide it."""
    raw = pd.read_parquet(FROZEN / KNOBS.data.source)
    table = schema.typed(raw, schema.read(FROZEN / "data/schema.yaml"))
    side = split.sides(table, KNOBS.data.key, KNOBS.split)
    return {name: table[side == name].reset_index(drop=True) for name in split.SIDES}


def trained(folder: Path, tables: Tables, train: dict[str, Any]) -> Model:
    """A model of the frozen parameters but for `train`, saved and loaded as a stage does it."""
    knobs = KNOBS.train.model_copy(update={"device": "cpu"} | train)
    settings = training.Settings(KNOBS.data, KNOBS.task, KNOBS.features, KNOBS.split, knobs)
    prepared = training.prepare(tables["train"], tables["validation"], settings)
    fitted = training.fit(prepared, knobs)
    known = training.with_threshold(prepared, fitted, KNOBS.task)
    files.write_text(folder / model.MODEL, fitted.booster.model_to_string(num_iteration=fitted.best_iteration))
    files.write_text(folder / model.SIGNATURE, known.model_dump_json())
    return model.load(folder)


@pytest.fixture(scope="module")
def default(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Model:
    return trained(tmp_path_factory.mktemp("default"), tables, {})


@pytest.fixture(scope="module")
def monotone(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Model:
    return trained(tmp_path_factory.mktemp("monotone"), tables, {"monotone": dict.fromkeys(STATUSES, 1)})


class TestDirectional:
    @pytest.mark.parametrize("status", STATUSES)
    def test_a_later_payment_never_lowers_the_risk_of_any_client_where_the_model_is_bound_to_it(
        self, monotone: Model, tables: Tables, status: str
    ) -> None:
        risks = np.array([monotone.predict(tables["test"].assign(**{status: step})) for step in STEPS])
        falls = np.diff(risks, axis=0) < 0
        assert not falls.any(), f"{status}: {int(falls.any(axis=0).sum()):,} clients get a lower risk"
        assert (risks[-1] > risks[0]).any(), f"{status} does nothing"

    def test_later_payments_in_all_months_never_lower_the_risk_of_any_client_either(
        self, monotone: Model, tables: Tables
    ) -> None:
        test = tables["test"]
        risks = [
            monotone.predict(test.assign(**{status: (test[status] + later).clip(upper=8) for status in STATUSES}))
            for later in range(4)
        ]
        assert (np.diff(risks, axis=0) >= 0).all()

    def test_the_bound_costs_hardly_any_accuracy(self, default: Model, monotone: Model, tables: Tables) -> None:
        test = tables["test"]
        free, bound = (roc_auc_score(test[TARGET], one.predict(test)) for one in (default, monotone))
        assert bound > free - 0.01


class TestInvariance:
    """Equal to the byte, not nearly: the gate compares scores, and a release is checked by them."""

    def same(self, one: Model, table: pd.DataFrame, changed: pd.DataFrame) -> None:
        assert one.predict(changed).tobytes() == one.predict(table).tobytes()

    def test_the_order_of_the_rows_does_not_count(self, default: Model, tables: Tables) -> None:
        test = tables["test"]
        order = np.random.default_rng(0).permutation(len(test))
        assert default.predict(test.iloc[order]).tobytes() == default.predict(test)[order].tobytes()

    def test_the_order_of_the_columns_and_the_index_do_not_count(self, default: Model, tables: Tables) -> None:
        test = tables["test"]
        self.same(default, test, test[test.columns[::-1]].set_index(pd.Index(range(len(test), 0, -1))))

    def test_columns_that_the_model_does_not_know_do_not_count(self, default: Model, tables: Tables) -> None:
        test = tables["test"]
        self.same(default, test, test.assign(noise=np.arange(len(test)), note="x", age_2=test["age"]))

    def test_neither_key_nor_target_count(self, default: Model, tables: Tables) -> None:
        test = tables["test"]
        permuted = test[KEY].sample(frac=1, random_state=0).to_numpy()
        self.same(default, test, test.assign(**{KEY: permuted}))
        self.same(default, test, test.drop(columns=[KEY, TARGET]))

    @pytest.mark.parametrize("kind", ["float64", "Int64", "int64[pyarrow]", "object"])
    def test_how_whole_numbers_are_stored_does_not_count(self, default: Model, tables: Tables, kind: str) -> None:
        test = tables["test"]
        numbers = [name for name in test.columns if pd.api.types.is_integer_dtype(test[name])]
        self.same(default, test, test.astype(dict.fromkeys(numbers, kind)))

    @pytest.mark.parametrize("kind", ["category", "object", "string[pyarrow]"])
    def test_how_text_is_stored_does_not_count(self, default: Model, tables: Tables, kind: str) -> None:
        test = tables["test"]
        self.same(default, test, test.astype({"sex": kind, "education": kind, "marital_status": kind}))

    def test_a_row_alone_is_scored_as_it_is_among_others(self, default: Model, tables: Tables) -> None:
        test = tables["test"].head(200)
        alone = np.concatenate([default.predict(test.iloc[[row]]) for row in range(len(test))])
        assert alone.tobytes() == default.predict(tables["test"])[: len(test)].tobytes()

    def test_the_size_of_the_chunks_does_not_count(
        self, default: Model, tables: Tables, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = default.predict(tables["test"])
        monkeypatch.setattr(model, "CHUNK", 1009)
        assert default.predict(tables["test"]).tobytes() == whole.tobytes()

    def test_the_number_of_threads_does_not_count(self, default: Model, tables: Tables) -> None:
        one = default.predict(tables["test"])
        with threadpool_limits(2):
            two = default.predict(tables["test"])
        assert one.tobytes() == two.tobytes()

    def test_an_unseen_category_is_scored_as_a_missing_one(self, default: Model, tables: Tables) -> None:
        test = tables["test"]
        self.same(default, test.assign(education=None), test.assign(education="kindergarten"))

    def test_keys_do_not_count_in_training_either(
        self, tables: Tables, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        renamed = {name: table.assign(**{KEY: table[KEY].to_numpy()[::-1]}) for name, table in tables.items()}
        found = []
        for data in (tables, renamed):
            folder = tmp_path_factory.mktemp("keys")
            trained(folder, data, {"max_trees": 10})
            found.append((folder / model.MODEL).read_bytes())
        assert found[0] == found[1]


class TestMinimumFunction:
    def test_every_risk_is_a_probability_and_they_average_to_the_base_rate(
        self, default: Model, tables: Tables
    ) -> None:
        risk = default.predict(tables["test"])
        assert ((risk > 0) & (risk < 1)).all()
        assert risk.mean() == pytest.approx(tables["test"][TARGET].mean(), abs=0.02)

    def test_the_base_rate_is_beaten(self, default: Model, tables: Tables) -> None:
        test, rate = tables["test"], tables["train"][TARGET].mean()
        risk, constant = default.predict(test), np.full(len(test), rate)
        assert roc_auc_score(test[TARGET], risk) > roc_auc_score(test[TARGET], constant) + 0.25
        assert log_loss(test[TARGET], risk) < log_loss(test[TARGET], constant) - 0.08
