"""What may happen to this data, for `make simulate SHIFT=<name of a function here>`.

Each public function takes rows with their target, a strength from 0 to 1 and a random generator, and returns the rows
as they would be. The first line of its docstring is printed when it is simulated.
"""

import numpy as np
import pandas as pd

CUT = 0.4  # of each limit
LATE, UNPAID = 0.5, 0.8  # share of the clients whose payments are late, and of a payment that does not come
DEFAULTS = 0.8  # probability that the client who owes most defaults, having been about to pay

LIMITS = ["credit_limit"]
DELAYS = ["repayment_status_sep", "repayment_status_aug"]  # in months
PAYMENTS = ["paid_amount_sep", "paid_amount_aug"]
DEBT = "bill_amount_sep"
TARGET, DEFAULT = "default_next_month", 1


def recession(rows: pd.DataFrame, strength: float, rng: np.random.Generator) -> pd.DataFrame:
    """Limits are cut for all, payments are late for some, whoever they are; who owes most defaults more often.

    So lateness says less than it did and debt says more: a model of before ranks worse, and there is something to
    learn. A client who was to pay defaults with probability DEFAULTS * strength * (rank by debt, 0 to 1) ** 2.
    """
    late = rng.random(len(rows)) < LATE * strength
    changed = rows.copy()
    for name in LIMITS:
        changed[name] = rows[name] * (1 - CUT * strength)
    for name in DELAYS:
        one_more = (rows[name].clip(lower=0) + 1).clip(upper=max(rows[name].max(), 1))
        changed[name] = rows[name].where(~late, one_more)
    for name in PAYMENTS:
        changed[name] = rows[name].where(~late, rows[name] * (1 - UNPAID))
    whole = LIMITS + DELAYS + PAYMENTS
    changed[whole] = changed[whole].round().astype(rows.dtypes[whole])

    debt = rows[DEBT].rank(pct=True, na_option="top")
    defaults = rng.random(len(rows)) < DEFAULTS * strength * debt**2
    changed[TARGET] = rows[TARGET].mask(defaults, DEFAULT)
    return changed
