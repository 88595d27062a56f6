"""One test for each line of docs/pages/errata.md: what the chapters print, and what holds."""

import math
import re
from pathlib import Path

import pytest
import torch
from torch import nn

from steadygrad import draw_
from steadygrad.lab.plain import gaussian, log_factor, plain
from steadygrad.normalization import BatchNorm
from steadygrad.normalization.functional.batch import chapter_batch_norm
from steadygrad.randomness import uniform
from steadygrad.schemes import constant, glorot_normal, he_normal, lecun_normal, orthogonal
from steadygrad.theory import activations, maps
from steadygrad.theory.lyapunov import gaussian_log_growth

PAGE = Path(__file__).parents[3] / "docs" / "pages" / "errata.md"


def test_the_sigmoid_is_a_reciprocal() -> None:
    """000 prints (1 + exp(−x)): at 0 that is 2, and it falls; the sigmoid is ½ there and rises."""
    printed = lambda x: 1.0 + math.exp(-x)  # noqa: E731
    assert printed(0.0) == 2.0 and printed(1.0) < printed(0.0)
    for x in (-3.0, 0.0, 2.0):
        assert math.isclose(1.0 / printed(x), float(torch.sigmoid(torch.tensor(x, dtype=torch.float64))), rel_tol=1e-15)


@pytest.mark.parametrize("depth", [1000, 10_000])
def test_ten_thousand_layers_not_one_thousand(depth: int) -> None:
    """004 prints 1000 where the paper and 001 have 10,000. With critical orthogonal weights (q* = 1/L) a gradient survives either.

    Tolerance: log norms of tanh orthogonal layers spread by L·(E[φ′⁴]/E[φ′²]² − 1) < L·2q*² < 1 %; [0.9, 1.1] is far outside.
    """
    point = maps.critical_point(activations.get("tanh"), 1.0 / depth)
    width, few = 32, 20
    weights = [draw_(torch.empty(width, width, dtype=torch.float64), orthogonal(), name=f"w{k}", gain=point.weight_variance**0.5) for k in range(few)]
    biases = [gaussian(width, name=f"b{k}", seed=0, std=point.bias_variance**0.5) for k in range(few)]
    h, slopes = gaussian(width, name="x", seed=0, std=point.q**0.5), []
    for k in range(depth):
        h = torch.tanh(weights[k % few] @ h + biases[k % few])
        slopes.append(1.0 - h.square())
    g = start = gaussian(width, name="g", seed=0)
    for k in reversed(range(depth)):
        g = weights[k % few].T @ (slopes[k] * g)
    ratio = float(g.norm() / start.norm())
    assert 0.3 < ratio < 3.0, ratio


def test_gradients_of_equal_units_are_equal_by_row_not_by_element() -> None:
    """001 and 004: 'a gradient whose elements all take the same value'. Rows are equal; a row follows the inputs."""
    x, y = gaussian(5, 3, name="x", seed=0), gaussian(5, 1, name="y", seed=0)
    model = plain([3, 2, 1], nn.Tanh, constant(0.3), seed=0, dtype=torch.float64)
    (g,) = torch.autograd.grad((model(x) - y).square().mean(), [model[0].weight])
    assert (g[0] - g[1]).abs().max() <= 1e-14  # some eps: kernels sum rows in different orders
    assert (g[0] - g[0, 0]).abs().max() > 1e-3


def test_equal_hidden_weights_need_equal_output_weights_too() -> None:
    """000 and 001 set only the hidden layer to c: with random output weights the units get different gradients."""
    x, y = gaussian(5, 3, name="x", seed=0), gaussian(5, 1, name="y", seed=0)
    model = plain([3, 2, 1], nn.Tanh, glorot_normal(), seed=0, dtype=torch.float64)
    nn.init.constant_(model[0].weight, 0.3)
    (g,) = torch.autograd.grad((model(x) - y).square().mean(), [model[0].weight])
    assert (g[0] - g[1]).abs().max() > 1e-3


