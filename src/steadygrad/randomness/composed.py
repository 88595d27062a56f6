"""Laws made of laws or of given numbers: records only, drawn by `assembly`.

Part k of a tensor called `name` is drawn as a tensor of its own called `name[k]`, so no two parts share a number.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steadygrad.errors import InputError
from steadygrad.randomness.law import Independent, Law, Shape
from steadygrad.randomness.structured import Dirac

Values = NDArray[np.float64]
Draw = Callable[[Law, Shape], Values]


@dataclass(frozen=True)
class Blocks(Law):
    """Consecutive parts of one axis, a law each: fused query, key and value; the gates of an LSTM.

    Attributes:
        laws: one per part, in order.
        axis: which axis is divided.
        sizes: length of each part; equal parts where left empty.

    Raises:
        InputError: no laws, or as many sizes as laws not given; when drawn, an axis that these do not fill.
    """

    laws: tuple[Law, ...]
    axis: int = 0
    sizes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.laws or (self.sizes and len(self.sizes) != len(self.laws)):
            raise InputError(f"a law of blocks must have laws and no sizes or one each, got {len(self.laws)} laws and sizes {self.sizes}")

    def shapes(self, shape: Shape) -> list[Shape]:
        """The shape of each part.

        Raises:
            InputError: the axis is missing or has another length.
        """
        axis = along(shape, self.axis)
        sizes = self.sizes or (shape[axis] // len(self.laws),) * len(self.laws)
        if sum(sizes) != shape[axis] or min(sizes) < 1:
            raise InputError(f"blocks of sizes {sizes} must fill axis {self.axis}, got shape {tuple(shape)}")
        return [(*shape[:axis], size, *shape[axis + 1 :]) for size in sizes]

    def rms(self, shape: Shape) -> float:
        """The mean square of the parts, weighted by their sizes, under the root."""
        parts = [(law.rms(part), math.prod(part)) for law, part in zip(self.laws, self.shapes(shape), strict=True)]
        return math.sqrt(sum(rms * rms * size for rms, size in parts) / math.prod(shape))


@dataclass(frozen=True)
class Each(Law):
    """Every slice of one axis is drawn from `law` as a tensor without that axis: stacked experts, heads.

    Attributes:
        law: of one slice.
        axis: which axis counts the slices.
    """

    law: Law
    axis: int = 0

    def slice_shape(self, shape: Shape) -> Shape:
        """The shape without the axis."""
        axis = along(shape, self.axis)
        return (*shape[:axis], *shape[axis + 1 :])

    def rms(self, shape: Shape) -> float:
        """That of one slice."""
        return self.law.rms(self.slice_shape(shape))


@dataclass(frozen=True)
class Repeated(Law):
    """Drawn `times` smaller along one axis, then every entry repeated `times` times: ICNR, where r² output channels start equal.

    Attributes:
        law: of the smaller tensor.
        times: copies.
        axis: along which copies stand beside each other.

    Raises:
        InputError: times below 1; when drawn, times that do not divide the axis.

    Source: Aitken et al. 2017, arXiv:1707.02937.
    """

    law: Law
    times: int
    axis: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.times, bool) or not isinstance(self.times, int) or self.times < 1:
            raise InputError(f"`times` of a repeated law must be an integer of at least 1, got {self.times!r}")

    def smaller(self, shape: Shape) -> Shape:
        """The shape before repeating."""
        axis = along(shape, self.axis)
        if shape[axis] % self.times:
            raise InputError(f"{self.times} repeats must divide axis {self.axis}, got shape {tuple(shape)}")
        return (*shape[:axis], shape[axis] // self.times, *shape[axis + 1 :])

    def rms(self, shape: Shape) -> float:
        """That of the smaller tensor."""
        return self.law.rms(self.smaller(shape))


@dataclass(frozen=True)
class Table(Law):
    """Given numbers, broadcast to the tensor: loaded weights, fixed kernels. Made by `table`.

    Attributes:
        shape: of the numbers.
        data: their float64 bytes, row-major.
    """

    shape: Shape
    data: bytes = field(repr=False)

    @property
    def values(self) -> Values:
        """The numbers, read-only."""
        return np.frombuffer(self.data, dtype=np.float64).reshape(self.shape)

    def over(self, shape: Shape) -> Values:
        """The numbers, broadcast.

        Raises:
            InputError: another shape.
        """
        try:
            return np.broadcast_to(self.values, shape)
        except ValueError:
            raise InputError(f"a table of shape {self.shape} must broadcast to the tensor's, got shape {tuple(shape)}") from None

    def rms(self, shape: Shape) -> float:
        """Of the numbers."""
        return float(np.sqrt(np.mean(np.square(self.over(shape)))))


@dataclass(frozen=True)
class Computed(Law):
    """Whatever `function(shape, draw)` returns, as float64; it may be fixed (Hadamard, HiPPO) or transform draws (log of a uniform).

    Deterministic like all laws as long as the function takes its randomness from `draw(law, part_shape)` alone, whose k-th call draws
    `name[k]`. Transcendental functions may differ in last bits between C libraries: the bits are promised per machine only.

    Attributes:
        label: what reports call it.
        function: from the tensor's shape and `draw` to an array of that shape.
        mean_square: E[w²] from the shape, where known; otherwise `rms` computes the array once.
    """

    label: str
    function: Callable[[Shape, Draw], ArrayLike] = field(repr=False)
    mean_square: Callable[[Shape], float] | None = field(default=None, repr=False)

    def rms(self, shape: Shape) -> float:
        """√mean_square(shape), or of one draw where that was not given."""
        if self.mean_square is not None:
            return math.sqrt(self.mean_square(shape))
        from steadygrad.randomness.assembly import draw  # this floor's drawing needs these records

        return float(np.sqrt(np.mean(np.square(draw(self, shape, "float64", name=self.label)))))


def blocks(*laws: Law, axis: int = 0, sizes: tuple[int, ...] = ()) -> Blocks:
    """Parts of one axis, a law each.

    Example:
        >>> from steadygrad.randomness.law import constant, normal
        >>> blocks(normal(0.02), normal(0.02), constant(0.0)).shapes((12, 4))
        [(4, 4), (4, 4), (4, 4)]
    """
    return Blocks(tuple(laws), axis, tuple(sizes))


def each(law: Law, axis: int = 0) -> Each:
    """One independent draw per slice of an axis.

    Example:
        >>> from steadygrad.randomness.structured import orthogonal
        >>> each(orthogonal()).rms((8, 16, 16))
        0.25
    """
    return Each(law, axis)


def repeated(law: Law, times: int, axis: int = 0) -> Repeated:
    """A smaller draw, every entry repeated along an axis.

    Example:
        >>> from steadygrad.randomness.law import normal
        >>> repeated(normal(0.02), 4).smaller((64, 3, 3, 3))
        (16, 3, 3, 3)
    """
    return Repeated(law, times, axis)


def table(values: ArrayLike) -> Table:
    """Given numbers, broadcast to the tensor.

    Raises:
        InputError: they are empty or not finite.

    Example:
        >>> table([[1.0, 2.0]]).shape
        (1, 2)
    """
    array = np.ascontiguousarray(values, dtype=np.float64)
    if array.size == 0 or not np.isfinite(array).all():
        raise InputError(f"a table must hold finite numbers, got {array.size} of shape {array.shape}, {int((~np.isfinite(array)).sum())} of them not finite")
    return Table(np.shape(values), array.tobytes())


def along(shape: Shape, axis: int) -> int:
    """`axis` counted from the front.

    Raises:
        InputError: there is no such axis.
    """
    if not -len(shape) <= axis < len(shape):
        raise InputError(f"axis {axis} of a law must exist in the tensor, got shape {tuple(shape)}")
    return axis % len(shape)


def random(law: Law, shape: Shape) -> bool:
    """Whether a tensor of this shape would hold random numbers: constants, identities and tables do not.

    Example:
        >>> from steadygrad.randomness.law import normal
        >>> random(table([1.0, 2.0]), (2,)), random(blocks(table([0.0]), normal(1.0)), (2,))
        (False, True)
    """
    if isinstance(law, Independent):
        return law.kind != "constant"
    if isinstance(law, Blocks):
        return any(random(part, each_shape) for part, each_shape in zip(law.laws, law.shapes(shape), strict=True))
    if isinstance(law, Each):
        return random(law.law, law.slice_shape(shape))
    if isinstance(law, Repeated):
        return random(law.law, law.smaller(shape))
    if isinstance(law, Computed):
        from steadygrad.randomness.assembly import draw  # this floor's drawing needs these records

        asked: list[bool] = []

        def ask(part: Law, part_shape: Shape) -> Values:
            asked.append(random(part, part_shape))
            return draw(part, part_shape, "float64", name=law.label)

        law.function(shape, ask)
        return any(asked)
    return not isinstance(law, Table | Dirac)
