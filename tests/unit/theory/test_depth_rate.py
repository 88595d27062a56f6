"""Stable rates against the exact second-moment matrix; a chain's sharpness against its Gauss–Newton matrix by autograd."""

import math

import numpy as np
import pytest
import torch

from steadygrad.errors import InputError
from steadygrad.theory import activations, depth_rate
from steadygrad.theory.jacobian_spectrum import jacobian_spectrum


def growth(rate: float, mean: float, sample: float, batch: int, momentum: float) -> float:
    """Spectral radius of (E[x²], E[x·x′], E[x′²]) ↦ its next value, for x ← (1 + β − η·a)·x − β·x′ and E[a²] = λ² + s·λ/B."""
    c, noise = 1.0 + momentum - rate * mean, rate**2 * sample * mean / batch
    second = np.array([[c * c + noise, -2.0 * c * momentum, momentum**2], [c, -momentum, 0.0], [1.0, 0.0, 0.0]])
    return float(np.abs(np.linalg.eigvals(second)).max())


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9, 0.99])
@pytest.mark.parametrize(("mean", "sample", "batch"), [(1.0, 0.0, 1), (3.0, 20.0, 64), (3.0, 20.0, 1), (0.1, 50.0, 16)])
def test_the_second_moment_turns_at_the_rate(mean: float, sample: float, batch: int, momentum: float) -> None:
    rate = depth_rate.largest_stable_rate((mean, sample), batch=batch, momentum=momentum)
    assert growth(rate * 0.999, mean, sample, batch, momentum) < 1.0 < growth(rate * 1.001, mean, sample, batch, momentum)


@pytest.mark.parametrize("ratio", [0.0, 1.0])
def test_sharpness_of_a_chain_by_autograd(ratio: float) -> None:
    """At q → 0 tanh is the identity and the formulas are exact but for terms of order L·q."""
    layers, width, q, classes, gain, samples = 6, 16, 1e-8, 4, 0.7, 12
    generator = torch.Generator().manual_seed(0)

    def orthogonal(n: int) -> torch.Tensor:
        return torch.linalg.qr(torch.randn(n, n, generator=generator, dtype=torch.float64)).Q

    weights = [orthogonal(width) for _ in range(layers)]
    readout = orthogonal(width)[:classes] * gain / math.sqrt(q)
    x = torch.randn(samples, width, generator=generator, dtype=torch.float64)
    x = x / x.square().mean(1, keepdim=True).sqrt() * math.sqrt(q)
    biases = [torch.zeros(width, dtype=torch.float64) for _ in range(layers)]

    def logits(row: torch.Tensor, *parameters: torch.Tensor) -> torch.Tensor:
        h = row
        for w, b in zip(parameters[:layers], parameters[layers:], strict=True):
            h = torch.tanh(w @ h + math.sqrt(ratio) * b)  # b at rate r is b·√r at rate 1
        return readout @ h

    argnums = tuple(range(1, 2 * layers + 1))
    jacobians = [torch.cat([j.reshape(classes, -1) for j in torch.func.jacrev(logits, argnums)(row, *weights, *biases)], 1) for row in x]
    curvature = (torch.eye(classes, dtype=torch.float64) - 1.0 / classes) / classes
    one = max(float(torch.trace(j @ j.T @ curvature)) for j in jacobians)
    root = torch.linalg.eigh(curvature)
    half = root.eigenvectors * root.eigenvalues.clamp(min=0).sqrt()
    whole = torch.cat([half.T @ j for j in jacobians]) / math.sqrt(samples)
    top = float(torch.linalg.eigvalsh(whole @ whole.T)[-1])
    unit = x / x.norm(dim=1, keepdim=True)
    alignment = float(torch.linalg.eigvalsh(unit @ unit.T)[-1]) / samples
    predicted = depth_rate.chain_sharpness(layers, width=width, q=q, classes=classes, readout_gain=gain, alignment=alignment, bias_rate_ratio=ratio)
    assert predicted.sample == pytest.approx(one, rel=10 * layers * q)
    if ratio == 0.0:
        assert predicted.mean == pytest.approx(top, rel=10 * layers * q)
    else:  # eigenvectors of weights' and biases' kernels differ: the sum of the largest is a bound; biases are all but width·q of it
        assert top <= predicted.mean * (1 + 1e-9) and predicted.mean == pytest.approx(top, rel=2 * width * q)


