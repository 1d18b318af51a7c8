"""Features of the sample: the example to start from. How much they help is in docs/how-to/add-a-feature.md."""

import numpy as np


def utilisation(bill_amount_sep, credit_limit):
    """Share of the credit limit that the last bill takes."""
    return bill_amount_sep / np.maximum(credit_limit, 1)


def paid_share(paid_amount_sep, paid_amount_aug, paid_amount_jul, bill_amount_aug, bill_amount_jul, bill_amount_jun):
    """Share of three months' bills that was paid in the month after, at most 1; missing where nothing was billed."""
    paid = paid_amount_sep + paid_amount_aug + paid_amount_jul
    billed = bill_amount_aug + bill_amount_jul + bill_amount_jun
    return np.where(billed > 0, np.minimum(paid / np.maximum(billed, 1), 1), np.nan)


def limit_against_peers(credit_limit, education, state):
    """Credit limit over the mean limit of clients of the same education."""
    return credit_limit / state["means"].lookup(education, default=state["mean"])


def fit_limit_against_peers(credit_limit, education):
    means = {level: credit_limit[education == level].mean() for level in set(education)}
    return {"mean": credit_limit.mean(), "means": means}


def arrears(repayment_status_sep, repayment_status_aug):
    """Whether the client is behind with payments, and whether that grew since the month before."""
    behind, before = np.maximum(repayment_status_sep, 0), np.maximum(repayment_status_aug, 0)
    owing = np.where(behind > 0, "steady", "none")
    return np.where(behind > before, "growing", np.where(behind < before, "shrinking", owing))
