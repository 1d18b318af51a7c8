"""The effects of a recession on the clients of the sample data."""

import numpy as np
import pandas as pd
import pytest

from project.shifts import recession

ROWS = 4000


@pytest.fixture
def clients() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "client_id": range(ROWS),
            "credit_limit": rng.integers(1, 50, ROWS) * 10_000,
            "repayment_status_sep": rng.integers(-2, 5, ROWS),
            "repayment_status_aug": rng.integers(-2, 5, ROWS),
            "paid_amount_sep": rng.integers(1, 9000, ROWS),
            "paid_amount_aug": rng.integers(1, 9000, ROWS),
            "bill_amount_sep": rng.integers(-100, 90_000, ROWS),
            "default_next_month": (rng.random(ROWS) < 0.2).astype("int64"),
        }
    )


def in_recession(clients, strength=1.0):
    return recession(clients, strength, np.random.default_rng(0))


def test_all_limits_are_cut(clients):
    assert (in_recession(clients).credit_limit == (clients.credit_limit * 0.6).round()).all()


def test_half_of_the_clients_pay_late_and_less(clients):
    after = in_recession(clients)
    late = after.paid_amount_sep < clients.paid_amount_sep
    assert 0.45 < late.mean() < 0.55
    assert (after.repayment_status_sep[late] >= 1).all()
    assert (after.repayment_status_sep >= clients.repayment_status_sep).all()
    assert after.repayment_status_sep.max() == clients.repayment_status_sep.max()


def test_clients_with_most_debt_default_more_often_and_no_default_is_undone(clients):
    change = in_recession(clients).default_next_month - clients.default_next_month
    rank = clients.bill_amount_sep.rank(pct=True)
    assert set(change) == {0, 1}
    assert change[rank > 0.8].mean() > 0.4
    assert change[rank < 0.2].mean() < 0.05


def test_columns_keep_their_types_and_a_strength_of_0_is_no_change(clients):
    assert in_recession(clients).dtypes.equals(clients.dtypes)
    pd.testing.assert_frame_equal(in_recession(clients, strength=0), clients)
