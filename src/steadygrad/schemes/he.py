"""He (Kaiming): keeps the second moment of the signal, or of the gradient, exactly."""

from math import sqrt

from steadygrad.randomness.law import Fans, Independent, normal, uniform
from steadygrad.schemes.scheme import Scheme, one_of, positive

MODES = ("fan_in", "fan_out")


class he_normal(Scheme):  # noqa: N801 - called like the function it is known as
    """Var[w] = gain²/fan; with gain = 1/√E[φ(z)²] (√2 for ReLU) the second moment stays.

    With fan_in the signal's stays and the gradient's changes by fan_out/fan_in per layer; with fan_out the other way
    round, then with gain = 1/√E[φ′(z)²]. Assumes zero biases and independent zero-mean weights. Exact but unstable for
    GELU, SiLU and Mish, whose fixed point q = 1 repels (`theory.starting_point` has what works).

    Args:
        mode: "fan_in" or "fan_out".

    Raises:
        InputError: another mode.

    Source: He et al. 2015, arXiv:1502.01852, eq. 10 and 14.

    Example:
        >>> round(he_normal().law(Fans(128.0, 64.0), 2.0**0.5).std, 6)
        0.125
        >>> round(he_normal("fan_out").law(Fans(128.0, 32.0), 2.0**0.5).std, 6)
        0.25
    """

    name = "he_normal"
    formula = "Var[w] = gain²/fan"
    source = "He et al. 2015, arXiv:1502.01852, eq. 10 (forward) and 14 (backward)"
    assumes = "gain = 1/√E[φ(z)²] of the activation before the weight, zero biases, independent weights"
    fails = "GELU, SiLU, Mish: a fixed point that repels; inputs with correlated or mean-carrying features lose their angles"

    def __init__(self, mode: str = "fan_in") -> None:
        self.mode = one_of(mode, MODES, "mode", self.name)
        self.keeps = "signal" if mode == "fan_in" else "gradient"

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """N(0, std²)."""
        return normal(gain / sqrt(self._fan(fans)))

    def _fan(self, fans: Fans) -> float:
        return positive(fans.fan_in if self.mode == "fan_in" else fans.fan_out, fans, self.name)

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """Both modes."""
        return cls(), cls("fan_out")


class he_uniform(he_normal):  # noqa: N801
    """Uniform on ±gain·√(3/fan); the same variance, promises and failures as `he_normal`.

    Source: He et al. 2015, arXiv:1502.01852, eq. 10, with a uniform law of that variance.

    Example:
        >>> round(he_uniform().law(Fans(128.0, 64.0), 2.0**0.5).std, 6)
        0.125
    """

    name = "he_uniform"
    formula = "w ~ U(−a, a), a = gain·√(3/fan)"

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """U(−a, a)."""
        bound = gain * sqrt(3.0 / self._fan(fans))
        return uniform(-bound, bound)
