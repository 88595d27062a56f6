"""A number agrees within its tolerance, in its relation, and nan agrees with nothing."""

import math

import pytest

from steadygrad.errors import InputError
from steadygrad.lab.number import Number


def number(measured: float, expected: float, tolerance: float = 0.0, relation: str = "=") -> Number:
    return Number("x", measured, expected, tolerance, "derived", "somewhere", relation)


@pytest.mark.parametrize(
    ("found", "agrees"),
    [
        (number(1.05, 1.0, 0.1), True),
        (number(1.15, 1.0, 0.1), False),
        (number(math.nan, 1.0, 10.0), False),
        (number(math.nan, 1.0, 10.0, "≤"), False),
        (number(math.nan, 1.0, 10.0, "≥"), False),
        (number(math.inf, math.inf), True),
        (number(math.inf, 1.0, 5.0), False),
        (number(1.05, 1.0, 0.1, "≤"), True),
        (number(1.15, 1.0, 0.1, "≤"), False),
        (number(-5.0, 1.0, 0.1, "≤"), True),
        (number(0.95, 1.0, 0.1, "≥"), True),
        (number(0.85, 1.0, 0.1, "≥"), False),
        (number(math.inf, 1.0, 0.0, "≥"), True),
    ],
)
def test_agreement(found: Number, agrees: bool) -> None:
    assert found.agrees is agrees


def test_bad_numbers_are_refused() -> None:
    with pytest.raises(InputError, match="`relation` of the number 'x' must be one of =, ≤, ≥, got '<'"):
        number(1.0, 1.0, relation="<")
    for tolerance in (-1.0, math.nan, math.inf):
        with pytest.raises(InputError, match="`tolerance` of the number 'x' must be finite and at least 0, got"):
            number(1.0, 1.0, tolerance)
