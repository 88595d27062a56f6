"""Variance scaling: any scale, any fan, any of three distributions."""

from math import sqrt

from steadygrad.randomness.law import Fans, Independent, normal, truncated_normal, uniform
from steadygrad.schemes.scheme import Scheme, above_zero, one_of, positive

MODES = ("fan_in", "fan_out", "fan_avg", "fan_geo_avg")
DISTRIBUTIONS = ("normal", "truncated_normal", "uniform")
KEEPS = {"fan_in": "signal", "fan_out": "gradient", "fan_avg": "mean", "fan_geo_avg": ""}


class variance_scaling(Scheme):  # noqa: N801 - called like the function it is known as
    """Var[w] = gain²·scale/fan, with fan = fan_in, fan_out, their arithmetic or their geometric mean.

    The scale multiplies the *variance*: scale 2 is gain √2. The truncated normal is cut at ±2 and widened so that the
    variance is exact after truncation. Switch transformers use scale 0.1 (Fedus et al. 2021, section 2.4).

    Args:
        scale: of the variance, positive.
        mode: "fan_in", "fan_out", "fan_avg" or "fan_geo_avg".
        distribution: "normal", "truncated_normal" or "uniform".

    Raises:
        InputError: scale not positive and finite, another mode or distribution.

    Example:
        >>> round(variance_scaling(2.0, "fan_geo_avg").law(Fans(4.0, 16.0)).std ** 2, 12)
        0.25
    """

    name = "variance_scaling"
    formula = "Var[w] = gain²·scale/fan"
    source = "Glorot & Bengio 2010; the family as in Keras VarianceScaling and jax.nn.initializers.variance_scaling (fan_geo_avg)"
    assumes = "independent weights, zero biases, gain·√scale = 1/√E[φ(z)²]"
    fails = "as `he_normal` and `glorot_normal`; fan_geo_avg keeps neither direction unless the fans agree"

    def __init__(self, scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal") -> None:
        self.scale = above_zero(scale, "scale", self.name)
        self.mode = one_of(mode, MODES, "mode", self.name)
        self.distribution = one_of(distribution, DISTRIBUTIONS, "distribution", self.name)
        self.keeps = KEEPS[mode] if scale == 1.0 else ""

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """The distribution of that variance."""
        n, m = positive(fans.fan_in, fans, self.name), positive(fans.fan_out, fans, self.name)
        fan = {"fan_in": n, "fan_out": m, "fan_avg": (n + m) / 2.0, "fan_geo_avg": sqrt(n * m)}[self.mode]
        std = gain * sqrt(self.scale / fan)
        if self.distribution == "uniform":
            return uniform(-sqrt(3.0) * std, sqrt(3.0) * std)
        return normal(std) if self.distribution == "normal" else truncated_normal(std, exact=True)

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """Every mode and every distribution once, and another scale."""
        modes = tuple(cls(1.0, mode) for mode in MODES)
        return (*modes, cls(1.0, "fan_in", "normal"), cls(1.0, "fan_avg", "uniform"), cls(0.1, "fan_in"))

