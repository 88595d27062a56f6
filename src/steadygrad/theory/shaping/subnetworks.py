"""The worst that any subnetwork does, given what one activation does.

A network's correlation map is its layers' maps composed and, at sums, averaged. A `Subnetworks` function takes a starting value
and the map r of one activation, and returns the largest value over all subnetworks: called with r(x) = s·x from 1 it gives
the largest slope at c = 1, with r(x) = x + k from 0 the largest curvature, with r a correlation map from 0 the largest C(0).
"""

from collections.abc import Callable, Sequence

from steadygrad.errors import InputError
from steadygrad.theory.domain import require_depth, require_widths

Map = Callable[[float], float]
Subnetworks = Callable[[float, Map], float]


def chain(depth: int) -> Subnetworks:
    """A plain network of `depth` activations: the whole of it is the worst subnetwork.

    Raises:
        InputError: depth below 1.

    Example:
        >>> chain(3)(1.0, lambda x: 2.0 * x)
        8.0
    """
    require_depth(depth)

    def worst(x: float, r: Map) -> float:
        for _ in range(depth):
            x = r(x)
        return x

    return worst


def residual_chain(blocks: Sequence[int], shortcut: float, branch_depth: int = 3) -> Subnetworks:
    """A residual network in stages: x ← w²·shortcut(x) + (1 − w²)·branch(x), then a last activation.

    Each branch holds `branch_depth` activations; the first block of a stage has one activation on its shortcut too, as
    pre-activation ResNets do. `shortcut` is w, the weight of the sum; the branch has √(1 − w²).

    Raises:
        InputError: no stages, a stage without blocks, or a weight outside [0, 1].

    Example:
        >>> round(residual_chain([1], 0.0, branch_depth=2)(1.0, lambda x: 2.0 * x), 9)  # no shortcut: 2 + 1 activations
        8.0
    """
    require_widths(blocks)
    require_depth(branch_depth)
    if not 0.0 <= shortcut <= 1.0:
        raise InputError(f"`shortcut` must lie in [0, 1], got {shortcut!r}")
    share, branch = shortcut**2, chain(branch_depth)

    def worst(x: float, r: Map) -> float:
        inside = branch(x, r)
        for count in blocks:
            for block in range(count):
                x = share * (r(x) if block == 0 else x) + (1.0 - share) * branch(x, r)
        return max(r(x), inside)

    return worst
