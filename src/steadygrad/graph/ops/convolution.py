"""Convolutions, plain and transposed."""

from steadygrad.graph.fans import convolution_fans
from steadygrad.graph.ops.call import Call, Operand, Seen, bias_operand


def _tuple(value: object, n: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (int(value),) * n  # type: ignore[call-overload]


def convolution(call: Call) -> Seen:
    """`conv{1,2,3}d`, kernel (out, in/groups, *k)."""
    x, weight, bias = call.get(0, "input"), call.get(1, "weight"), call.get(2, "bias")
    dims = weight.ndim - 2
    stride = _tuple(call.get(3, "stride", 1), dims)
    groups = int(call.get(6, "groups", 1))
    padding = call.get(4, "padding", 0)
    options = {"stride": stride, "groups": groups, "padding": padding if isinstance(padding, str) else _tuple(padding, dims)}
    options["dilation"] = _tuple(call.get(5, "dilation", 1), dims)
    fans = convolution_fans(weight.shape, stride, groups=groups, transposed=False)
    axis = call.output.ndim - dims - 1
    return Seen(call.name, "affine", [x], [Operand(weight, "weight", fans, 0), *bias_operand(bias)], options, axis, starts=True)


def transposed_convolution(call: Call) -> Seen:
    """`conv_transpose{1,2,3}d`, kernel (in, out/groups, *k)."""
    x, weight, bias = call.get(0, "input"), call.get(1, "weight"), call.get(2, "bias")
    dims = weight.ndim - 2
    stride = _tuple(call.get(3, "stride", 1), dims)
    groups = int(call.get(6, "groups", 1))
    fans = convolution_fans(weight.shape, stride, groups=groups, transposed=True)
    operands = [Operand(weight, "weight", fans, 1), *bias_operand(bias)]
    options = {"stride": stride, "groups": groups, "transposed": True, "padding": _tuple(call.get(4, "padding", 0), dims)}
    options["dilation"] = _tuple(call.get(7, "dilation", 1), dims)
    return Seen(call.name, "affine", [x], operands, options, call.output.ndim - dims - 1, starts=True)


OPS = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), convolution),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), transposed_convolution),
}
