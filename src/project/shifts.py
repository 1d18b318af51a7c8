"""Shifts that may happen to this data, for `make simulate SHIFT=<name of a function in this file>`.

Each public function takes rows with their target, a strength from 0 to 1 and a random generator, and returns the rows
after the shift. The first line of its docstring is printed by the simulation.
"""

import numpy as np
import pandas as pd

CUT = 0.4  # share by which each limit is cut
LATE, UNPAID = 0.5, 0.8  # share of the clients who pay late, and of each of their payments that is not paid
DEFAULTS = 0.8  # probability that the client with most debt defaults who would have paid

LIMITS = ["credit_limit"]
DELAYS = ["repayment_status_sep", "repayment_status_aug"]  # in months
PAYMENTS = ["paid_amount_sep", "paid_amount_aug"]
DEBT = "bill_amount_sep"
TARGET, DEFAULT = "default_next_month", 1


def recession(rows: pd.DataFrame, strength: float, rng: np.random.Generator) -> pd.DataFrame:
    """All limits are cut, random clients pay late and less, and the clients with most debt default more often.

    So late payments predict less than before and debt predicts more: the earlier model ranks worse, and a new one can
    learn the change. A client who would have paid defaults with probability
    DEFAULTS * strength * (rank by debt, 0 to 1) ** 2.
    """
    late = rng.random(len(rows)) < LATE * strength
    changed = rows.copy()
    for name in LIMITS:
        changed[name] = rows[name] * (1 - CUT * strength)
    for name in DELAYS:
        one_month_later = (rows[name].clip(lower=0) + 1).clip(upper=max(rows[name].max(), 1))
        changed[name] = rows[name].where(~late, one_month_later)
    for name in PAYMENTS:
        changed[name] = rows[name].where(~late, rows[name] * (1 - UNPAID))
    integer_columns = LIMITS + DELAYS + PAYMENTS
    changed[integer_columns] = changed[integer_columns].round().astype(rows.dtypes[integer_columns])

    debt = rows[DEBT].rank(pct=True, na_option="top")
    defaults = rng.random(len(rows)) < DEFAULTS * strength * debt**2
    changed[TARGET] = rows[TARGET].mask(defaults, DEFAULT)
    return changed
