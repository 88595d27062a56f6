"""Glorot (Xavier): a compromise between keeping the signal forward and the gradient backward."""

import math

from steadygrad.randomness.law import Fans, Independent, normal, uniform
from steadygrad.schemes.scheme import Scheme, positive


class glorot_normal(Scheme):  # noqa: N801 - called like the function it is known as
    """Var[w] = gain²·2/(fan_in + fan_out): signals grow by 2·fan_in/(fan_in + fan_out) per layer, gradients by the rest.

    Keeps neither direction exactly unless fan_in = fan_out. Fails for rectifiers at gain 1, where each layer halves the
    signal. Source: Glorot & Bengio 2010, eq. 12.

    Example:
        >>> round(glorot_normal().law(Fans(256.0, 64.0)).std ** 2 * 256.0, 3)  # forward growth of a narrowing layer
        1.6
    """

    name = "glorot_normal"
    formula = "Var[w] = gain²·2/(fan_in + fan_out)"
    source = "Glorot & Bengio 2010, AISTATS, eq. 12"
    assumes = "an activation that is linear near 0 with slope 1/gain, zero biases, independent weights"
    fails = "rectifiers at gain 1 (each layer halves the signal); sharply changing widths; bounded activations far from 0"
    keeps = "mean"

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """N(0, std²)."""
        return normal(gain * math.sqrt(2.0 / positive(fans.fan_in + fans.fan_out, fans, self.name)))


class glorot_uniform(Scheme):  # noqa: N801
    """Uniform on ±gain·√(6/(fan_in + fan_out)); the same variance, promises and failures as `glorot_normal`.

    Source: Glorot & Bengio 2010, eq. 16.

    Example:
        >>> round(glorot_uniform().law(Fans(3.0, 3.0)).std, 6)
        0.57735
    """

    name = "glorot_uniform"
    formula = "w ~ U(−a, a), a = gain·√(6/(fan_in + fan_out))"
    source = "Glorot & Bengio 2010, AISTATS, eq. 16"
    assumes = glorot_normal.assumes
    fails = glorot_normal.fails
    keeps = "mean"

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """U(−a, a)."""
        bound = gain * math.sqrt(6.0 / positive(fans.fan_in + fans.fan_out, fans, self.name))
        return uniform(-bound, bound)
