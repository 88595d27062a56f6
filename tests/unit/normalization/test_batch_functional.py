"""Batch normalization's math: the chapter, torch, and NumPy must agree once their conventions are converted."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from steadygrad.errors import InputError
from steadygrad.normalization import functional as N

SHAPES = [(6, 3), (6, 3, 5), (4, 3, 5, 2), (3, 3, 2, 4, 2)]


def drawn(shape: tuple[int, ...], seed: int = 0, shift: float = 2.0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 3 + shift


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("training", [True, False])
def test_equals_torch(shape: tuple[int, ...], training: bool) -> None:
    x = drawn(shape)
    ours, theirs = (torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64) for _ in range(2))
    our_var, their_var = (torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64) for _ in range(2))
    weight, bias = drawn((3,), 1), drawn((3,), 2)
    y = N.batch_norm(x, ours, our_var, weight, bias, training, 0.3, 1e-3)
    expected = F.batch_norm(x, theirs, their_var, weight, bias, training, 0.3, 1e-3)
    torch.testing.assert_close(y, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(ours, theirs, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(our_var, their_var, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 5, 2)])
def test_chapter_by_numpy_and_converted_to_torch(shape: tuple[int, ...]) -> None:
    """Ten updates: the chapter's statistics from zeros, NumPy's loop, and torch's converted by m/(m − 1) and 1 − momentum."""
    gamma, beta = drawn((3,), 1), drawn((3,), 2)
    mean = var = torch.zeros(3, dtype=torch.float64)
    torch_mean, torch_var = torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    np_mean, np_var = np.zeros(3), np.zeros(3)
    axes = (0,) if len(shape) == 2 else (0, 2, 3)
    m = int(np.prod(shape)) // 3
    for step in range(10):
        x = drawn(shape, step)
        y, mean, var = N.chapter_batch_norm(x, gamma, beta, mean, var, 1e-12, 0.9, training=True)
        expected = F.batch_norm(x, torch_mean, torch_var, gamma, beta, True, N.convert_momentum(0.9, "old", "new"), 1e-12)
        np_mean = 0.9 * np_mean + 0.1 * x.numpy().mean(axes)
        np_var = 0.9 * np_var + 0.1 * x.numpy().var(axes)
        torch.testing.assert_close(y, expected, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(mean, np_mean, rtol=1e-12)
    np.testing.assert_allclose(var, np_var, rtol=1e-12)
    torch.testing.assert_close(mean, torch_mean, rtol=1e-12, atol=0)
    torch.testing.assert_close(N.convert_variance(var, m, "biased", "unbiased"), torch_var, rtol=1e-12, atol=0)
    torch.testing.assert_close(N.convert_variance(torch_var, m, "unbiased", "biased"), var, rtol=1e-12, atol=0)


def test_chapter_accepts_broadcast_shapes_and_writes_nothing_in_place() -> None:
    x, mean, var = drawn((4, 3, 5, 2)), torch.zeros(1, 3, 1, 1).double(), torch.zeros(1, 3, 1, 1).double()
    gamma, beta = torch.ones(1, 3, 1, 1).double(), torch.zeros(1, 3, 1, 1).double()
    y, new_mean, _ = N.chapter_batch_norm(x, gamma, beta, mean, var, 1e-12, 0.9, training=True)
    assert new_mean.shape == (1, 3, 1, 1)
    assert not mean.any()
    flat = N.chapter_batch_norm(x, gamma.flatten(), beta.flatten(), mean.flatten(), var.flatten(), 1e-12, 0.9, training=True)
    assert torch.equal(y, flat[0])
    assert torch.equal(new_mean.flatten(), flat[1])


def test_training_is_said_and_not_guessed_from_autograd() -> None:
    """d2l's torch tab asks torch.is_grad_enabled(): its eval under enabled gradients used batch statistics."""
    x, one, zero = drawn((8, 3)), torch.ones(3).double(), torch.zeros(3).double()
    with torch.no_grad():
        trained, mean, _ = N.chapter_batch_norm(x, one, zero, zero, one, 1e-12, 0.9, training=True)
    predicted, still, _ = N.chapter_batch_norm(x.requires_grad_(), one, zero, zero, one, 1e-12, 0.9, training=False)
    assert mean.abs().min() > 0 and still is zero
    torch.testing.assert_close(predicted, x)
    assert trained.mean().abs() < 1e-14


@pytest.mark.parametrize("variance", ["biased", "unbiased"])
def test_old_momentum_and_kept_variance(variance: str) -> None:
    x = drawn((5, 3))
    mean, var = torch.full((3,), 7.0).double(), torch.full((3,), 9.0).double()
    N.batch_norm(x, mean, var, training=True, momentum=0.75, momentum_of="old", variance=variance)
    ddof = int(variance == "unbiased")
    np.testing.assert_allclose(mean, 0.75 * 7 + 0.25 * x.numpy().mean(0), rtol=1e-14)
    np.testing.assert_allclose(var, 0.75 * 9 + 0.25 * x.numpy().var(0, ddof=ddof), rtol=1e-14)


def test_mean_only_and_variance_only() -> None:
    x = drawn((5, 3))
    a = x.numpy()
    np.testing.assert_allclose(N.batch_norm(x, training=True, normalize="mean"), a - a.mean(0), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(N.batch_norm(x, training=True, normalize="variance"), a / np.sqrt(a.var(0) + 1e-5), rtol=1e-13)


@pytest.mark.parametrize("normalize", ["both", "mean", "variance"])
def test_gradients(normalize: str) -> None:
    x, w, b = (drawn(s, i).requires_grad_() for i, s in enumerate([(4, 3, 2), (3,), (3,)]))
    assert torch.autograd.gradcheck(lambda x, w, b: N.batch_norm(x, None, None, w, b, True, normalize=normalize), (x, w, b))


def test_moments_merge_in_any_order_and_survive_a_large_mean() -> None:
    """E[x²] − E[x]² in float32 would lose the variance of 1 beside a mean of 1e4 (1e8 · 2⁻²⁴ ≈ 6)."""
    x = torch.randn(1000, 2, generator=torch.Generator().manual_seed(0)) + 1e4
    whole = x.double().var(0, correction=0)
    parts = [N.Moments.of(p) for p in x.split([1, 400, 99, 500])]
    for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
        total = parts[order[0]]
        for i in order[1:]:
            total = total.merge(parts[i])
        # deviations are known to eps·|mean| = 1e4·2⁻²³ ≈ 1.2e-3; their squares' sum moves by 2·σ·that, squared parts add
        torch.testing.assert_close(total.biased.double(), whole, rtol=3e-3, atol=0)
        assert int(total.count) == 1000
    empty = N.Moments.of(x[:0])
    assert torch.equal(parts[1].merge(empty).m2, parts[1].m2) and torch.equal(empty.merge(parts[1]).mean, parts[1].mean)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: N.batch_norm(x[:1], training=True), r"more than 1 value per statistic, got 1 .*\(1, 3\).*drop_last"),
        (lambda x: N.batch_norm(x, training=True, eps=0.0), r"`eps` must be a finite number > 0, got 0.0"),
        (lambda x: N.batch_norm(x, training=True, eps=float("nan")), r"`eps` .* got nan"),
        (lambda x: N.batch_norm(x, training=True, momentum=1.5), r"`momentum` must lie in \[0, 1\].*got 1.5"),
        (lambda x: N.batch_norm(x.long(), training=True), r"floating tensor, got torch.int64; call x.float"),
        (lambda x: N.batch_norm(x[0], training=True), r"2 to 5 axes .*got shape \(3,\)"),
        (lambda x: N.batch_norm([1.0], training=True), r"floating tensor, got list"),
        (lambda x: N.batch_norm(x, training=True, normalize="mode"), r"`normalize` must be one of .*got 'mode'"),
        (lambda x: N.chapter_batch_norm(x, x[0], x[0], x[0], x[0], -1.0, 0.9, training=True), r"`eps` .* got -1.0"),
        (lambda x: N.convert_momentum(None, "old", "new"), r"must be a number, got None"),
        (lambda x: N.convert_momentum(0.9, "older", "new"), r"`source` must be one of .*got 'older'"),
        (lambda x: N.convert_variance(x, 1, "biased", "unbiased"), r"at least 2 values, got count=1"),
    ],
)
def test_errors(call, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(torch.ones(4, 3))
