"""A rule's fields, and what follows from them: its title, and on which side of its bound it passes."""

import pytest

from pipeline.review.gate.verdict import Kind, Rule, Subject


@pytest.mark.parametrize(
    ("kind", "subject", "baseline", "title"),
    [
        ("champion", Subject(), "origin/main", "Champion"),
        ("regression", Subject("roc_auc"), "origin/main", "ROC AUC against main"),
        ("regression", Subject("roc_auc"), "v2", "ROC AUC against v2"),
        ("reference_regression", Subject("log_loss"), "v1", "Log loss since v1"),
        ("floor", Subject("r2"), None, "Floor of R²"),
        ("slice", Subject("roc_auc", "town", "a=b: c"), "origin/main", "Slice town=a=b: c"),
        ("fairness", Subject("disparate_impact", "sex: or"), None, "Fairness of sex: or: disparate impact"),
        ("fairness", Subject(column="sex"), None, "Fairness of sex"),
        ("data_contract", Subject(), None, "Data contract"),
        ("judge", Subject(), None, "This pull request"),
    ],
)
def test_a_title_says_kind_subject_and_baseline(kind: Kind, subject: Subject, baseline: str | None, title: str) -> None:
    assert Rule(kind, "pass", "", subject=subject, baseline=baseline).title == title


def test_a_title_cuts_what_is_too_long() -> None:
    assert len(Rule("slice", "fail", "", subject=Subject("f1", "x" * 1_000_000, "y" * 1_000_000)).title) == 167


@pytest.mark.parametrize(
    ("kind", "metric", "at_least"),
    [
        ("regression", "log_loss", True),  # its figure is a gain
        ("slice", "rmse", True),
        ("floor", "roc_auc", True),
        ("floor", "log_loss", False),
        ("fairness", "disparate_impact", True),
        ("fairness", "equalized_odds_difference", False),
        ("data_drift", None, False),
    ],
)
def test_which_side_of_the_bound_passes_follows_from_the_metric(kind: Kind, metric: str | None, at_least: bool) -> None:
    assert Rule(kind, "pass", "", subject=Subject(metric)).at_least is at_least