def test_dropout_must_sit_on_the_hidden_units() -> None:
    """'Dropout would break the symmetry': on the inputs it does not."""
    for place, least, most in ((0, 0.0, 1e-14), (2, 1e-3, 1.0)):  # 16 products of about 0.1 each: some eps, as kernels sum rows in different orders
        torch.manual_seed(0)
        layers = list(plain([3, 2, 1], nn.Tanh, constant(0.3), seed=0, dtype=torch.float64))
        layers.insert(place, nn.Dropout(0.5))
        x, y = gaussian(16, 3, name="x", seed=0), gaussian(16, 1, name="y", seed=0)
        (g,) = torch.autograd.grad((nn.Sequential(*layers)(x) - y).square().mean(), [next(m for m in layers if isinstance(m, nn.Linear)).weight])
        assert least <= (g[0] - g[1]).abs().max() <= most


def test_one_hundred_matrices_are_one_hundred_and_one_factors() -> None:
    """The initial matrix is one more: 0.24 powers of ten."""
    assert math.isclose((gaussian_log_growth([4] * 101) - gaussian_log_growth([4] * 100)) / math.log(10.0), 0.2423, abs_tol=1e-4)


def test_eigenvalues_of_the_factors_bound_nothing() -> None:
    """The matrices M are not symmetric: their singular values count. Two matrices without a nonzero eigenvalue, with a product of eigenvalue 1."""
    up = torch.tensor([[0.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
    assert float(torch.linalg.eigvals(up).abs().max()) == 0.0 == float(torch.linalg.eigvals(up.T).abs().max())
    assert float(torch.linalg.eigvals(up @ up.T).abs().max()) == 1.0
    assert float(torch.linalg.svdvals(up)[0]) == 1.0


@pytest.mark.parametrize("t", [1, 2, 3])
def test_the_gradient_has_d_minus_t_jacobians(t: int) -> None:
    """000 writes M_d ⋯ M_t, which are d − t + 1; with h^(t+1) = f_t(h^t) it is M_d ⋯ M_{t+1} times ∂h^(t+1)/∂W_t."""
    d, n = 3, 4
    weights = [gaussian(n, n, name=f"w{k}", seed=0) for k in range(d)]

    def from_layer(h: torch.Tensor, first: int) -> torch.Tensor:
        for k in range(first, d):
            h = torch.tanh(weights[k] @ h)
        return h

    states = [gaussian(n, name="x", seed=0)]
    for w in weights:
        states.append(torch.tanh(w @ states[-1]))
    factors = [torch.autograd.functional.jacobian(lambda h, k=k: torch.tanh(weights[k] @ h), states[k]) for k in range(t, d)]
    product = torch.eye(n, dtype=torch.float64)
    for m in factors:
        product = m @ product
    v = torch.autograd.functional.jacobian(lambda w: torch.tanh(w @ states[t - 1]), weights[t - 1]).reshape(n, -1)
    whole = torch.autograd.functional.jacobian(lambda w: from_layer(torch.tanh(w @ states[t - 1]), t), weights[t - 1]).reshape(n, -1)
    assert len(factors) == d - t
    torch.testing.assert_close(product @ v, whole, rtol=1e-12, atol=1e-14)


def test_logs_move_the_exponent_into_the_mantissa() -> None:
    """'Shifting pressure from the mantissa to the exponent' is the wrong way round: it is the exponent that runs out in a product."""
    factors = torch.full((1000,), 0.1)
    assert float(factors.prod()) == 0.0 and torch.finfo(torch.float32).tiny > 1e-38
    assert math.isclose(float(factors.log().sum()), 1000.0 * math.log(0.1), rel_tol=1000 * 2.0**-24)
    assert math.frexp(float(factors.log().sum()))[1] == 12  # an exponent of 12 holds what needed one of −3322


def test_small_inputs_mean_large_negative_ones() -> None:
    """'The gradient vanishes both when inputs are large and when they are small': at small ones, near 0, it is largest."""
    slope = activations.get("sigmoid").derivative([-8.0, 0.0, 8.0])
    assert slope[1] == 0.25 and max(slope[0], slope[2]) < 4e-4


def test_xavier_keeps_neither_variance_unless_layers_are_square() -> None:
    """The summary's 'not affected by the number of inputs': the output's variance is 2n_in/(n_in + n_out) of the input's. 4 standard errors."""
    for n_in, factor in ((256, 1.6), (64, 1.0), (16, 0.4)):
        w = torch.cat([plain([n_in, 64], None, glorot_normal(), seed=s, bias=False, dtype=torch.float64)[0].weight.detach() for s in range(20)])
        x = gaussian(n_in, name="x", seed=0)
        measured = float((w @ x).square().mean() / x.square().mean())
        assert abs(measured - factor) < 4 * factor * math.sqrt(2.0 / (64 * 20))


def test_the_variance_of_a_uniform_law() -> None:
    """004 lost the number in 'has variance a²/3'. 4 standard errors: E[x⁴]/E[x²]² − 1 = 4/5."""
    a, n = 0.7, 100_000
    w = draw_(torch.empty(n, dtype=torch.float64), uniform(-a, a), name="w")
    assert abs(float(w.square().mean()) - a * a / 3.0) < 4 * a * a / 3.0 * math.sqrt(0.8 / n)


def test_the_slope_at_14_15() -> None:
    """002 prints 7.08e-7; σ′(14.15) = 7.157e-7, and 7.088e-7 comes of rounding σ to ten digits."""
    exact = 1.0 / (4.0 * math.cosh(14.15 / 2.0) ** 2)
    assert f"{exact:.3e}" == "7.157e-07"
    assert f"{0.9999992912 * (1.0 - 0.9999992912):.3e}" == "7.088e-07"
    assert f"{1.0 / (4.0 * math.cosh(14.16 / 2.0) ** 2):.2e}" == "7.09e-07"


def test_a_layer_passes_at_most_a_quarter_times_its_weight() -> None:
    """002: 'each layer reduces the gradient by at least 1/4'. It passes at most w/4: a quarter at w = 1, twice at w = 8."""
    for w, factor in ((1.0, 0.25), (8.0, 2.0)):
        x = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(torch.sigmoid(w * x - w / 2.0), x)
        assert float(slope) == factor


def test_seven_percent_are_left_at_the_border() -> None:
    """000 and 002: outside [−4, 4] the slope 'tends to 0'; at the border 7 % of its maximum is left."""
    assert math.isclose(float(activations.get("sigmoid").derivative([4.0])[0]) / 0.25, 0.0706508, abs_tol=1e-7)


def test_xavier_does_not_suit_the_sigmoid() -> None:
    """002 recommends Xavier for sigmoids: squared gradients shrink 18-fold per layer. They are critical only at σ_w² = 103."""
    sigmoid = activations.get("sigmoid")
    assert math.isclose(maps.chi_1(sigmoid, 1.0), 0.0557, abs_tol=5e-5)
    assert maps.chi_1(sigmoid, 102.5) < 1.0 < maps.chi_1(sigmoid, 103.5)
    measured = log_factor(nn.Sigmoid, lecun_normal(), width=64, depth=12, seeds=4, seed=0)
    assert abs(measured - math.log(0.0557)) < 4 * math.sqrt(1.2 * 2.1 / (64 * 8 * 4)) + 2.1 / 64


def test_scale_starts_at_one_and_shift_at_zero() -> None:
    """003's comment swaps them: with γ = 0 a layer would put out β alone, and nothing before it would learn."""
    layer = BatchNorm(3)
    assert layer.weight.tolist() == [1.0] * 3 and layer.bias.tolist() == [0.0] * 3
    x = gaussian(8, 3, name="x", seed=0).requires_grad_(True)
    swapped = torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    y, _, _ = chapter_batch_norm(x, *swapped, *swapped, 1e-5, 0.9, training=True)
    (g,) = torch.autograd.grad(y.square().sum(), x)
    assert torch.equal(y, torch.ones_like(y)) and float(g.abs().max()) == 0.0


def test_the_hat_is_a_standard_deviation() -> None:
    """003 divides by σ̂ and calls it a variance. Divided by the variance, the output's variance would be 1/σ²."""
    x = 3.0 * gaussian(4096, 1, name="x", seed=0)
    one, zero = torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    y, _, _ = chapter_batch_norm(x, one, zero, zero, one, 1e-5, 0.9, training=True)
    v = float(x.var(correction=0))
    assert float(y.var(correction=0)) == pytest.approx(v / (v + 1e-5), rel=1e-12)
    assert float(((x - x.mean()) / v).var(correction=0)) == pytest.approx(1.0 / v, rel=1e-12)


def test_a_moving_variance_of_zero_is_a_gain_of_a_million() -> None:
    """003 starts it at 0 with eps = 1e-12: an untrained layer in eval mode multiplies by 10⁶; started at 1 it is the identity."""
    x, one, zero = gaussian(8, 3, name="x", seed=0), torch.ones(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    printed, _, _ = chapter_batch_norm(x, one, zero, zero, zero, 1e-12, 0.9, training=False)
    assert torch.allclose(printed, 1e6 * x, rtol=1e-12)
    assert torch.allclose(BatchNorm(3, 1e-12).double().eval()(x), x, rtol=1e-12)


def test_momentum_is_the_weight_of_the_old_value() -> None:
    """003's 0.9 in torch's convention would forget all but a tenth of the past at every batch."""
    x = gaussian(16, 2, name="x", seed=0)
    one, zero = torch.ones(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    _, mean, var = chapter_batch_norm(x, one, zero, zero, one, 1e-5, 0.9, training=True)
    for momentum, same in ((0.1, True), (0.9, False)):
        layer = nn.BatchNorm1d(2, momentum=momentum).double()
        layer(x)
        biased = (layer.running_var - (1.0 - momentum)) * 15 / 16 + (1.0 - momentum)
        assert torch.allclose(layer.running_mean, mean, rtol=1e-12) is same and torch.allclose(biased, var, rtol=1e-12) is same


def test_two_eps_are_two_functions() -> None:
    """003's implementations use 1e-12 and 1e-5: equal to 1e-5 at variance 1, 29 % apart at a variance of 1e-5."""
    x = gaussian(4096, 1, name="x", seed=0)
    for scale, apart in ((1.0, 0.5e-5), (math.sqrt(1e-5), 1.0 - math.sqrt(0.5))):
        small, large = (float(BatchNorm(1, eps).double()(scale * x).detach().std()) for eps in (1e-12, 1e-5))
        assert 1.0 - large / small == pytest.approx(apart, rel=0.1)  # the sample's variance is within 4·√(2/4096) = 9 % of 1
    assert torch.tensor(1.0) + 1e-12 == torch.tensor(1.0)


def test_gradients_may_grow_where_signals_cannot() -> None:
    """003's summary. Twenty layers at batch 256, width 256: signals have variance 1 throughout, squared gradients grow by more than 1.3 per layer."""
    linear = plain([256] * 21, None, he_normal(), seed=0, bias=False, dtype=torch.float64)
    h, seen = gaussian(256, 256, name="x", seed=0), []
    for layer in linear:
        z = nn.functional.batch_norm(layer(h), None, None, training=True)
        seen.append(z)
        h = torch.relu(z)
    gradients = torch.autograd.grad((h * gaussian(256, 256, name="g", seed=0)).sum(), seen)
    assert all(abs(float(z.detach().var(correction=0)) - 1.0) < 1e-3 for z in seen)
    # log of the growth over 18 layers is a walk of variance 5/256 per layer: 4σ = 2.4, and log 1.467 · 18 = 6.9
    assert math.log(float(gradients[1].square().mean() / gradients[-1].square().mean())) > 18 * math.log(1.467) - 2.4


def test_the_chinese_word_for_gradient() -> None:
    """004 has 渐变, a colour gradient, and 分解渐变, 'decomposed', for exploding ones; the glossary has 梯度 and 梯度爆炸."""
    glossary = (PAGE.parent / "glossary.md").read_text(encoding="utf-8")
    assert "梯度" in glossary and "梯度爆炸" in glossary and "渐变" not in glossary


def test_every_line_has_its_test() -> None:
    named = re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8"))
    here = {name for name in globals() if name.startswith("test_")} - {"test_every_line_has_its_test"}
    assert set(named) == here and len(named) == len(set(named))
