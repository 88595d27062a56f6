"""Complex tensors: schemes keep their promises there too, and what is not random is real."""

import pytest
import torch

from steadygrad import schemes
from steadygrad.drawing import draw_
from steadygrad.randomness import Fans, blocks, constant, normal

SHAPE = (128, 256)


@pytest.mark.parametrize(("scheme", "fan"), [("he_normal", 256), ("glorot_uniform", 192), ("complex_he", 256), ("complex_glorot", 192), ("lecun_normal", 256)])
def test_power_of_a_complex_weight(scheme: str, fan: int) -> None:
    """E|w|² = 1/fan; the mean of 65536 squares of variance at most 2σ⁴ each lies within 5·√2/256 = 2.8 %."""
    weight = draw_(torch.empty(*SHAPE, dtype=torch.complex64), scheme, name="w")
    assert fan * weight.abs().square().mean().item() == pytest.approx(1.0, rel=0.028)
    given = draw_(torch.empty(*SHAPE, dtype=torch.complex64), scheme, name="w", fans=Fans(256.0, 128.0))
    assert torch.equal(weight, given)


@pytest.mark.parametrize("scheme", ["ones", "identity", "zer_o", "bilinear", schemes.given([[2.0, 3.0], [4.0, 5.0]]), blocks(constant(1.0), constant(2.0))], ids=str)
def test_what_is_not_random_is_real(scheme) -> None:
    size = (2, 2, 3, 3) if scheme == "bilinear" else (2, 2)
    drawn, plain = draw_(torch.empty(size, dtype=torch.complex64), scheme, name="w"), draw_(torch.empty(size), scheme, name="w")
    assert torch.equal(drawn.real, plain) and not drawn.imag.any()


def test_a_random_part_makes_both_random() -> None:
    drawn = draw_(torch.empty(4, 2, dtype=torch.complex64), blocks(constant(1.0), normal(1.0)), name="w")
    assert drawn.imag[2:].any()
