"""Complex weights, drawn as their real view (…, 2): a modulus of Rayleigh's law and a uniform phase."""

from math import sqrt

from steadygrad.randomness.law import Fans, Independent, normal
from steadygrad.schemes.he import MODES
from steadygrad.schemes.scheme import Scheme, one_of, positive


class complex_glorot(Scheme):  # noqa: N801 - called like the functions they are known as
    """E|w|² = gain²·2/(fan_in + fan_out), half of it in each of the real and imaginary part.

    Trabelsi et al. draw the modulus from Rayleigh(σ) and the phase uniformly, σ² = 1/(fan_in + fan_out). Exactly that pair is
    what the polar coordinates of two independent N(0, σ²) are, so the parts are drawn as such. Fans count complex entries.

    Source: Trabelsi et al. 2018, arXiv:1705.09792, section 3.6.

    Example:
        >>> 2 * complex_glorot().law(Fans(8.0, 8.0)).std ** 2
        0.125
    """

    name = "complex_glorot"
    formula = "Var[Re w] = Var[Im w] = gain²/(fan_in + fan_out)"
    source = "Trabelsi et al. 2018, arXiv:1705.09792, section 3.6"
    assumes = "the real view (…, 2) of a complex weight; an activation near linear in both parts"
    fails = "as `glorot_normal`"
    needs = "the real view (…, 2)"
    shape = (24, 16, 2)
    complex = True

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """N(0, σ²) for both parts."""
        return normal(gain / sqrt(positive(fans.fan_in + fans.fan_out, fans, self.name)))


class complex_he(Scheme):  # noqa: N801
    """E|w|² = gain²/fan, half of it in each part: at gain √2 Trabelsi's criterion for ReLU of both parts, σ² = 1/fan_in.

    Args:
        mode: "fan_in" or "fan_out".

    Source: Trabelsi et al. 2018, arXiv:1705.09792, section 3.6.

    Example:
        >>> round(complex_he().law(Fans(16.0, 8.0), 2.0**0.5).std ** 2, 12)
        0.0625
    """

    name = "complex_he"
    formula = "Var[Re w] = Var[Im w] = gain²/(2·fan)"
    source = "Trabelsi et al. 2018, arXiv:1705.09792, section 3.6"
    assumes = "the real view (…, 2) of a complex weight; gain of the activation applied to both parts"
    fails = "as `he_normal`"
    needs = "the real view (…, 2)"
    shape = (24, 16, 2)
    complex = True

    def __init__(self, mode: str = "fan_in") -> None:
        self.mode = one_of(mode, MODES, "mode", self.name)

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """N(0, σ²) for both parts."""
        fan = fans.fan_in if self.mode == "fan_in" else fans.fan_out
        return normal(gain / sqrt(2.0 * positive(fan, fans, self.name)))

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """Both modes."""
        return cls(), cls("fan_out")
