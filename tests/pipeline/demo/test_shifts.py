import numpy as np
import pandas as pd
import pytest

from pipeline.core.errors import PipelineError
from pipeline.core.params import Simulate, Split
from pipeline.demo import shifts
from pipeline.demo.shifts import Roles, shift
from pipeline.models.signature import Feature, Signature

ROWS = 4000


def clients(rows: int = ROWS) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "limit": rng.integers(1, 50, rows) * 10_000,
            "months_late": rng.integers(-2, 5, rows),
            "paid": rng.integers(0, 9000, rows),
            "bill": rng.integers(-100, 90_000, rows),
            "job": rng.choice(["clerk", "nurse"], rows),
            "owner": rng.random(rows) < 0.5,
            "income": np.where(rng.random(rows) < 0.1, np.nan, rng.lognormal(10, 1, rows)),
            "defaults": rng.choice(["no", "yes"], rows, p=[0.8, 0.2]),
        }
    )


ROLES = Roles(
    target="defaults",
    positive="yes",
    limits=["limit"],
    late=["months_late"],
    paid=["paid"],
    owed="bill",
    broken="months_late",
    category="job",
    nullable=frozenset({"income"}),
)


@pytest.mark.parametrize("name", shifts.SHIFTS)
def test_same_seed_same_rows_and_the_table_given_is_left_alone(name: str) -> None:
    given, before = clients(), clients()
    one, again, other = (shift(given, name, ROLES, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(given, before)
    pd.testing.assert_frame_equal(one, again)
    assert name == "none" or not one.equals(other) or name == "broken_feature"  # all rows of it, whatever the seed


@pytest.mark.parametrize("name", shifts.SHIFTS)
def test_columns_keep_their_types_and_strength_0_changes_nothing(name: str) -> None:
    assert shift(clients(), name, ROLES).dtypes.equals(clients().dtypes)
    pd.testing.assert_frame_equal(shift(clients(), name, ROLES, strength=0), clients())


def test_a_recession_cuts_limits_delays_payments_and_makes_debtors_default() -> None:
    before, after = clients(), shift(clients(), "recession", ROLES)
    assert (after.limit == (before.limit * 0.6).round()).all()
    late = after.paid < before.paid
    assert 0.45 < late.mean() < 0.55
    assert (after.months_late[late] >= 1).all()
    assert (after.months_late >= before.months_late).all()
    assert after.months_late.max() == before.months_late.max()
    new = (after.defaults == "yes") & (before.defaults == "no")
    assert not ((after.defaults == "no") & (before.defaults == "yes")).any()
    rich, poor = before.bill > before.bill.quantile(0.8), before.bill < before.bill.quantile(0.2)
    assert new[rich].mean() > 0.4
    assert new[poor].mean() < 0.05


def test_a_recession_of_a_number_moves_the_features_alone() -> None:
    roles = Roles(**{**vars(ROLES), "positive": None, "target": "income"})
    after = shift(clients(), "recession", roles)
    pd.testing.assert_series_equal(after.income, clients().income)
    assert (after.limit < clients().limit).all()


@pytest.mark.parametrize(
    ("column", "told"), [("months_late", "0"), ("job", "clerk"), ("owner", "True"), ("income", "nan")]
)
def test_a_broken_feature_is_null_where_it_may_be_and_constant_elsewhere(column: str, told: str) -> None:
    given = clients()
    given["job"], given["owner"] = given.job.where(given.index % 2 == 0, "clerk"), given.owner | (given.index % 2 == 0)
    after = shift(given, "broken_feature", Roles(**{**vars(ROLES), "broken": column}))
    assert {str(value) for value in after[column]} == {told}
    pd.testing.assert_frame_equal(after.drop(columns=column), given.drop(columns=column))


def test_a_broken_feature_of_half_strength_breaks_half_of_the_rows() -> None:
    after = shift(clients(), "broken_feature", ROLES, strength=0.5)
    assert 0.45 < (after.months_late != clients().months_late).mean() / (clients().months_late != 0).mean() < 0.55


def test_a_new_category_is_one_that_nobody_saw_and_labels_stay() -> None:
    after = shift(clients(), "new_category", ROLES)
    assert set(after.job) == {"clerk", "nurse", shifts.NEW}
    assert 0.25 < (after.job == shifts.NEW).mean() < 0.35
    assert after.defaults.equals(clients().defaults)


def test_fewer_rows_are_some_of_the_rows() -> None:
    after = shift(clients(), "fewer_rows", ROLES)
    assert 0.25 * ROWS < len(after) < 0.35 * ROWS
    assert len(after.merge(clients().drop_duplicates())) == len(after)


@pytest.mark.parametrize(
    ("name", "changed", "said"),
    [
        (
            "recession",
            {"limits": ["credit_limit"]},
            "no column credit_limit; name yours in params.yaml: simulate.limits",
        ),
        (
            "recession",
            {"owed": None},
            "shift recession: needs columns of this data; name them in params.yaml: simulate.owed",
        ),
        ("new_category", {"category": None}, "shift new_category: needs columns"),
        ("new_category", {"category": "paid"}, "paid is no column of text"),
        ("broken_feature", {"broken": "nowhere"}, "shift broken_feature: the data has no column nowhere"),
    ],
)
def test_data_without_the_columns_is_refused_in_a_line(name: str, changed: dict[str, object], said: str) -> None:
    with pytest.raises(PipelineError, match=said) as raised:
        shift(clients(), name, Roles(**{**vars(ROLES), **changed}))
    assert "\n" not in str(raised.value)


def test_columns_that_nobody_named_are_the_models_strongest_and_richest() -> None:
    kinds = {"age": ("number", ()), "sex": ("category", ("f", "m")), "town": ("category", ("a", "b", "c"))}
    features = tuple(
        Feature(name=name, source=name, kind=kind, categories=categories, nullable=name == "age")  # type: ignore[arg-type]
        for name, (kind, categories) in kinds.items()
    )
    known = Signature(
        task="binary", target="y", key=None, positive=1, classes=("0", "1"), threshold=0.5, quantile=0.5, device="cpu",
        features=features, split=Split(test=0.2, validation=0.2, seed=0, time=None),
    )  # fmt: skip
    told = [{"feature": "town", "shap": 0.1}, {"feature": "sex", "shap": 0.3}]
    nothing = Simulate(limits=(), late=(), paid=(), owed=None, broken=None, category=None)
    found = shifts.roles(nothing, known, told)
    assert (found.broken, found.category, found.nullable) == ("sex", "town", frozenset({"age"}))
    named = shifts.roles(nothing.model_copy(update={"broken": "age", "category": "sex"}), known, told)
    assert (named.broken, named.category) == ("age", "sex")
