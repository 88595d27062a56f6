"""Fixed numbers and fixed widths: what does not look at the fans."""

import numpy as np
from numpy.typing import ArrayLike

from steadygrad.randomness import law as laws
from steadygrad.randomness.composed import Table, table
from steadygrad.randomness.law import Fans, Independent
from steadygrad.schemes.scheme import Scheme

NO_FANS = "the caller knows the right width: neither fans nor gain are looked at"


class constant(Scheme):  # noqa: N801 - called like the functions they are known as
    """Every entry is `value`: biases, norm scales, PReLU slopes (0.25), the log temperature of CLIP (ln 1/0.07).

    As a weight it leaves all units of a layer equal, and gradients keep them equal.

    Args:
        value: any finite number.

    Example:
        >>> constant(0.25).law(Fans(1.0, 1.0)).mean
        0.25
    """

    name = "constant"
    formula = "w = value"
    source = "by definition"
    assumes = "a tensor whose entries need not differ: bias, norm scale, slope, temperature"
    fails = "weight matrices: all units start equal and stay equal"
    scales = False
    role = "bias"

    def __init__(self, value: float) -> None:
        self.value = value

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """The point mass at `value`."""
        return laws.constant(self.value)

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """A positive and a negative one."""
        return cls(0.25), cls(-2.0)


class zeros(Scheme):  # noqa: N801
    """Every entry is 0: biases, the last layer of a residual branch, the up-projection of an adapter.

    Two consecutive zero weights pass neither signal nor gradient, for ever.

    Example:
        >>> zeros().law(Fans(8.0, 8.0)).rms((8, 8))
        0.0
    """

    name = "zeros"
    formula = "w = 0"
    source = "by definition"
    assumes = "another path that carries the signal: a skip connection, or a weight beside the bias"
    fails = "two zero weights in a row, or zeros on the only path: nothing passes, nothing learns"
    scales = False
    role = "bias"
    fixed = laws.constant(0.0)

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """The point mass at 0."""
        return self.fixed


class ones(Scheme):  # noqa: N801
    """Every entry is 1: scales of normalization layers.

    Example:
        >>> ones().law(Fans(1.0, 1.0)).mean
        1.0
    """

    name = "ones"
    formula = "w = 1"
    source = "by definition"
    assumes = "a multiplier that should do nothing at first"
    fails = "weight matrices: all units start equal and stay equal"
    scales = False
    role = "scale"
    fixed = laws.constant(1.0)

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """The point mass at 1."""
        return self.fixed


class uniform(Scheme):  # noqa: N801
    """Uniform between `low` and `high`. Libraries disagree on the default ends; here they are always given.

    Example:
        >>> uniform(-0.07, 0.07).law(Fans(8.0, 8.0)).scale
        0.07
    """

    name = "uniform"
    formula = "w ~ U(low, high)"
    source = "by definition"
    assumes = NO_FANS
    fails = "low ≠ −high: a mean that adds up over the fan-in; depth, unless the width happens to fit"
    scales = False

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high
        self.law(Fans(1.0, 1.0))

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """U(low, high)."""
        return laws.uniform(self.low, self.high)

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """Centred, and positive only."""
        return cls(-0.05, 0.05), cls(0.0, 1.0)


class normal(Scheme):  # noqa: N801
    """N(mean, std²), as BERT and GPT draw every weight with std 0.02, whatever its width.

    Example:
        >>> normal(0.02).law(Fans(768.0, 768.0)).std
        0.02
    """

    name = "normal"
    formula = "w ~ N(mean, std²)"
    source = "by definition; std 0.02: Radford et al. 2018, Devlin et al. 2019, arXiv:1810.04805"
    assumes = NO_FANS
    fails = "0.02 is 1/√2500: widths far from it shrink or grow the signal at every layer that no norm follows"
    scales = False

    def __init__(self, std: float, mean: float = 0.0) -> None:
        self.std, self.mean = std, mean
        self.law(Fans(1.0, 1.0))

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """N(mean, std²)."""
        return laws.normal(self.std, self.mean)

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """Centred, and not."""
        return cls(0.02), cls(0.5, 1.0)


class truncated_normal(Scheme):  # noqa: N801
    """N(mean, std²) given that it lies within [mean + lower·std, mean + bound·std]; lower is −bound unless given.

    At ±2 the truncated entries have standard deviation 0.8796·std; with `exact` the normal is widened so that they
    have std. Bounds are in units of the standard deviation: absolute ones (`by_name("torch.trunc_normal_")`) cut
    nothing when std is 0.02.

    Raises:
        InputError: bounds that leave nothing between them, std negative or not finite.

    Example:
        >>> round(truncated_normal(0.02).law(Fans(8.0, 8.0)).std, 6), truncated_normal(0.02, exact=True).law(Fans(8.0, 8.0)).std
        (0.017593, 0.02)
    """

    name = "truncated_normal"
    formula = "w ~ N(mean, std²) within [mean + lower·std, mean + bound·std]"
    source = "moments: Johnson, Kotz & Balakrishnan 1994, Continuous Univariate Distributions 1, section 10.1"
    assumes = NO_FANS
    fails = "as `normal`; without `exact` at ±2 the weights are 12 % smaller than std says"
    scales = False

    def __init__(self, std: float, bound: float = 2.0, mean: float = 0.0, lower: float | None = None, exact: bool = False) -> None:
        self.std, self.bound, self.mean, self.lower, self.exact = std, bound, mean, lower, exact
        self.law(Fans(1.0, 1.0))

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """The truncated normal."""
        return laws.truncated_normal(self.std, self.bound, self.mean, lower=self.lower, exact=self.exact)

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """Plain, corrected, uneven."""
        return cls(0.02), cls(0.02, exact=True), cls(1.0, 2.0, 0.5, lower=-1.0)


class given(Scheme):  # noqa: N801
    """Given numbers, broadcast to the tensor: loaded weights, hand-made kernels.

    Args:
        values: finite numbers in any nesting; kept as lists, so that they can be compared and written as JSON.

    Raises:
        InputError: empty or not finite; when drawn, a shape that they do not broadcast to.

    Example:
        >>> given([[1.0, 2.0]]).law(Fans(2.0, 1.0)).values.tolist()
        [[1.0, 2.0]]
    """

    name = "given"
    formula = "w = values"
    source = "by definition"
    assumes = "numbers that fit the tensor"
    fails = "equal rows: units that start equal stay equal"
    scales = False
    needs = "a shape the numbers broadcast to"
    shape = (3, 2)

    def __init__(self, values: ArrayLike) -> None:
        self.values = np.asarray(values, dtype=np.float64).tolist()
        table(self.values)

    def law(self, fans: Fans, gain: float = 1.0) -> Table:
        """The table of them."""
        return table(self.values)

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """A full table and a row for all."""
        return cls([[1.0, 2.0], [0.0, -1.0], [0.5, 4.0]]), cls([1.0, -1.0])
