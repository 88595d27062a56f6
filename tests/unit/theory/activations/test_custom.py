"""Activations from the user's functions."""

import math

import numpy as np
import pytest

from steadygrad.errors import InputError
from steadygrad.theory import activations, gaussian


@pytest.mark.parametrize("name", activations.MAKERS)
def test_differences_agree_with_derivatives(name: str) -> None:
    """|φ⁽⁵⁾| ≤ 100 for the catalogue at |x| ≤ 4 (exp aside): truncation h⁴/30·100 = 1e-9 at h = 4e-3."""
    phi, x = activations.get(name), np.linspace(-4.03, 4.01, 83)
    far = np.all([np.abs(x - kink) > 0.05 for kink in phi.kinks], axis=0) if phi.kinks else np.full(x.shape, True)
    found = activations.from_callable(phi.phi).derivative(x[far])
    assert found == pytest.approx(phi.derivative(x[far]), rel=1e-9, abs=1e-9)


def test_given_derivative_and_facts_are_kept() -> None:
    relu = activations.from_callable(lambda x: np.maximum(x, 0.0), lambda x: (x > 0) * 1.0, name="mine", kinks=(0.0,), homogeneous=True)
    assert (relu.name, relu.kinks, relu.homogeneous, relu.odd) == ("mine", (0.0,), True, False)
    assert gaussian.forward_gain(relu) == pytest.approx(math.sqrt(2.0), abs=1e-14)


def test_scalar_functions_are_refused() -> None:
    with pytest.raises(InputError, match=r"`phi` must map a float64 array .* TypeError.*np.vectorize"):
        activations.from_callable(lambda x: math.tanh(x))
    with pytest.raises(InputError, match=r"`derivative` must keep the array's shape, but mapped shape \(3,\) to \(\)"):
        activations.from_callable(np.tanh, lambda x: 1.0)
