"""SIREN: layers of sin(ω·W·x)."""

from math import sqrt

from steadygrad.randomness.law import Fans, Independent, uniform
from steadygrad.schemes.scheme import Scheme, above_zero, positive


class siren_first(Scheme):  # noqa: N801 - called like the functions they are known as
    """U(±1/fan_in), for coordinates in [−1, 1] and the first layer sin(ω·(W·x + b)): up to ω/2π periods over the inputs.

    Source: Sitzmann et al. 2020, arXiv:2006.09661, section 3.2 and supplement 1.5.

    Example:
        >>> siren_first().law(Fans(2.0, 256.0)).scale
        0.5
    """

    name = "siren_first"
    formula = "w ~ U(−a, a), a = gain/fan_in"
    source = "Sitzmann, Martel, Bergman, Lindell & Wetzstein 2020, arXiv:2006.09661, section 3.2, and the authors' code"
    assumes = "inputs spread over [−1, 1], ω = 30 before the sine"
    fails = "other input ranges: then ω must be what the signal's bandwidth asks for"

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """U(−a, a)."""
        bound = gain / positive(fans.fan_in, fans, self.name)
        return uniform(-bound, bound)


class siren_hidden(Scheme):  # noqa: N801
    """U(±√(6/fan_in)/ω): inputs of the next sine have variance 1 where x are sines of arguments spread over many periods.

        Var[ω·w·x] = fan_in·ω²·(6/(ω²·fan_in)/3)·E[x²] = 2·½ = 1

    So it is after the first layer. Arguments N(0, v) are less spread, E[sin²] = (1 − e^{−2v})/2: deeper layers go on as
    v ← 1 − e^{−2v} and settle at v = 0.797 instead of the paper's 1.

    Args:
        omega: the factor ω before the sine.

    Source: Sitzmann et al. 2020, arXiv:2006.09661, section 3.2 and supplement, theorem 1.8.

    Example:
        >>> round(siren_hidden(30.0).law(Fans(6.0, 6.0)).scale * 30, 12)
        1.0
    """

    name = "siren_hidden"
    formula = "w ~ U(−a, a), a = gain·√(6/fan_in)/omega"
    source = "Sitzmann, Martel, Bergman, Lindell & Wetzstein 2020, arXiv:2006.09661, section 3.2, and the authors' code"
    assumes = "sin(omega·(W·x + b)) after the weight and before it"
    fails = "an omega here that is not the network's: the variance is off by the square of their ratio"

    def __init__(self, omega: float = 30.0) -> None:
        self.omega = above_zero(omega, "omega", self.name)

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """U(−a, a)."""
        bound = gain * sqrt(6.0 / positive(fans.fan_in, fans, self.name)) / self.omega
        return uniform(-bound, bound)

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """The paper's, and no factor."""
        return cls(), cls(1.0)
