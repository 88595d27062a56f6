"""Fans from how a parameter is used: which axes are contracted, and what each output and input entry touches.

    fan_in  = number of products summed into one output entry
    fan_out = number of output entries one input entry contributes to (on average, borders aside)

This is the only file that indexes the axes of a weight. Counting by use, not by module class, is what makes grouped,
strided, transposed, fused and stacked weights come out right; torch's `_calculate_fan_in_and_fan_out` ignores groups
in fan_out, ignores stride, and swaps the fans of a transposed convolution.
"""

from collections.abc import Sequence
from math import prod

from steadygrad.randomness.law import Fans


def linear_fans(shape: Sequence[int]) -> Fans:
    """Fans of `F.linear`'s weight, shape (out, in).

    Example:
        >>> linear_fans((100, 784)).fan_in
        784.0
    """
    if len(shape) == 1:
        return Fans(fan_in=float(shape[0]), fan_out=1.0)
    return Fans(fan_in=float(shape[1]), fan_out=float(shape[0]))


def convolution_fans(shape: Sequence[int], stride: Sequence[int], *, groups: int, transposed: bool) -> Fans:
    """Fans of a convolution's kernel.

    Plain kernels are (out, in/groups, *k); an output entry sums in/groups·∏k products, an input entry reaches
    out/groups·∏k/∏stride outputs. Transposed kernels are (in, out/groups, *k) and swap the roles of the stride:
    an output entry sums in/groups·∏k/∏stride products on average (exactly so when stride divides k).

    Example:
        >>> convolution_fans((64, 1, 3, 3), (1, 1), groups=64, transposed=False)  # depthwise
        Fans(fan_in=9.0, fan_out=9.0)
    """
    kernel = float(prod(shape[2:]))
    steps = float(prod(stride))
    if transposed:
        return Fans(fan_in=shape[0] / groups * kernel / steps, fan_out=shape[1] * kernel)
    return Fans(fan_in=shape[1] * kernel, fan_out=shape[0] / groups * kernel / steps)


def matmul_fans(shape: Sequence[int], *, weight_is_left: bool) -> Fans:
    """Fans of a weight in `x @ W` (in, out) or `W @ x` (out, in); leading axes are stacked copies.

    Example:
        >>> matmul_fans((8, 16, 32), weight_is_left=False)
        Fans(fan_in=16.0, fan_out=32.0)
    """
    if len(shape) == 1:
        return Fans(fan_in=float(shape[0]), fan_out=1.0)
    rows, columns = float(shape[-2]), float(shape[-1])
    return Fans(fan_in=columns, fan_out=rows) if weight_is_left else Fans(fan_in=rows, fan_out=columns)


def einsum_fans(weight_axes: str, other_axes: str, output_axes: str, shape: Sequence[int]) -> tuple[Fans, int | None]:
    """Fans of an einsum operand, and its axis that enumerates output units.

    Axes summed away count towards fan_in; axes that only the weight brings to the output count towards fan_out; axes
    that all three share are stacked copies (heads, experts) and count towards neither.

    Example:
        >>> einsum_fans("hde", "bthd", "bthe", (4, 16, 32))
        (Fans(fan_in=16.0, fan_out=32.0), 2)
    """
    summed = [size for axis, size in zip(weight_axes, shape, strict=False) if axis not in output_axes]
    brought = [i for i, axis in enumerate(weight_axes) if axis in output_axes and axis not in other_axes]
    fans = Fans(fan_in=float(prod(summed)), fan_out=float(prod(shape[i] for i in brought)))
    return fans, (brought[0] if brought else None)


def embedding_fans(shape: Sequence[int], rows: float = 1.0) -> Fans:
    """Fans of a gathered table (rows, width): one row is copied, nothing is summed.

    Args:
        shape: of the table.
        rows: summed into one output: the size of a bag, or 1/size where a bag's mean divides their sum.

    Example:
        >>> embedding_fans((1000, 64)).fan_in
        1.0
    """
    return Fans(fan_in=rows, fan_out=float(shape[-1]))


def of_complex(fans: Fans) -> Fans:
    """The fans of a complex weight in real numbers: every real or imaginary output sums two real products for each complex one.

    Example:
        >>> of_complex(linear_fans((100, 784))).fan_in
        1568.0
    """
    return Fans(fan_in=2.0 * fans.fan_in, fan_out=2.0 * fans.fan_out)
