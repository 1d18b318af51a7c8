"""The direction of every metric is known, and of nothing else."""

import pytest

from pipeline.core.tasks import higher_is_better


def test_the_direction_of_a_metric_and_of_a_fairness_figure_is_known() -> None:
    assert [higher_is_better(name) for name in ("roc_auc", "log_loss", "disparate_impact")] == [True, False, True]


def test_a_name_that_is_no_metric_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="colour"):
        higher_is_better("colour")
