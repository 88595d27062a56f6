"""The correlation map and its fixed point."""

import pytest

from steadygrad.errors import InputError
from steadygrad.theory import activations, maps


@pytest.mark.parametrize(("name", "q"), [("tanh", 0.72), ("relu", 1.0), ("gelu", 3.56)])
def test_slope_is_the_derivative_of_the_map(name: str, q: float) -> None:
    phi, h = activations.get(name), 1e-4
    difference = maps.correlation_map(phi, 2.0, 0.05, q, 0.5 + h) - maps.correlation_map(phi, 2.0, 0.05, q, 0.5 - h)
    assert maps.correlation_slope(phi, 2.0, q, 0.5) == pytest.approx(difference / (2.0 * h), abs=1e-7)


def test_slope_at_one_is_chi_1() -> None:
    phi = activations.get("hardtanh")
    assert maps.correlation_slope(phi, 2.0, 0.4, 1.0) == pytest.approx(maps.chi_1(phi, 2.0, q=0.4), abs=1e-14)


def test_fixed_points() -> None:
    tanh = activations.get("tanh")
    ordered, chaotic = (maps.q_star(tanh, w, 0.05).q for w in (1.0, 2.0))
    assert maps.c_star(tanh, 1.0, 0.05, ordered) == 1.0
    c = maps.c_star(tanh, 2.0, 0.05, chaotic)
    assert maps.correlation_map(tanh, 2.0, 0.05, chaotic, c) == pytest.approx(c, abs=1e-11)
    assert maps.c_star(tanh, 2.0, 0.0, maps.q_star(tanh, 2.0).q) == 0.0


def test_bad_arguments() -> None:
    with pytest.raises(InputError, match="must be asked at `q` > 0, got 0.0"):
        maps.correlation_map(activations.get("tanh"), 1.0, 0.0, 0.0, 0.5)
