"""Numbers predicted for whole networks against tables computed or measured apart from the package."""

import math

import pytest

from steadygrad.theory import activations, gaussian, maps
from steadygrad.theory.batch_growth import batch_norm_growth, finite_batch_factor, norm_spread
from steadygrad.theory.finite_width import log_variance, mean_square_ratio, relu_log_norm
from steadygrad.theory.jacobian_spectrum import jacobian_spectrum
from steadygrad.theory.lyapunov import gaussian_exponents, gaussian_log_growth, typical_critical_std
from steadygrad.theory.normalizer_free import nonlinearity_gain
from steadygrad.theory.residual import normalized_stream, residual_stream
from steadygrad.theory.transformer import deepnorm

SIX_DIGITS = 0.51e-6
RELU = activations.get("relu")
# (activation, q, orthogonal): relative variance of eig(JJᵀ) at L = 8 and 32: predicted, and measured at width 400
SPECTRA = {
    ("identity", 1.0, False): ((8.0, 32.0), (7.96, 33.2)),
    ("relu", 1.0, False): ((16.0, 64.0), (16.7, 63.8)),
    ("relu", 1.0, True): ((8.0, 32.0), (8.07, 33.3)),
    ("tanh", 0.25, False): ((9.10, 36.4), (9.17, 38.2)),
    ("tanh", 0.25, True): ((1.096, 4.383), (1.10, 4.41)),
    ("tanh", 1.0 / 64.0, True): ((0.013515, 0.05406), (0.0142, 0.059)),  # mpmath: test_slope_powers
}
# gains of published normalizer-free networks (timm), estimated by sampling: 0.05 to 0.15 % off the exact ones
SAMPLED_GAINS = {
    "relu": 1.7139588594, "leaky_relu": 1.7059034109, "tanh": 1.5939117671, "sigmoid": 4.8038353920, "gelu": 1.7015043497,
    "silu": 1.7881293297, "selu": 1.0008515120, "elu": 1.2716004848, "softplus": 1.9203323126, "softsign": 2.3388531208,
}  # fmt: skip
# gradient growth per batch-normalized layer, measured at width 1024, 40 layers: B = 8, 32, 128
BATCH_NORM = {
    "identity": (1.213, 1.033, 1.010), "relu": (1.799, 1.518, 1.475), "tanh": (1.352, 1.211, 1.190), "erf": (1.389, 1.258, 1.236),
    "selu": (1.258, 1.109, 1.086),
}  # fmt: skip
CALCULATE_GAIN = {("relu", None): 1.4142136, ("leaky_relu", 0.01): 1.4141429, ("leaky_relu", 0.2): 1.3867505}


@pytest.mark.parametrize("case", SPECTRA)
def test_spectra(case: tuple[str, float, bool]) -> None:
    name, q, orthogonal = case
    predicted, measured = SPECTRA[case]
    found = [jacobian_spectrum(activations.get(name), 1.0, q, depth=depth, orthogonal=orthogonal).relative_variance for depth in (8, 32)]
    assert found == pytest.approx(predicted, rel=2e-3)  # as many digits as are printed
    assert found == pytest.approx(measured, rel=0.09)  # one draw at width 400


@pytest.mark.parametrize("name", SAMPLED_GAINS)
def test_sampled_gains_of_normalizer_free_networks_are_slightly_off(name: str) -> None:
    assert 3e-4 < SAMPLED_GAINS[name] / nonlinearity_gain(activations.get(name)) - 1.0 < 1.5e-3


@pytest.mark.parametrize("name", BATCH_NORM)
def test_batch_norm_rates(name: str) -> None:
    found = [batch_norm_growth(activations.get(name)) * finite_batch_factor(b) for b in (8, 32, 128)]
    assert found == pytest.approx(BATCH_NORM[name], rel=0.06)


def test_batch_norm_spreads() -> None:
    """Measured at layer 20, width 1024, B = 128: ReLU 0.32, GELU 0.62."""
    assert [norm_spread(activations.get(n), 20, 1024) for n in ("relu", "gelu")] == pytest.approx([0.32, 0.62], rel=0.1)


def test_closed_forms_of_batch_norm() -> None:
    assert batch_norm_growth(RELU) == pytest.approx(math.pi / (math.pi - 1.0), abs=1e-12)
    assert [finite_batch_factor(b) for b in (8, 32, 128)] == pytest.approx([1.2, 1.0345, 1.008], abs=0.51e-4)


@pytest.mark.parametrize("case", CALCULATE_GAIN)
def test_gains_that_torch_has_right(case: tuple[str, float | None]) -> None:
    name, slope = case
    phi = activations.get(name) if slope is None else activations.get(name, negative_slope=slope)
    assert gaussian.forward_gain(phi) == pytest.approx(CALCULATE_GAIN[case], abs=0.51e-7)


@pytest.mark.parametrize("name", ["gelu", "silu"])
def test_he_gain_makes_smooth_rectifiers_collapse(name: str) -> None:
    assert maps.q_star(activations.get(name), 2.0).q == 0.0
    assert maps.chi_1(activations.get(name), 2.0) == pytest.approx(0.5, abs=1e-9)


def test_finite_width() -> None:
    """n = 32, L = 16: E r² = 10.21 predicted; var log r = 2.82 and mean log r = −1.33 measured, 2.5 and −1.25 to first order."""
    widths = [32] * 16
    assert mean_square_ratio(RELU, widths) == pytest.approx((1.0 + 5.0 / 32.0) ** 16, rel=1e-12)
    assert mean_square_ratio(RELU, widths) == pytest.approx(10.21, abs=0.005)
    assert log_variance(RELU, widths) == pytest.approx(2.5, rel=1e-12)
    exact = relu_log_norm(widths)
    assert (exact.mean, exact.variance) == pytest.approx((-1.33, 2.82), rel=0.01)


def test_lyapunov() -> None:
    """4 × 4: λ₁ = 0.557966; 101 factors make 1e24.5 (25.0 ± 1.65 measured); critical standard deviations."""
    assert gaussian_exponents(4)[0] == pytest.approx(0.557966, abs=SIX_DIGITS)
    assert gaussian_log_growth([4] * 101) / math.log(10.0) == pytest.approx(24.5, abs=0.05)
    assert [typical_critical_std(n) for n in (4, 64, 256)] == pytest.approx([0.572372, 0.125986, 0.062622], abs=SIX_DIGITS)


def test_residual_streams_of_32_blocks() -> None:
    """Measured: with batch norm 32.7, without 4.4e9, SkipInit 0.994, branches times 1/√L 2.73."""
    ends = [residual_stream(RELU, 2.0, depth=32, c=1.0, branch=b).lengths[-1] for b in (1.0, 0.0, 32**-0.5)]
    assert ends == pytest.approx([2.0**32, 1.0, (1.0 + 1.0 / 32.0) ** 32], rel=1e-9)
    assert [normalized_stream(32)[-1], *ends] == pytest.approx([32.7, 4.4e9, 0.994, 2.73], rel=0.03)


def test_deepnorm_of_a_thousand_layers() -> None:
    assert deepnorm(1000) == pytest.approx((6.6874, 0.10574), rel=1e-4)


def test_selu_keeps_its_moments() -> None:
    found = gaussian.moments(activations.get("selu"))
    assert (found.mean, found.second) == pytest.approx((0.0, 1.0), abs=SIX_DIGITS)
