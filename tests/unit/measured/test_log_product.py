"""Products in logarithms: against plain products, exact arithmetic, and each other."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import torch

from steadygrad.errors import InputError
from steadygrad.lab.plain import gaussian
from steadygrad.measured import exponents, log_product, log_singular_values
from steadygrad.measured.compound import compound
from steadygrad.measured.log_product import rescaled
from steadygrad.theory.digamma import trigamma
from steadygrad.theory.lyapunov import gaussian_exponents, gaussian_log_growth

EPS = 2.0**-52


def test_within_range_it_is_the_plain_product_bit_for_bit() -> None:
    shapes = [(5, 7), (3, 5), (6, 3), (2, 6)]
    factors = [gaussian(*shape, name=f"f{k}", seed=0) for k, shape in enumerate(shapes)]
    plain = factors[3] @ (factors[2] @ (factors[1] @ factors[0]))
    assert torch.equal(log_product(factors).value(), plain)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("power", [-2000, -140, -20, 0, 20, 2000])
def test_exponents_are_exact(dtype: torch.dtype, power: int) -> None:
    made = rescaled(torch.tensor([[1.5, -0.25]], dtype=dtype), power)
    assert made.exponent == power and torch.equal(made.mantissa, torch.tensor([[1.5, -0.25]], dtype=dtype))
    smallest = torch.tensor([[torch.finfo(dtype).smallest_normal / 4.0]], dtype=dtype)  # subnormal
    assert rescaled(smallest).mantissa.item() == 1.0 and rescaled(smallest).exponent == round(math.log2(torch.finfo(dtype).smallest_normal)) - 2
    assert made.log_norm == pytest.approx(math.log(math.hypot(1.5, 0.25)) + power * math.log(2.0), abs=1e-12 + 4 * EPS * abs(power))


def test_a_hundred_thousand_factors_against_the_closed_form() -> None:
    quarter = torch.full((100_000, 1, 1), 0.25)
    assert log_product(quarter).log_norm == pytest.approx(-200_000 * math.log(2.0), rel=4 * EPS)
    assert log_product(quarter).mantissa.item() == 1.0
    naive = quarter[0]
    for factor in quarter[1:200]:
        naive = factor @ naive
    assert naive.item() == 0.0


def test_gaussian_products_grow_as_predicted() -> None:
    length, width = 10_000, 4
    drawn = gaussian(length, width, width, name="f", seed=1)
    grown = log_product(drawn).log_norm
    spread = 0.5 * math.sqrt(trigamma(width / 2.0) * length)
    assert abs(grown - gaussian_log_growth([width] * length)) < 4 * spread + math.log(width)
    found, exact = exponents(drawn), gaussian_exponents(width)
    for i in range(width):  # log χ²_{n−i} has variance ψ′((n − i)/2)/4 per factor
        assert abs(float(found[i]) - exact[i]) < 4 * 0.5 * math.sqrt(trigamma((width - i) / 2.0) / length)


def test_all_singular_values_by_compounds_by_sweeps_and_in_many_digits() -> None:
    drawn = gaussian(40, 3, 3, name="f", seed=2)
    by_compounds = log_singular_values(drawn)
    by_sweeps = log_singular_values(list(drawn))
    with mpmath.workdps(80):
        whole = mpmath.matrix(drawn[0].tolist())
        for factor in drawn[1:]:
            whole = mpmath.matrix(factor.tolist()) * whole
        exact = [float(mpmath.log(s)) for s in mpmath.svd_r(whole, compute_uv=False)]
    assert by_compounds.tolist() == pytest.approx(exact, abs=1e-9)
    assert by_sweeps.tolist() == pytest.approx(exact, abs=1e-7)
    assert float(torch.linalg.svdvals(log_product(drawn).value())[-1].log()) - exact[-1] > 1.0  # the plain product has lost it


def test_rectangles_and_rank() -> None:
    factors = [gaussian(*shape, name=f"f{k}", seed=3) for k, shape in enumerate([(8, 5), (3, 8), (9, 3)])]
    plain = torch.linalg.svdvals(factors[2] @ factors[1] @ factors[0])
    found = log_singular_values(factors)
    assert found[:3].exp().tolist() == pytest.approx(plain[:3].tolist(), rel=1e-9)
    assert all(v < math.log(EPS) + float(found[0]) + math.log(100) for v in found[3:].tolist())
    assert log_singular_values([torch.zeros(2, 2), torch.eye(2)]).tolist() == [-math.inf] * 2
    assert log_product([torch.zeros(2, 2), torch.eye(2)]).log_norm == -math.inf


def test_isometric_products_stay_isometric() -> None:
    q = torch.linalg.qr(gaussian(300, 6, 6, name="q", seed=4)).Q
    assert float(log_singular_values(q).abs().max()) < 300 * 6 * 4 * EPS
    assert float(log_singular_values(1e-5 * q).sub(300 * math.log(1e-5)).abs().max()) < 300 * 40 * EPS


@pytest.mark.parametrize(("n", "order"), [(2, 2), (3, 2), (4, 2), (4, 3), (5, 4), (5, 5)])
def test_compounds_are_minors_and_multiply(n: int, order: int) -> None:
    a, b = gaussian(2, n, n, name="ab", seed=5)
    assert compound(a, order)[0, -1].item() == pytest.approx(torch.linalg.det(a[:order, -order:]).item(), abs=64 * EPS * float(a.abs().max()) ** order * 24)
    scale = float(compound(a, order).norm() * compound(b, order).norm())
    assert torch.allclose(compound(a @ b, order), compound(a, order) @ compound(b, order), rtol=0, atol=1e3 * EPS * scale)


def test_compound_of_integers_is_exact() -> None:
    a = torch.tensor([[2.0, -1.0, 3.0], [0.0, 5.0, 1.0], [4.0, 2.0, -2.0]], dtype=torch.float64)
    assert Fraction(compound(a, 3).item()) == 2 * (5 * -2 - 1 * 2) - (-1) * (0 * -2 - 1 * 4) + 3 * (0 * 2 - 5 * 4)


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ([], "at least one matrix, got none"),
        (torch.zeros(3, 2, 4), r"`factors` must be \(L, n, n\).*\(3, 2, 4\)"),
        ([torch.eye(2), torch.eye(3)], r"`factors\[1\]` must be a matrix with 2 columns.*\(3, 3\)"),
        ([torch.eye(2), torch.full((2, 2), math.nan)], r"`factors\[1\]` must be finite"),
        (torch.full((5, 2, 2), math.inf), r"`factors\[0\]` must be finite"),
        (torch.ones(3, 2, 2, dtype=torch.int64), "must be tensors of floats.*got torch.int64; torch.as_tensor"),
        (np.ones((3, 2, 2)), "must be tensors of floats.*got ndarray"),
    ],
)
def test_bad_factors(factors: torch.Tensor, message: str) -> None:
    with pytest.raises(InputError, match=message):
        log_product(factors)


def test_bad_orders() -> None:
    with pytest.raises(InputError, match="`order` in 1 … n"):
        compound(torch.eye(3), 4)
    with pytest.raises(InputError, match="`top` must be from 1 to 2, the inputs of the first factor, got 3"):
        exponents(torch.eye(2)[None], top=3)
    assert exponents(torch.diag(torch.tensor([8.0, 2.0, 1.0])).expand(10, 3, 3), top=1).tolist() == pytest.approx([math.log(8.0)])