def test_rates_fall_with_depth_and_with_biases() -> None:
    def rate(depth: int, **more: float) -> float:
        return depth_rate.largest_stable_rate(depth_rate.chain_sharpness(depth, width=64, q=0.002, classes=10, **more), batch=64, momentum=0.9)

    assert rate(1000) * 1000 == pytest.approx(rate(10) * 10, rel=1e-12)
    ratio = depth_rate.chain_sharpness(1, width=64, q=0.002, classes=10, bias_rate_ratio=1.0).sample
    assert ratio / depth_rate.chain_sharpness(1, width=64, q=0.002, classes=10).sample == pytest.approx(1 + 1 / (64 * 0.002), rel=1e-12)


@pytest.mark.parametrize(("depth", "spread"), [(1000, 0.6577), (10_000, 0.6990), (100_000, 0.7132)])
def test_length_keeps_the_spread_to_first_order(depth: int, spread: float) -> None:
    """By quadrature: 8q²(1 − 10q + …) a layer, from sech⁴ = 1 − 2z² + 7z⁴/3 and Cov(z², z⁴) = 12q³; the next term is below 120q²."""
    q = depth_rate.chain_length(depth)
    found = jacobian_spectrum(activations.get("tanh"), 1.0, q, depth=depth, orthogonal=True).relative_variance
    assert found == pytest.approx(spread, abs=0.51e-4)
    assert found / 0.72 == pytest.approx(1.0 - 10.0 * q, abs=120.0 * q**2)


@pytest.mark.slow
def test_length_keeps_the_spread_of_singular_values() -> None:
    """Orthogonal tanh layers at critical σ_w, 400 deep: Var of squared singular values over their squared mean, six networks."""
    depth, width, networks = 400, 128, 6
    q = depth_rate.chain_length(depth, 0.5)
    generator = np.random.default_rng(0)
    gain, found = math.sqrt(1.0 / (1.0 - 2.0 * q)), []
    for _ in range(networks):
        jacobian, h = np.eye(width), generator.standard_normal(width) * math.sqrt(q)
        for _ in range(depth):
            weight = np.linalg.qr(generator.standard_normal((width, width)))[0] * gain
            h = np.tanh(weight @ h)
            jacobian = (1.0 - h**2)[:, None] * (weight @ jacobian)
        squares = np.linalg.svd(jacobian, compute_uv=False) ** 2
        found.append(float(squares.var() / squares.mean() ** 2))
    # 4 standard errors of a variance over 6·128 values, of a law with kurtosis below 9; q itself wanders by √(2·depth/width)·q per unit
    expected = 0.5 * (1.0 - 10.0 * q)
    assert np.mean(found) == pytest.approx(expected, rel=4 * math.sqrt(8 / (networks * width)))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: depth_rate.largest_stable_rate((0.0, 1.0), batch=1), "`sharpness`"),
        (lambda: depth_rate.largest_stable_rate((1.0, math.nan), batch=1), "`sharpness`"),
        (lambda: depth_rate.largest_stable_rate((1.0, 1.0), batch=0), "`batch`"),
        (lambda: depth_rate.largest_stable_rate((1.0, 1.0), batch=1, momentum=1.0), "`momentum`"),
        (lambda: depth_rate.chain_sharpness(0, width=4, q=0.1, classes=2), "`depth`"),
        (lambda: depth_rate.chain_sharpness(1, width=0, q=0.1, classes=2), "`widths`"),
        (lambda: depth_rate.chain_sharpness(1, width=4, q=0.0, classes=2), "`q`"),
        (lambda: depth_rate.chain_sharpness(1, width=4, q=0.1, classes=1), "`classes`"),
        (lambda: depth_rate.chain_sharpness(1, width=4, q=0.1, classes=2, readout_gain=0.0), "`readout_gain`"),
        (lambda: depth_rate.chain_sharpness(1, width=4, q=0.1, classes=2, alignment=1.5), "`alignment`"),
        (lambda: depth_rate.chain_sharpness(1, width=4, q=0.1, classes=2, bias_rate_ratio=-1.0), "`bias_rate_ratio`"),
        (lambda: depth_rate.chain_length(0), "`depth`"),
        (lambda: depth_rate.chain_length(1, math.inf), "`q`"),
    ],
)
def test_bad_input(call: object, says: str) -> None:
    with pytest.raises(InputError, match=says):
        call()  # type: ignore[operator]
