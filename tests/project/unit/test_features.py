"""Features of the sample on a table of a few rows: `table` gives what training and the service compute."""

from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import features

ROOT = Path(__file__).parents[3]
MONTHS = ["sep", "aug", "jul", "jun"]


def clients(**changes):
    """Three clients, alike except for the given columns."""
    columns = {"credit_limit": 100_000, "education": "university"}
    for month in MONTHS:
        columns |= {f"bill_amount_{month}": 1_000, f"paid_amount_{month}": 1_000, f"repayment_status_{month}": 0}
    return pd.DataFrame(columns | changes, index=range(3))


def values(table):
    return features.table(table, ROOT, fit_on=table)


def test_utilisation_is_the_last_bills_share_of_the_limit():
    table = clients(credit_limit=[100, 200, 0], bill_amount_sep=[50, 300, 7])
    assert values(table)["utilisation"].tolist() == [0.5, 1.5, 7.0]


def test_what_was_paid_counts_against_the_bill_of_the_month_before():
    table = clients(paid_amount_sep=[1_000, 0, 9_000], paid_amount_aug=0, paid_amount_jul=0)
    assert values(table)["paid_share"].tolist() == [np.float32(1 / 3), 0.0, 1.0]


def test_without_a_bill_there_is_no_share_paid():
    table = clients(bill_amount_aug=0, bill_amount_jul=0, bill_amount_jun=[0, -5, 10])
    assert values(table)["paid_share"].isna().tolist() == [True, True, False]


def test_arrears_say_which_way_they_go():
    table = clients(repayment_status_sep=[3, 1, 0], repayment_status_aug=[1, 2, 2])
    assert values(table)["arrears"].tolist() == ["growing", "shrinking", "shrinking"]
    table = clients(repayment_status_sep=[2, 0, -1], repayment_status_aug=[2, 0, -2])
    assert values(table)["arrears"].tolist() == ["steady", "none", "none"]


def test_a_limit_is_compared_with_that_of_the_same_education():
    table = clients(credit_limit=[100, 300, 500], education=["university", "university", "high_school"])
    assert values(table)["limit_against_peers"].tolist() == [0.5, 1.5, 1.0]
