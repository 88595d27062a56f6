"""He (Kaiming): keeps the signal's second moment through rectifiers."""

import math

from steadygrad.randomness.law import Fans, Law, normal, uniform
from steadygrad.schemes.scheme import Scheme


class he_normal(Scheme):  # noqa: N801
    """Var[w] = gain²/fan_in; with gain = 1/√E[φ(z)²] (√2 for ReLU) the forward second moment stays.

    Assumes zero biases and independent zero-mean weights. The gradient's second moment changes by fan_out/fan_in per
    layer. Exact but unstable for GELU and SiLU, whose fixed point q = 1 repels.

    Source: He et al. 2015, arXiv:1502.01852, eq. 10.

    Example:
        >>> round(he_normal().law(Fans(128.0, 64.0), 2.0**0.5).std, 6)
        0.125
    """

    name = "he_normal"

    def law(self, fans: Fans, gain: float = 1.0) -> Law:
        """N(0, std²)."""
        return normal(gain / math.sqrt(fans.fan_in))


class he_uniform(Scheme):  # noqa: N801
    """Uniform on ±gain·√(3/fan_in); the same variance as `he_normal`.

    Source: He et al. 2015, arXiv:1502.01852, eq. 10, with a uniform law of that variance.

    Example:
        >>> round(he_uniform().law(Fans(128.0, 64.0), 2.0**0.5).std, 6)
        0.125
    """

    name = "he_uniform"

    def law(self, fans: Fans, gain: float = 1.0) -> Law:
        """U(−a, a)."""
        bound = gain * math.sqrt(3.0 / fans.fan_in)
        return uniform(-bound, bound)
