"""State-space layers: matrices and time scales of linear recurrences. Nothing else may touch these tensors.

Complex numbers are drawn as their real view, a last axis of (real, imaginary).
"""

from math import log, pi

import numpy as np

from steadygrad.errors import InputError
from steadygrad.randomness import law as laws
from steadygrad.randomness.composed import Computed, Draw, Values
from steadygrad.randomness.law import Fans, Shape
from steadygrad.schemes.scheme import Scheme, one_of

STATES = "a state-space layer that uses it as its paper does"
SPECTRA = ("lin", "inv")


class hippo_legs(Scheme):  # noqa: N801 - called like the functions they are known as
    """The HiPPO-LegS matrix: a state that holds the Legendre coefficients of everything seen so far.

        A[n, k] = −√((2n + 1)·(2k + 1)) for n > k, −(n + 1) for n = k, 0 above

    Source: Gu et al. 2020, arXiv:2008.07669, theorem 2; the sign as in S4, arXiv:2111.00396, eq. 2.

    Example:
        >>> from steadygrad.randomness.assembly import draw
        >>> draw(hippo_legs().law(Fans(1.0, 1.0)), (2, 2), "float64", name="A")[1].round(4).tolist()
        [-1.7321, -2.0]
    """

    name = "hippo_legs"
    formula = "A[n, k] = −√((2n + 1)(2k + 1)) (n > k), −(n + 1) (n = k), 0 (n < k)"
    source = "Gu, Dao, Ermon, Rudra & Ré 2020, arXiv:2008.07669; Gu, Goel & Ré 2022, arXiv:2111.00396, eq. 2"
    assumes = STATES
    fails = "as a plain recurrent weight: its eigenvalues are −1 … −N"
    scales = False
    role = "state"
    needs = "a square matrix"
    shape = (8, 8)

    def law(self, fans: Fans, gain: float = 1.0) -> Computed:
        """Entirely fixed."""

        def function(shape: Shape, draw: Draw) -> Values:
            if len(shape) != 2 or shape[0] != shape[1]:
                raise InputError(f"`{self.name}` must be drawn into a square matrix, got shape {tuple(shape)}")
            root = np.sqrt(2.0 * np.arange(shape[0]) + 1.0)
            return np.tril(np.outer(-root, root), -1) - np.diag(np.arange(shape[0]) + 1.0)

        return Computed(self.name, function)


class s4d(Scheme):  # noqa: N801
    """Diagonal spectra of S4D, half of each conjugate pair, N = 2·(entries): −½ + i·πn, or −½ + i·(N/π)·(N/(2n + 1) − 1).

    Args:
        spectrum: "lin" (frequencies of a Fourier series) or "inv" (close to HiPPO-LegS's).

    Source: Gu, Gupta, Goel & Ré 2022, arXiv:2206.11893.

    Example:
        >>> from steadygrad.randomness.assembly import draw
        >>> draw(s4d("lin").law(Fans(1.0, 1.0)), (2, 2), "float64", name="A").round(4).tolist()
        [[-0.5, 0.0], [-0.5, 3.1416]]
    """

    name = "s4d"
    formula = "A[n] = −1/2 + i·πn (lin), −1/2 + i·(N/π)·(N/(2n + 1) − 1) (inv), N = 2·entries"
    source = "Gu, Gupta, Goel & Ré 2022, arXiv:2206.11893 (S4D-Lin, S4D-Inv)"
    assumes = STATES
    fails = "stored as log(−Re A): take the logarithm of the first half of the last axis"
    scales = False
    role = "state"
    needs = "(…, entries, 2)"
    shape = (4, 8, 2)

    def __init__(self, spectrum: str = "lin") -> None:
        self.spectrum = one_of(spectrum, SPECTRA, "spectrum", self.name)

    def law(self, fans: Fans, gain: float = 1.0) -> Computed:
        """Entirely fixed."""

        def function(shape: Shape, draw: Draw) -> Values:
            if len(shape) < 2 or shape[-1] != 2:
                raise InputError(f"`{self.name}` must be drawn into the real view (…, entries, 2), got shape {tuple(shape)}")
            n, states = np.arange(shape[-2]), 2.0 * shape[-2]
            frequency = pi * n if self.spectrum == "lin" else states / pi * (states / (2.0 * n + 1.0) - 1.0)
            return np.broadcast_to(np.stack([np.full(len(n), -0.5), frequency], axis=-1), shape)

        return Computed(self.name, function)

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """Both spectra."""
        return cls("lin"), cls("inv")


class s4d_real_log(Scheme):  # noqa: N801
    """log(1), log(2) … log(N) along the last axis: Mamba's A_log, for A = −exp(A_log) = −1 … −N (S4D-Real).

    Source: Gu & Dao 2023, arXiv:2312.00752, section 3.6; Gu et al. 2022, arXiv:2206.11893 (S4D-Real).

    Example:
        >>> from steadygrad.randomness.assembly import draw
        >>> draw(s4d_real_log().law(Fans(1.0, 1.0)), (1, 2), "float64", name="A_log").round(4).tolist()
        [[0.0, 0.6931]]
    """

    name = "s4d_real_log"
    formula = "w[…, n] = log(n + 1)"
    source = "Gu & Dao 2023, arXiv:2312.00752, section 3.6"
    assumes = STATES
    fails = "parametrizations other than A = −exp(w)"
    scales = False
    role = "state"
    shape = (6, 16)

    def law(self, fans: Fans, gain: float = 1.0) -> Computed:
        """Entirely fixed."""
        return Computed(self.name, lambda shape, draw: np.broadcast_to(np.log(np.arange(shape[-1]) + 1.0), shape))


class time_step_bias(Scheme):  # noqa: N801
    """The inverse softplus of time steps whose logarithm is uniform between log(low) and log(high): Mamba's dt bias.

        b = dt + log(1 − e^{−dt}),  log dt ~ U(log low, log high)

    Args:
        low: shortest step, above 0.
        high: longest step.

    Source: Gu & Dao 2023, arXiv:2312.00752, section 3.6; Gu et al. 2022, arXiv:2206.12037 (ranges).

    Example:
        >>> time_step_bias().low, time_step_bias().high
        (0.001, 0.1)
    """

    name = "time_step_bias"
    formula = "b = dt + log(1 − e^−dt), log dt ~ U(log low, log high)"
    source = "Gu & Dao 2023, arXiv:2312.00752, section 3.6, and state-spaces/mamba"
    assumes = "dt = softplus(b + …), dt·(sequence length) of order 1 somewhere in the range"
    fails = "sequences far longer than 1/low steps"
    scales = False
    role = "state"
    shape = (64,)

    def __init__(self, low: float = 1e-3, high: float = 1e-1) -> None:
        if not 0.0 < low < high < float("inf"):
            raise InputError(f"`{self.name}` must have 0 < low < high, got {low!r} and {high!r}")
        self.low, self.high = low, high

    def law(self, fans: Fans, gain: float = 1.0) -> Computed:
        """One draw for each channel."""

        def function(shape: Shape, draw: Draw) -> Values:
            step = np.exp(draw(laws.uniform(log(self.low), log(self.high)), shape))
            return step + np.log(-np.expm1(-step))

        return Computed(self.name, function)
