"""Pre- and post-norm streams, branches and DeepNorm against sampled blocks and closed forms."""

import math

import numpy as np
import pytest

from steadygrad.errors import InputError
from steadygrad.theory import activations
from steadygrad.theory.transformer import Branch, attention_branch, deepnorm, deepnorm_pair, feed_forward_branch, transformer_growth


@pytest.mark.slow
@pytest.mark.parametrize(("norm", "skip"), [("pre", 1.0), ("post", 1.0), ("post", 1.7)])
def test_sampled_feed_forward_streams(norm: str, skip: float) -> None:
    """GELU branches at width 300, hidden 600, 8 blocks, 24 networks; five standard errors and 5·depth/width."""
    rng, phi, n, depth, first, second = np.random.default_rng(3), activations.get("gelu"), 300, 8, 2.0, 1.5
    theory = transformer_growth(depth, feed_forward_branch(phi, first, second), norm=norm, skip=skip)
    lengths, growth = [], []
    for _ in range(24):
        x, v = rng.normal(size=n), rng.normal(size=n)
        x /= math.sqrt(np.mean(x**2))
        start = v @ v
        for _ in range(depth):
            w1 = rng.normal(scale=math.sqrt(first / n), size=(2 * n, n))
            w2 = rng.normal(scale=math.sqrt(second / (2 * n)), size=(n, 2 * n))
            scale = math.sqrt(np.mean(x**2)) if norm == "pre" else 1.0
            unit = x / scale
            inner = (v - unit * (unit @ v) / n) / scale if norm == "pre" else v
            h = w1 @ unit
            v = skip * v + w2 @ (phi.derivative(h) * (w1 @ inner))
            x = skip * x + w2 @ phi.phi(h)
            if norm == "post":
                scale = math.sqrt(np.mean(x**2))
                x /= scale
                v = (v - x * (x @ v) / n) / scale
        lengths.append(np.mean(x**2))
        growth.append(v @ v / start)
    for seen, value in ((lengths, theory.lengths[-1]), (growth, np.prod(theory.growth))):
        assert np.mean(seen) == pytest.approx(value, abs=5.0 * np.std(seen) / math.sqrt(24) + 5.0 * value * depth / n)


def test_pre_norm_gradients_are_a_power_of_depth() -> None:
    """Π (1 + s/(1 + l·v)) = Γ(L + (1+s)/v)·Γ(1/v)/(Γ((1+s)/v)·Γ(L + 1/v)) ~ L^{s/v}."""
    v, s, depth = 0.5, 0.8, 200
    found = np.log(transformer_growth(depth, Branch(v, s)).growth).sum()
    exact = math.lgamma(depth + (1 + s) / v) + math.lgamma(1 / v) - math.lgamma((1 + s) / v) - math.lgamma(depth + 1 / v)
    assert found == pytest.approx(exact, rel=1e-12)


def test_post_norm_is_exponential_and_deepnorm_slows_it() -> None:
    branch = feed_forward_branch(activations.get("tanh"), 4.0, 1.0)
    plain = np.log(transformer_growth(200, branch, norm="post").growth).sum()
    alpha, beta = deepnorm(100)
    quiet = feed_forward_branch(activations.get("tanh"), 4.0 * beta**2, beta**2)
    assert plain == pytest.approx(200 * math.log((1 + branch.slope) / (1 + branch.variance)), rel=1e-12)
    assert abs(np.log(transformer_growth(200, quiet, norm="post", skip=alpha).growth).sum()) < 0.01 * abs(plain)


def test_streams_without_a_norm_double() -> None:
    assert transformer_growth(10, Branch(1.0, 1.0), norm="none").lengths[-1] == 1024.0


def test_attention_averages() -> None:
    """Uniform attention over 16 tokens of correlation 0.3: variance of a token's output; 4000 draws of variance 2 each."""
    rng, tokens, c = np.random.default_rng(8), 16, 0.3
    shared, own = rng.normal(size=(4000, 1)), rng.normal(size=(4000, tokens))
    outputs = (math.sqrt(c) * shared + math.sqrt(1.0 - c) * own).mean(axis=1)
    expected = attention_branch(tokens, correlation=c).variance
    assert np.mean(outputs**2) == pytest.approx(expected, rel=5.0 * math.sqrt(2.0 / 4000))
    assert attention_branch(1, 2.0) == Branch(2.0, 2.0)


def test_deepnorm_as_published() -> None:
    assert deepnorm(1000) == pytest.approx((6.6874, 0.10574), abs=0.5e-4)
    encoder, decoder = deepnorm_pair(18, 6)
    assert encoder == pytest.approx((0.81 * (18**4 * 6) ** 0.0625, (18**4 * 6) ** -0.0625 / 1.15), rel=1e-14)
    assert decoder == pytest.approx((18.0**0.25, 72.0**-0.25), rel=1e-14)


def test_bad_arguments() -> None:
    with pytest.raises(InputError, match="`norm` must be one of pre, post, none, got 'sandwich'"):
        transformer_growth(2, Branch(1.0, 1.0), norm="sandwich")
    with pytest.raises(InputError, match="`depth` must be .* got 0"):
        deepnorm(0)
    with pytest.raises(InputError, match=r"`tokens` must be at least 1 and correlations in \[0, 1\], got 0, 0.0 and 0.0"):
        attention_branch(0)
    with pytest.raises(InputError, match="got -1.0 and 0.0"):
        feed_forward_branch(activations.get("relu"), -1.0)
    with pytest.raises(InputError, match=r"`branch` must have a finite variance and slope of at least 0, got \(-1.0, 1.0\)"):
        transformer_growth(2, Branch(-1.0, 1.0))
    with pytest.raises(InputError, match="`skip` must be finite, got inf"):
        transformer_growth(2, Branch(1.0, 1.0), skip=float("inf"))
