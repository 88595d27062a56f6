"""Laws whose entries depend on each other: records only, drawn by `assembly`.

Matrices are rows × columns = shape[0] × the product of the other axes, as torch.nn.init has them.
"""

import math
from dataclasses import dataclass

from steadygrad.errors import InputError
from steadygrad.randomness.law import Independent, Law, Shape


@dataclass(frozen=True)
class Sparse(Law):
    """Entries of `law`, of which a fixed number per line is 0: ⌈fraction·length⌉, places without preference.

    Attributes:
        law: the entries that stay.
        fraction: in [0, 1], of the entries of a line that are 0.
        axis: 0, a line is a column of the matrix (torch.nn.init.sparse_: of the weights one input feeds), or 1, a row (Martens: of
            the weights into one unit).

    Raises:
        InputError: fraction outside [0, 1], axis not 0 or 1.

    Source: Martens 2010, "Deep learning via Hessian-free optimization", section 5.
    """

    law: Independent
    fraction: float
    axis: int = 0

    def __post_init__(self) -> None:
        if not 0.0 <= self.fraction <= 1.0:
            raise InputError(f"`fraction` of a sparse law must be in [0, 1], got {self.fraction!r}")
        if self.axis not in (0, 1):
            raise InputError(f"`axis` of a sparse law must be 0 or 1, got {self.axis!r}")

    def rms(self, shape: Shape) -> float:
        """Of the entries that stay, times √(1 − zeros/length)."""
        length = matrix(shape)[self.axis]
        return self.law.rms(shape) * math.sqrt(1.0 - math.ceil(self.fraction * length) / length)


@dataclass(frozen=True)
class Orthogonal(Law):
    """scale·Q, Q uniform (Haar) among matrices with orthonormal columns (rows ≥ columns) or rows (rows ≤ columns).

    Attributes:
        scale: every singular value.
        groups: that many matrices one below the other, each of rows/groups rows and independent of the others.
        delta: the matrix is shape[0] × shape[1] and stands at the centre (k//2) of the kernel axes, with 0 elsewhere: an isometry of
            a convolution with unit stride. Otherwise the kernel axes count as columns.

    Raises:
        InputError: scale not finite, groups below 1; when drawn, groups that do not divide the rows.

    Source: Saxe et al. 2013, arXiv:1312.6120; delta: Xiao et al. 2018, arXiv:1806.05393; law: Stewart 1980, SIAM J. Numer. Anal. 17.
    """

    scale: float = 1.0
    groups: int = 1
    delta: bool = False

    def __post_init__(self) -> None:
        _finite("orthogonal", self.scale, self.groups)

    def rms(self, shape: Shape) -> float:
        """|scale|/√max(rows per group, columns), times 1/√(kernel size) for delta."""
        kernel = math.prod(shape[2:]) if self.delta else 1
        columns = matrix(shape[:2] if self.delta else shape)[1]
        return abs(self.scale) / math.sqrt(max(group_rows(shape, self.groups), columns) * kernel)


@dataclass(frozen=True)
class Dirac(Law):
    """scale·identity: entry (g·rows/groups + i, i mod columns, centre) is `scale`, all others 0; the centre of k taps is k//2.

    For two axes the (partial) identity matrix. A group with more rows than columns leaves the rows beyond 0, as torch.nn.init.eye_ and
    dirac_ do, or with `wrap` starts again: every output then copies an input.

    Attributes:
        scale: the value on the diagonal.
        groups: as of the convolution.
        wrap: start again where rows exceed columns.

    Raises:
        InputError: scale not finite, groups below 1; when drawn, groups that do not divide the rows.

    Source: Le, Jaitly & Hinton 2015, arXiv:1504.00941 (identity); Zagoruyko & Komodakis 2017, arXiv:1706.00388 (dirac).
    """

    scale: float = 1.0
    groups: int = 1
    wrap: bool = False

    def __post_init__(self) -> None:
        _finite("dirac", self.scale, self.groups)

    def rms(self, shape: Shape) -> float:
        """|scale|·√(ones/entries)."""
        matrix(shape)
        rows = group_rows(shape, self.groups)
        ones = self.groups * (rows if self.wrap else min(rows, shape[1]))
        return abs(self.scale) * math.sqrt(ones / math.prod(shape))


def sparse(std: float, fraction: float, axis: int = 0) -> Sparse:
    """N(0, std²) with ⌈fraction·length⌉ zeros in every line.

    Example:
        >>> sparse(0.01, 0.25).rms((4, 8))
        0.008660254037844387
    """
    return Sparse(Independent("normal", scale=std), fraction, axis)


def orthogonal(scale: float = 1.0, groups: int = 1) -> Orthogonal:
    """scale·Q with Q orthonormal in its shorter direction, Haar-distributed.

    Example:
        >>> orthogonal().rms((64, 256)) == 1 / 16
        True
    """
    return Orthogonal(scale, groups)


def delta_orthogonal(scale: float = 1.0, groups: int = 1) -> Orthogonal:
    """The same in the middle of a convolution's kernel, 0 elsewhere.

    Example:
        >>> delta_orthogonal().rms((16, 16, 2, 2)) == 1 / 8
        True
    """
    return Orthogonal(scale, groups, delta=True)


def dirac(scale: float = 1.0, groups: int = 1, *, wrap: bool = False) -> Dirac:
    """scale·identity for each group of a convolution or for a matrix.

    Example:
        >>> dirac().rms((4, 4))
        0.5
    """
    return Dirac(scale, groups, wrap)


def identity(scale: float = 1.0, *, wrap: bool = False) -> Dirac:
    """scale·identity matrix, partial where it is not square.

    Example:
        >>> identity(2.0).rms((4, 1))
        1.0
    """
    return Dirac(scale, 1, wrap)


def matrix(shape: Shape) -> tuple[int, int]:
    """Rows and columns.

    Raises:
        InputError: fewer than two axes.

    Example:
        >>> matrix((8, 4, 3, 3))
        (8, 36)
    """
    if len(shape) < 2:
        raise InputError(f"a law of matrices must be drawn into at least 2 axes, got shape {tuple(shape)}")
    return shape[0], math.prod(shape[1:])


def group_rows(shape: Shape, groups: int) -> int:
    """Rows of one group.

    Raises:
        InputError: groups that do not divide the rows.

    Example:
        >>> group_rows((8, 4), 2)
        4
    """
    if shape[0] % groups:
        raise InputError(f"{groups} groups must divide the first axis, got shape {tuple(shape)}")
    return shape[0] // groups


def _finite(kind: str, scale: float, groups: int) -> None:
    if not math.isfinite(scale):
        raise InputError(f"a {kind} law must have a finite scale, got {scale!r}")
    if isinstance(groups, bool) or not isinstance(groups, int) or groups < 1:
        raise InputError(f"`groups` of a {kind} law must be an integer of at least 1, got {groups!r}")
