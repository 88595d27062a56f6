"""Linear recurrent units: eigenvalues uniform on a ring in the complex plane.

    λ = exp(−exp(ν) + i·exp(θ))

Their third vector, γ = √(1 − |λ|²), is no draw: compute it from ν once that is drawn.
"""

from math import pi

import numpy as np

from steadygrad.errors import InputError
from steadygrad.randomness import law as laws
from steadygrad.randomness.composed import Computed, Draw, Values
from steadygrad.randomness.law import Fans, Shape
from steadygrad.schemes.scheme import Scheme, above_zero


class lru_nu(Scheme):  # noqa: N801 - called like the functions they are known as
    """ν = log(−½·log(u·(r_max² − r_min²) + r_min²)), u ~ U(0, 1): |λ|² = exp(−2·exp(ν)) is uniform in (r_min², r_max²).

    Args:
        r_min, r_max: inner and outer radius of the ring, 0 ≤ r_min < r_max ≤ 1.

    Source: Orvieto et al. 2023, arXiv:2303.06349, lemma 3.2 and appendix A.

    Example:
        >>> lru_nu(0.9, 0.999).r_max
        0.999
    """

    name = "lru_nu"
    formula = "ν = log(−½·log(u·(r_max² − r_min²) + r_min²)), u ~ U(0, 1)"
    source = "Orvieto et al. 2023, arXiv:2303.06349, lemma 3.2"
    assumes = "λ = exp(−exp(ν) + i·exp(θ)), inputs scaled by γ = √(1 − |λ|²)"
    fails = "r_max = 1 with very long sequences: some states never forget"
    scales = False
    role = "state"
    shape = (64,)

    def __init__(self, r_min: float = 0.0, r_max: float = 1.0) -> None:
        if not 0.0 <= r_min < r_max <= 1.0:
            raise InputError(f"`{self.name}` must have 0 ≤ r_min < r_max ≤ 1, got {r_min!r} and {r_max!r}")
        self.r_min, self.r_max = r_min, r_max

    def law(self, fans: Fans, gain: float = 1.0) -> Computed:
        """One draw for each state."""

        def function(shape: Shape, draw: Draw) -> Values:
            square = draw(laws.uniform(self.r_min**2, self.r_max**2), shape)
            return np.log(-0.5 * np.log(square))

        return Computed(self.name, function)

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """The whole disk, and a thin ring."""
        return cls(), cls(0.9, 0.999)


class lru_theta(Scheme):  # noqa: N801
    """θ = log(max_phase·u), u ~ U(0, 1): phases of λ uniform in (0, max_phase).

    Args:
        max_phase: in (0, 2π]; π/10 and less for long sequences.

    Source: Orvieto et al. 2023, arXiv:2303.06349, section 3.4 and appendix A.

    Example:
        >>> round(lru_theta().max_phase, 4)
        6.2832
    """

    name = "lru_theta"
    formula = "θ = log(max_phase·u), u ~ U(0, 1)"
    source = "Orvieto et al. 2023, arXiv:2303.06349, appendix A"
    assumes = "λ = exp(−exp(ν) + i·exp(θ))"
    fails = "large phases on long sequences, where states then average over oscillations"
    scales = False
    role = "state"
    shape = (64,)

    def __init__(self, max_phase: float = 2.0 * pi) -> None:
        self.max_phase = above_zero(max_phase, "max_phase", self.name)

    def law(self, fans: Fans, gain: float = 1.0) -> Computed:
        """One draw for each state."""
        return Computed(self.name, lambda shape, draw: np.log(draw(laws.uniform(0.0, self.max_phase), shape)))
