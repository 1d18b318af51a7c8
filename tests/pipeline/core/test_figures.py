"""Figures say something in every unit."""

import pytest

from pipeline.core import figures


@pytest.mark.parametrize(
    ("estimate", "expected"),
    [
        ((0.785312, 0.770212, 0.801099), "0.7853 (0.7702 to 0.8011)"),
        ((0.000556312, 0.000521, 0.00059021), "0.0005563 (0.0005210 to 0.0005902)"),
        ((551.612, 540.1, 560.2), "551.6 (540.1 to 560.2)"),
        ((1234567.8, 1200000.0, 1300000.0), "1,234,568 (1,200,000 to 1,300,000)"),
        ((1.0, None, None), "1.000 (too few rows for an interval)"),
        ((1.0, float("nan"), float("nan")), "1.000 (too few rows for an interval)"),
        ((None, None, None), "undefined"),
        ((float("nan"), 0.1, 0.2), "undefined"),
    ],
)
def test_an_estimate_has_the_digits_that_say_something(estimate: tuple[float | None, ...], expected: str) -> None:
    assert figures.estimate(*estimate) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((0.0012, -0.0003, 0.0031), ("+0.0012", "-0.0003", "+0.0031")),
        ((0.0012, -0.00004, 0.0023), ("+0.00120", "-0.00004", "+0.00230")),
        ((0.0000402, -0.0002, 0.0001), ("+0.000040", "-0.000200", "+0.000100")),
        ((12.3456, -3.1, 20.0), ("+12.3", "-3.1", "+20.0")),
        ((-1234567.8, None, float("nan")), ("-1,234,568", "", "")),
        ((0.0, 0.0, 0.0), ("0", "0", "0")),
        ((1e-9, -2e-9), ("+1e-09", "-2e-09")),
    ],
)
def test_changes_that_are_read_together_have_the_same_decimals(
    values: tuple[float | None, ...], expected: tuple[str, ...]
) -> None:
    assert figures.changes(*values) == expected
