"""LeCun: variance 1/fan_in; and what PyTorch's layers do by default, a third of it."""

from math import sqrt

from steadygrad.randomness.law import Fans, Independent, normal, uniform
from steadygrad.schemes.scheme import Scheme, positive


class lecun_normal(Scheme):  # noqa: N801 - called like the function it is known as
    """Var[w] = gain²/fan_in: the signal of a linear, or at gain 1 a self-normalising (SELU), layer stays.

    The same law as `he_normal()`; the name promises gain 1. Source: LeCun et al. 1998, Efficient BackProp, eq. 16;
    Klambauer et al. 2017, arXiv:1706.02515, for SELU.

    Example:
        >>> lecun_normal().law(Fans(64.0, 32.0)).std
        0.125
    """

    name = "lecun_normal"
    formula = "Var[w] = gain²/fan_in"
    source = "LeCun, Bottou, Orr & Müller 1998, Efficient BackProp, eq. 16"
    assumes = "inputs of unit second moment, and an activation near 1: linear, SELU, LeCun's 1.7159·tanh(2x/3)"
    fails = "rectifiers at gain 1: each layer halves the signal"
    keeps = "signal"

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """N(0, gain²/fan_in)."""
        return normal(gain / sqrt(positive(fans.fan_in, fans, self.name)))


class lecun_uniform(lecun_normal):  # noqa: N801
    """Uniform on ±gain·√(3/fan_in); the same variance.

    Example:
        >>> lecun_uniform().law(Fans(3.0, 1.0)).scale
        1.0
    """

    name = "lecun_uniform"
    formula = "w ~ U(−a, a), a = gain·√(3/fan_in)"

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """U(−a, a)."""
        bound = gain * sqrt(3.0 / positive(fans.fan_in, fans, self.name))
        return uniform(-bound, bound)


class torch_default(Scheme):  # noqa: N801
    """U(±1/√fan_in), variance 1/(3·fan_in): weights *and* biases of torch.nn.Linear and torch.nn.Conv*.

    Written kaiming_uniform_(a=√5) in PyTorch's source, where √5 is chosen to give this historic bound; no activation has
    that slope. A ReLU layer keeps a sixth of the second moment, so a deep plain network hears its biases only.

    Source: torch.nn.Linear.reset_parameters.

    Example:
        >>> round(torch_default().law(Fans(100.0, 10.0)).scale, 12)
        0.1
    """

    name = "torch_default"
    formula = "w ~ U(−a, a), a = gain/√fan_in"
    source = "torch.nn.Linear.reset_parameters and torch.nn.Conv2d.reset_parameters, PyTorch 2.13"
    assumes = "few layers, or normalization after each"
    fails = "depth: a linear layer keeps 1/3, a ReLU layer 1/6 of the second moment"

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """U(−a, a)."""
        bound = gain / sqrt(positive(fans.fan_in, fans, self.name))
        return uniform(-bound, bound)
