"""What is computed from one parameter and constants alone: how large it is beside the parameter."""

from math import isfinite, prod

import torch

from steadygrad.graph.ops.affine import named_axes
from steadygrad.graph.ops.arithmetic import NAMES
from steadygrad.graph.ops.call import Call

PRODUCTS = ("matmul", "mm", "bmm", "mv", "__matmul__", "__rmatmul__", "einsum")


def growth(call: Call) -> float:
    """E[y²]/E[w²] of y computed from independent centred entries w: n·E[c²] of a contraction of n of them with constants c, c² of a product.

    The keys of relative positions of Transformer-XL are such: a table of sines times a matrix (Dai et al. 2019, arXiv:1901.02860, section 3.3).
    1 for everything else, views among it, and where constants have no numbers.
    """
    op = NAMES.get(call.name, "")
    if call.name not in PRODUCTS and op not in ("mul", "div"):
        return 1.0
    operands = [value for value in call.args if isinstance(value, torch.Tensor | int | float) and not isinstance(value, bool)]
    if len(operands) != 2:
        return 1.0
    sides = [call.side(value) if isinstance(value, torch.Tensor) else "constant" for value in operands]
    if sorted(sides) != ["constant", "parameter"] or (op == "div" and sides[0] == "constant"):
        return 1.0
    second = _second(operands[sides.index("constant")], -1.0 if op == "div" else 1.0)
    return 1.0 if second is None else second * (1.0 if op else _terms(call, operands))


@torch.no_grad()
def _second(value: torch.Tensor | float, power: float) -> float | None:
    """E[c^2p]; None where there are no numbers or none that are finite."""
    c = value.detach() if isinstance(value, torch.Tensor) else torch.tensor(float(value))
    if c.is_meta or not c.is_floating_point() or c.layout is not torch.strided or not c.numel():
        return None
    found = float(c.double().pow(2.0 * power).mean())
    return found if isfinite(found) and found > 0.0 else None


def _terms(call: Call, operands: list) -> float:
    """How many products an entry sums."""
    left, right = operands
    if call.name != "einsum":
        return float(left.shape[-1] if call.name != "__rmatmul__" else right.shape[-1])
    found = named_axes(call.args[0], [left.ndim, right.ndim]) if isinstance(call.args[0], str) else None
    if found is None:
        return 1.0
    (first, second), output = found
    sizes = dict(zip(first, left.shape, strict=False)) | dict(zip(second, right.shape, strict=False))
    return float(prod(size for axis, size in sizes.items() if axis not in output))
