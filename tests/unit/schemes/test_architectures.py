"""Schemes made for one architecture, in that architecture."""

import math

import numpy as np
import pytest
import torch

from steadygrad import schemes
from steadygrad.randomness.assembly import draw
from steadygrad.randomness.law import Fans


def weight(scheme: schemes.Scheme, out: int, inputs: int, name: str, gain: float = 1.0) -> torch.Tensor:
    return torch.from_numpy(draw(scheme.law(Fans(float(inputs), float(out)), gain), (out, inputs), name=name))


def test_siren_variances_follow_their_recursion() -> None:
    """Var of a sine's inputs: v ← 2·E[sin²(N(0, v))] = 1 − e^{−2v}, from 1 towards 0.797, at width 256 over 24 networks.

    One network's variance scatters by √(2/256) for each layer so far.
    """
    seen: list[list[float]] = []
    for seed in range(24):
        x = torch.rand(256, 2, generator=torch.Generator().manual_seed(seed)) * 2 - 1
        h = torch.sin(30.0 * x @ weight(schemes.siren_first(), 256, 2, f"{seed}.0").T)
        seen.append([])
        for layer in range(1, 7):
            z = 30.0 * h @ weight(schemes.siren_hidden(), 256, 256, f"{seed}.{layer}").T
            seen[-1].append(z.square().mean().item())
            h = torch.sin(z)
    start, *rest = np.mean(seen, axis=0)
    assert start == pytest.approx(1.0, abs=5 * math.sqrt(2 / 256 / 24))
    for layer, v in enumerate(rest, 1):
        start = 1.0 - math.exp(-2.0 * start)
        assert v == pytest.approx(start, rel=5 * math.sqrt(2 * (layer + 1) / 256 / 24))


@pytest.mark.parametrize(("scheme", "expected"), [(schemes.complex_glorot(), 2 * 300 / 500), (schemes.complex_he(), 1.0), (schemes.complex_he("fan_out"), 1.5)])
def test_complex_layers_keep_what_they_promise(scheme: schemes.Scheme, expected: float) -> None:
    """E|y|²/E|x|² = fan_in·E|w|² in a complex linear layer of 300 inputs and 200 outputs; modulus and phase as Trabelsi's."""
    w = torch.view_as_complex(torch.from_numpy(draw(scheme.law(Fans(300.0, 200.0)), (200, 300, 2), name="w")))
    x = torch.randn(256, 300, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    y = x @ w.T
    assert (y.abs().square().mean() / x.abs().square().mean()).item() == pytest.approx(expected, rel=5 * math.sqrt(1 / 200 + 1 / 256) / math.sqrt(200))
    sigma = scheme.law(Fans(300.0, 200.0)).std
    assert w.abs().mean().item() == pytest.approx(sigma * math.sqrt(math.pi / 2), rel=5 * 0.523 / math.sqrt(w.numel()))  # Rayleigh's mean
    assert w.angle().mean().item() == pytest.approx(0.0, abs=5 * math.pi / math.sqrt(3 * w.numel()))


@pytest.mark.parametrize(("out", "inputs"), [(400, 100), (200, 200), (50, 400)])
def test_spectral_norms_are_of_order_root_of_the_ratio(out: int, inputs: int) -> None:
    """σ·(√out + √in) over √(out/in) lies between 1 and 2, and the norm of a Gaussian matrix is within 10 % of the former."""
    w = weight(schemes.spectral(), out, inputs, "w")
    assert 0.9 <= torch.linalg.matrix_norm(w, 2).item() / math.sqrt(out / inputs) <= 2.1


def test_mup_output_shrinks_faster_than_he() -> None:
    he, mup = schemes.he_normal(), schemes.mup_output(64.0)
    for width, ratio in ((64.0, 1.0), (256.0, 0.5), (1024.0, 0.25)):
        fans = Fans(width, 10.0)
        assert mup.law(fans).std / he.law(fans).std == pytest.approx(ratio, rel=1e-14)


def test_gpt2_residual_stream_keeps_its_size() -> None:
    """2·L branches of variance 1/(2·L) each add 1, whatever L."""
    for layers in (2, 12, 96):
        std = schemes.gpt2_residual(layers, std=1.0).law(Fans(1.0, 1.0)).std
        assert 2 * layers * std**2 == pytest.approx(1.0, rel=1e-14)


def test_stable_branches_grow_by_less_than_e() -> None:
    for blocks in (1, 10, 1000):
        scale = schemes.stable_branch(blocks).law(Fans(1.0, 1.0)).mean
        assert 1.9 < (1 + scale**2) ** blocks < math.e


def test_lora_starts_at_zero_and_learns() -> None:
    a = weight(schemes.lora_a(), 4, 32, "a").requires_grad_()
    b = weight(schemes.lora_b(), 16, 4, "b").requires_grad_()
    y = torch.randn(8, 32, generator=torch.Generator().manual_seed(0)) @ a.T @ b.T
    y.backward(torch.ones_like(y))
    assert not y.any() and b.grad is not None and b.grad.abs().min() > 0.0


def test_prior_bias_is_a_probability() -> None:
    for probability in (0.01, 0.5, 0.9):
        assert 1 / (1 + np.exp(-schemes.prior_bias(probability).law(Fans(1.0, 1.0)).mean)) == pytest.approx(probability, rel=1e-12)
    assert np.exp(schemes.class_prior(80).law(Fans(1.0, 1.0)).mean) == pytest.approx(1 / 80, rel=1e-12)
