"""Every metric has a direction; another name is an error."""

import pytest

from pipeline.core.tasks import higher_is_better


def test_metrics_and_fairness_figures_have_a_direction() -> None:
    assert [higher_is_better(name) for name in ("roc_auc", "gamma_deviance", "disparate_impact")] == [True, False, True]


def test_a_name_that_is_no_metric_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="colour"):
        higher_is_better("colour")
