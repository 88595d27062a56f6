"""Activations from the user's functions."""

import math

import numpy as np
import pytest
import torch

from steadygrad.errors import InputError
from steadygrad.theory import activations, gaussian, maps


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
    with pytest.raises(InputError, match=r"must be Tensor.*lambda x: φ\(torch.from_numpy\(x\)\).numpy\(\)\) one of torch"):
        activations.from_callable(torch.nn.functional.silu)  # type: ignore[arg-type]
    wrapped = activations.from_callable(lambda x: torch.nn.functional.silu(torch.from_numpy(x)).numpy())
    assert gaussian.slope_moment(wrapped) == pytest.approx(gaussian.slope_moment(activations.get("silu")), rel=1e-9)
    with pytest.raises(InputError, match=r"`derivative` must keep the array's shape, but mapped shape \(35,\) to \(\)"):
        activations.from_callable(np.tanh, lambda x: 1.0)


@pytest.mark.parametrize(
    ("phi", "message"),
    [
        ("tanh", r"`phi` must be a function of a NumPy array, got 'tanh'; activations.get\('tanh'\) looks up a name"),
        (3.0, "`phi` must be a function of a NumPy array, got 3.0"),
        (np.sqrt, "`phi` must be finite on .*, got nan at x = -8"),
        (lambda x: np.where(x == 2.0, np.nan, x), "got nan at x = 2"),
        (lambda x: 1.0 / x, "got inf at x = 0"),
        (lambda x: np.where(x > 9.5, np.nan, x), r"`phi` must be a number on \[-50, 50\], got nan at x = 13"),
        (np.rint, "at most 12 corners and no detail finer than 0.02, got more, among them"),
        (lambda x: np.sin(50.0 * x), "at most 12 corners"),
        (lambda x: [max(v, 0.0) for v in x], "must map a float64 array to a float64 array, but raised ValueError"),
        (lambda x: x.ravel(), r"must keep the array's shape, but mapped shape \(5, 7\) to \(35,\)"),
        (lambda x: x + 1j, "must map a float64 array to a float64 array, but raised .*complex"),
    ],
)
def test_what_is_no_activation_is_refused(phi: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        activations.from_callable(phi)


@pytest.mark.parametrize("name", activations.MAKERS)
def test_corners_are_found_where_the_catalogue_has_them(name: str) -> None:
    """Corners and jumps only: softsign, elu and celu bend in φ″ only, softplus by 2e-9 at its threshold, hardswish by slopes of ±½ at ±3."""
    phi = activations.get(name)
    expected = {"softsign": (), "elu": (), "celu": (), "softplus": ()}.get(name, phi.kinks)
    assert activations.kinks.find_kinks(phi.phi) == pytest.approx(expected, abs=2e-7)


@pytest.mark.parametrize("name", ["relu", "hardtanh", "relu6", "softshrink", "elu", "selu", "hardswish", "gelu", "mish"])
def test_averages_of_a_bare_function_agree_with_the_catalogue(name: str) -> None:
    """Of slopes too: what is wrong within 3e-7 of a kink weighs that much."""
    known, bare = activations.get(name), activations.from_callable(activations.get(name).phi)
    for q in (0.01, 1.0, 9.0):
        assert gaussian.second_moment(bare, q) == pytest.approx(gaussian.second_moment(known, q), rel=1e-9)
        assert gaussian.slope_moment(bare, q) == pytest.approx(gaussian.slope_moment(known, q), rel=1e-6)


def test_corners_are_found_at_every_scale() -> None:
    for scale in (1e-8, 1e8):
        assert activations.from_callable(lambda x, s=scale: s * np.maximum(x - 0.25, 0.0)).kinks == pytest.approx((0.25,), abs=2e-7)
    assert activations.from_callable(np.zeros_like).kinks == ()


def test_many_corners_are_taken_with_a_derivative() -> None:
    """A staircase of slope 1 on average: rint, passed straight through."""
    stairs = activations.from_callable(np.rint, np.ones_like)
    assert len(stairs.kinks) == 12 and gaussian.slope_moment(stairs) == pytest.approx(1.0, abs=1e-12)


def test_averages_that_diverge_are_refused_where_they_are_taken() -> None:
    with pytest.raises(InputError, match="must converge"):
        gaussian.slope_moment(activations.from_callable(np.exp), 1e4)


def test_what_is_nan_far_out_is_said_and_not_taken_for_growth() -> None:
    """tanh written out overflows at 710: nothing to a network that stays near 0, and named where lengths lead there."""
    naive = activations.from_callable(lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)))
    assert maps.q_star(naive, 1.3, 0.05).q == pytest.approx(maps.q_star(activations.get("tanh"), 1.3, 0.05).q, rel=1e-12)
    with pytest.raises(InputError, match="must be a number wherever it is averaged, got nan at x = -"):
        maps.q_star(naive, 1e6)
