"""Widths that keep feature learning the same while the network grows."""

from math import sqrt

from steadygrad.randomness.law import Fans, Independent, normal
from steadygrad.schemes.scheme import Scheme, above_zero, positive


class spectral(Scheme):  # noqa: N801 - called like the functions they are known as
    """std = gain·min(1, √(fan_out/fan_in))/√fan_in: the spectral norm of the weight is of order √(fan_out/fan_in).

    For widening and square weights this is `lecun_normal`; a narrowing one, an output layer, is smaller. The learning
    rate's rule belongs to it: updates of the same spectral norm.

    Source: Yang, Simon & Bernstein 2023, arXiv:2310.17813, condition 1 and its parametrization.

    Example:
        >>> spectral().law(Fans(64.0, 16.0)).std * 8.0
        0.5
    """

    name = "spectral"
    formula = "Var[w] = gain²·min(1, fan_out/fan_in)/fan_in"
    source = "Yang, Simon & Bernstein 2023, arXiv:2310.17813, spectral condition"
    assumes = "dense weights; learning rates that follow the same condition"
    fails = "alone: without the learning-rate rule widths do not transfer"

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """The normal."""
        n, m = positive(fans.fan_in, fans, self.name), positive(fans.fan_out, fans, self.name)
        return normal(gain * sqrt(min(1.0, m / n) / n))


class mup_output(Scheme):  # noqa: N801
    """The output weight of the maximal update parametrization: variance base/fan_in², He's at the base width.

    Its hidden and input weights are `he_normal`'s, whose variance already falls like 1/fan_in. Zeros serve as well and
    spare the first step's noise.

    Args:
        base: fan_in of the base model, at which both agree.

    Source: Yang et al. 2022, arXiv:2203.03466, table 3 (output weights: variance 1/fan_in²).

    Example:
        >>> mup_output(64.0).law(Fans(256.0, 10.0)).std == (64.0**0.5) / 256.0
        True
    """

    name = "mup_output"
    formula = "Var[w] = gain²·base/fan_in²"
    source = "Yang et al. 2022, arXiv:2203.03466, table 3"
    assumes = "Adam or SGD with the learning-rate rules of the same table"
    fails = "alone: without the learning-rate rules widths do not transfer; tied embeddings, whose other use wants another scale"

    def __init__(self, base: float) -> None:
        self.base = above_zero(base, "base", self.name)

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """The normal."""
        return normal(gain * sqrt(self.base) / positive(fans.fan_in, fans, self.name))

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """A base of 64."""
        return (cls(64.0),)
