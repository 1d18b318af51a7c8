"""Scores are equal to the byte however the rows are given: the gate and a release compare scores."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from pipeline.core import files
from pipeline.core.params import Data, Features, Split, TaskSection, Train
from pipeline.models import boosting, model, training
from pipeline.models.model import Model
from tests.pipeline.conftest import small_table

DATA = Data(source="table.parquet", key="id", deduplicate=False)
TASK = TaskSection(type="binary", target="outcome", positive="yes")
FEATURES = Features(exclude=(), max_categories=10)
SPLIT = Split(test=0.2, validation=0.2, seed=0, time=None)
TRAIN = Train(
    device="cpu", objective="auto", quantile=0.5, learning_rate=0.1, num_leaves=15, min_data_in_leaf=10,
    feature_fraction=0.8, bagging_fraction=0.8, lambda_l1=0.0, lambda_l2=1.0, max_trees=60, early_stopping=10,
    class_weight="none", monotone={}, seed=0,
)  # fmt: skip
ROWS = small_table("binary", rows=400, seed=2)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """LightGBM's threads wait for each other very long on a machine whose cores have other work."""
    boosting.lightgbm()  # only a library that is loaded can be limited
    with threadpool_limits(1):
        yield


def trained(folder: Path, keys: slice = slice(None), **changes: Any) -> Model:
    """A model of the small table, saved and loaded as a stage does it; `keys` orders the keys of its rows."""
    train, validation = (
        table.assign(id=table["id"].to_numpy()[keys])
        for table in (small_table("binary"), small_table("binary", rows=400, seed=1))
    )
    knobs = TRAIN.model_copy(update=changes)
    prepared = training.prepare(train, validation, training.Settings(DATA, TASK, FEATURES, SPLIT, knobs))
    fitted = training.fit(prepared, knobs)
    signature = training.with_threshold(prepared, fitted, TASK)
    files.write_text(folder / model.MODEL, fitted.booster.model_to_string(num_iteration=fitted.best_iteration))
    files.write_text(folder / model.SIGNATURE, signature.model_dump_json())
    return model.load(folder)


@pytest.fixture(scope="module")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return trained(tmp_path_factory.mktemp("small"))


def scores_equal(model: Model, changed: pd.DataFrame, rows: pd.DataFrame = ROWS) -> bool:
    return model.predict(changed).tobytes() == model.predict(rows).tobytes()


def test_the_order_of_the_rows_does_not_matter(small_model: Model) -> None:
    order = np.random.default_rng(0).permutation(len(ROWS))
    assert small_model.predict(ROWS.iloc[order]).tobytes() == small_model.predict(ROWS)[order].tobytes()


def test_the_order_of_the_columns_and_the_index_do_not_matter(small_model: Model) -> None:
    assert scores_equal(small_model, ROWS[ROWS.columns[::-1]].set_index(pd.Index(range(len(ROWS), 0, -1))))


def test_columns_that_are_no_features_do_not_matter(small_model: Model) -> None:
    assert scores_equal(small_model, ROWS.assign(noise=np.arange(len(ROWS)), note="x", age_2=ROWS["age"]))


def test_key_and_target_do_not_matter(small_model: Model) -> None:
    assert scores_equal(small_model, ROWS.assign(id=ROWS["id"].to_numpy()[::-1]))
    assert scores_equal(small_model, ROWS.drop(columns=["id", "outcome"]))


def test_every_feature_matters(small_model: Model) -> None:
    for name in ("income", "age", "town"):
        assert not scores_equal(small_model, ROWS.assign(**{name: ROWS[name].to_numpy()[::-1]})), name


@pytest.mark.parametrize("kind", ["float64", "Int64", "int64[pyarrow]", "object"])
def test_how_whole_numbers_are_stored_does_not_matter(small_model: Model, kind: str) -> None:
    assert scores_equal(small_model, ROWS.astype({"age": kind}))


@pytest.mark.parametrize("kind", ["category", "object", "string[pyarrow]"])
def test_how_text_is_stored_does_not_matter(small_model: Model, kind: str) -> None:
    assert scores_equal(small_model, ROWS.astype({"town": kind}))


def test_a_row_alone_is_scored_as_it_is_among_others(small_model: Model) -> None:
    single = np.concatenate([small_model.predict(ROWS.iloc[[row]]) for row in range(100)])
    assert single.tobytes() == small_model.predict(ROWS)[:100].tobytes()


def test_the_size_of_the_chunks_does_not_matter(small_model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = small_model.predict(ROWS)
    monkeypatch.setattr(model, "CHUNK", 101)
    assert small_model.predict(ROWS).tobytes() == whole.tobytes()


def test_the_number_of_threads_does_not_matter(small_model: Model) -> None:
    single = small_model.predict(ROWS)
    with threadpool_limits(2):
        double = small_model.predict(ROWS)
    assert single.tobytes() == double.tobytes()


def test_an_unseen_category_is_scored_as_a_missing_one(small_model: Model) -> None:
    assert scores_equal(small_model, ROWS.assign(town=None), ROWS.assign(town="Bodø"))


def test_keys_do_not_matter_in_training_either(tmp_path: Path) -> None:
    for name, keys in (("usual", slice(None)), ("reversed", slice(None, None, -1))):
        trained(tmp_path / name, keys, max_trees=10)
    assert (tmp_path / "usual" / model.MODEL).read_bytes() == (tmp_path / "reversed" / model.MODEL).read_bytes()


def test_a_prediction_with_a_monotone_constraint_never_falls_as_the_column_rises(tmp_path: Path) -> None:
    bound = trained(tmp_path, monotone={"age": 1})
    scores = np.array([bound.predict(ROWS.assign(age=age)) for age in range(18, 90, 4)])
    assert (np.diff(scores, axis=0) >= 0).all()
    assert (scores[-1] > scores[0]).any()
