"""Gradient growth through batch norm."""

import math

import pytest

from steadygrad.theory import activations
from steadygrad.theory.batch_growth import batch_norm_growth, symmetry_slope


def test_relu_in_closed_form() -> None:
    assert batch_norm_growth(activations.get("relu")) == pytest.approx(math.pi / (math.pi - 1.0), abs=1e-13)
    assert symmetry_slope(activations.get("relu")) == pytest.approx(1.0, abs=1e-13)


@pytest.mark.parametrize("name", [name for name in activations.MAKERS if name not in ("exp", "hardshrink")])
def test_poincare_inequality(name: str) -> None:
    """Var[φ] ≤ E[φ′²] for every φ without jumps, with equality for linear ones."""
    growth = batch_norm_growth(activations.get(name))
    assert growth >= 1.0 - 1e-13
    assert (growth < 1.0 + 1e-13) == (name == "identity")
