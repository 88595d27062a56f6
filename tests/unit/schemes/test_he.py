"""He: what each mode keeps, and its arguments."""

import math

import pytest
import torch

from steadygrad import schemes
from steadygrad.errors import InputError
from steadygrad.randomness.backends.numpy import draw
from steadygrad.randomness.law import Fans


@pytest.mark.parametrize("scheme", [schemes.he_normal, schemes.he_uniform])
def test_the_two_modes_keep_signal_and_gradient(scheme: type[schemes.he_normal]) -> None:
    fans = Fans(fan_in=784.0, fan_out=100.0)
    assert scheme().law(fans).std ** 2 * fans.fan_in == pytest.approx(1.0, rel=1e-14)
    assert scheme("fan_out").law(fans).std ** 2 * fans.fan_out == pytest.approx(1.0, rel=1e-14)
    assert repr(scheme("fan_out")) == f"{scheme.name}(mode='fan_out')"


def test_uniform_law_has_the_bound_of_the_formula() -> None:
    law = schemes.he_uniform().law(Fans(48.0, 1.0), math.sqrt(2.0))
    assert (law.kind, law.scale) == ("uniform", pytest.approx(math.sqrt(6.0 / 48.0), rel=1e-15))
    law = schemes.glorot_uniform().law(Fans(10.0, 14.0), 2.0)
    assert law.scale == pytest.approx(1.0, rel=1e-15)


def test_unknown_mode() -> None:
    with pytest.raises(InputError, match="`mode` of he_normal must be 'fan_in' or 'fan_out', got 'fan_avg'"):
        schemes.he_normal("fan_avg")


def test_deep_relu_network_keeps_its_signal() -> None:
    """10 layers of width 200, mean over 30 networks; per layer E[(|y|²/|x|²)²] = 1 + 5/n (Hanin 2018)."""
    n, depth, networks, seen = 200, 10, 30, []
    law = schemes.he_normal().law(Fans(n, n), math.sqrt(2.0))
    for seed in range(networks):
        x = torch.randn(n, generator=torch.Generator().manual_seed(seed))
        start = x.square().mean()
        for layer in range(depth):
            x = torch.from_numpy(draw(law, (n, n), name=f"layers.{layer}.weight", seed=seed)) @ x.relu() if layer else x
        seen.append((x.square().mean() / start).item())
    spread = math.sqrt((1.0 + 5.0 / n) ** (depth - 1) - 1.0)
    assert sum(seen) / networks == pytest.approx(1.0, abs=5.0 * spread / math.sqrt(networks))
