"""How the credit model must behave, row by row (CheckList: Ribeiro et al. 2020). Replace these tests by your model's.

`pipeline measure` runs these tests on each pull request's model, and the gate fails where one of them does.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

TARGET = "default_next_month"
LATEST = "repayment_status_sep"  # months of delay; 0: pays in part, -1: pays in full, -2: nothing to pay
MONTHS = ["sep", "aug", "jul", "jun", "may", "apr"]


# Directional: a change of the input that must move the prediction one way.


@pytest.mark.parametrize("months", [2, 3, 4])
def test_a_late_payment_raises_the_risk_of_nearly_every_client(model, test_rows, months):
    on_time = model.predict(test_rows.assign(**{LATEST: 0}))
    late = model.predict(test_rows.assign(**{LATEST: months}))
    assert (late > on_time).mean() > 0.99
    assert (late - on_time).mean() > 0.2


def test_an_earlier_delay_raises_the_risk_too_but_the_latest_counts_most(model, test_rows):
    effects = []
    for month in MONTHS:
        on_time, late = (model.predict(test_rows.assign(**{f"repayment_status_{month}": value})) for value in (0, 2))
        assert (late > on_time).mean() > 0.9, month
        effects.append((late - on_time).mean())
    assert effects[0] == max(effects)


# Invariance: a change of the input that must not move it.


def test_the_client_id_does_not_change_the_prediction(model, test_rows):
    reversed_ids = test_rows.assign(client_id=test_rows["client_id"].to_numpy()[::-1])
    np.testing.assert_array_equal(model.predict(reversed_ids), model.predict(test_rows))


# Minimum functionality: clients whose risk is obvious, and rankings that must be beaten.


def client(status, bill, paid, **changes):
    """A typical client, except for the given values."""
    row = {"credit_limit": 140_000, "sex": "female", "education": "university", "marital_status": "single", "age": 34}
    for month in MONTHS:
        row |= {f"repayment_status_{month}": status, f"bill_amount_{month}": bill, f"paid_amount_{month}": paid}
    return pd.DataFrame([row | changes])


SAFE = {
    "pays in full, little used": client(-1, 5_000, 5_000, credit_limit=500_000),
    "buys little, pays at once": client(-2, 3_000, 3_000, credit_limit=400_000),
    "pays in part, always on time": client(0, 30_000, 10_000, credit_limit=300_000),
}
RISKY = {
    "two months late for half a year": client(2, 19_000, 0, credit_limit=20_000),
    "three months late, limit used up": client(3, 50_000, 0, credit_limit=50_000),
    "high limit, yet always late": client(2, 290_000, 0, credit_limit=300_000, age=50),
}


@pytest.mark.parametrize("name", SAFE)
def test_an_obviously_safe_client_is_below_the_base_rate(model, test_rows, name):
    assert model.predict(SAFE[name])[0] < test_rows[TARGET].mean()


@pytest.mark.parametrize("name", RISKY)
def test_an_obviously_risky_client_is_more_likely_to_default_than_not(model, name):
    assert model.predict(RISKY[name])[0] > 0.5


def test_the_risks_average_to_the_base_rate(model, test_rows):
    assert model.predict(test_rows).mean() == pytest.approx(test_rows[TARGET].mean(), abs=0.02)


def test_the_model_ranks_better_than_the_latest_delay_alone(measured_model, test_rows):
    risk, target = measured_model.predict(test_rows), test_rows[TARGET]
    assert roc_auc_score(target, risk) > roc_auc_score(target, test_rows[LATEST]) + 0.04
