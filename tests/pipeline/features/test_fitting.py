"""State: JSON with floats of float32, fitted without each fold where it depends on the target."""

import numpy as np
import pytest

from pipeline.core.errors import PipelineError
from tests.pipeline.features.made import columns, fitted, values

ON_TARGET = """
def risk(city, state): return state.lookup(city)
def fit_risk(city, target): return {c: target[city == c].mean() for c in set(city)}
def twice(risk): return risk * 2
"""


def test_a_state_is_json_with_floats_of_float32_in_the_order_of_its_keys() -> None:
    made = fitted(
        """
        import numpy as np
        def a(amount, state): return amount
        def fit_a(amount): return {"z": 1 / 3, 2: np.float64(0.1), 1.0: [np.int64(3), (True, None)], "a": np.arange(2)}
        """
    )
    third, tenth = (float(np.float32(value)) for value in (1 / 3, 0.1))
    assert made.states == {"a": {"1": [3, [True, None]], "2": tenth, "a": [0, 1], "z": third}}
    assert [*made.states["a"]] == ["1", "2", "a", "z"]


def test_a_fit_may_read_features_but_none_that_is_fitted_on_the_target() -> None:
    made = fitted(
        """
        def a(limit): return limit / 3
        def b(a, state): return a - state["mean"]
        def fit_b(a): return {"mean": a.mean()}
        """
    )
    third = (columns()["limit"] / 3).astype(np.float32).astype(float)
    assert made.states["b"]["mean"] == float(np.float32(third.mean()))


def test_a_row_of_a_fold_gets_the_state_without_its_fold() -> None:
    folds = np.arange(40) % 3
    made = fitted(ON_TARGET, folds)
    data = columns()
    for fold in range(3):
        rest = (folds != fold) & (data["city"] == "Rome")
        expected = float(np.float32(data["target"][rest].mean()))
        result = values(made, fold=fold)
        assert set(result["risk"][data["city"] == "Rome"]) == {expected}
        assert set(result["twice"][data["city"] == "Rome"]) == {float(np.float32(expected * 2))}
    everything = data["target"][data["city"] == "Rome"].mean()
    assert set(values(made)["risk"][data["city"] == "Rome"]) == {float(np.float32(everything))}


def test_without_a_fit_on_the_target_there_are_no_folds() -> None:
    assert fitted("def a(city, state): return city\ndef fit_a(city): return {}", np.arange(40) % 3).folds == ()


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("return {'x': float('nan')}", "fit_a: TypeError: the state holds nan, which JSON can't"),
        ("return {'x': {1, 2}}", "fit_a: TypeError: the state holds a value of type set"),
        ("return amount[100]", r"fit_a: IndexError: .* \(src/project/features/money.py:5\)"),
        ("calls.append(1); return len(calls)", "fit_a: it gave another state when it was run again"),
        ("amount += 1", "fit_a: it changes its arguments in place"),
        ("return 'x' * 6_000_000", "fit_a: its state takes 6.0 MB; allowed: 5 MB"),
    ],
)
def test_a_fit_that_fails_is_one_line(body: str, problem: str) -> None:
    with pytest.raises(PipelineError, match=problem) as refusal:
        fitted(f"calls = []\ndef a(amount, state): return amount\n\ndef fit_a(amount):\n    {body}")
    assert str(refusal.value).startswith("src/project/features/money.py:4: ")


def test_a_fold_of_all_rows_is_refused() -> None:
    with pytest.raises(PipelineError, match="all training rows fall into one fold"):
        fitted(ON_TARGET, np.zeros(40, dtype=int))
