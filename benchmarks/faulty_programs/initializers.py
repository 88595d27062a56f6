"""Keras and TensorFlow initializers as in-place fills, so that a rebuilt layer starts where the original did.

Each is `initializer(weight, fan_in, fan_out)`; truncated normals are cut at two standard deviations.
"""

import math
from collections.abc import Callable

from torch import Tensor, nn

Initializer = Callable[[Tensor, int, int], object]

# Keras divides the wanted standard deviation by that of a unit normal cut at ±2, so that the drawn one comes out right.
TRUNCATED_STD = 0.87962566103423978


def uniform(bound: float) -> Initializer:
    """U(−bound, bound); Keras' "uniform" has bound 0.05."""
    return lambda weight, fan_in, fan_out: nn.init.uniform_(weight, -bound, bound)


def normal(std: float) -> Initializer:
    """N(0, std²); Keras' "normal" has std 0.05."""
    return lambda weight, fan_in, fan_out: nn.init.normal_(weight, 0.0, std)


def truncated_normal(std: float) -> Initializer:
    """N(0, std²) cut at ±2 std, not corrected for the cut (as `tf.truncated_normal`)."""
    return lambda weight, fan_in, fan_out: nn.init.trunc_normal_(weight, 0.0, std, -2 * std, 2 * std)


def glorot_uniform(weight: Tensor, fan_in: int, fan_out: int) -> Tensor:
    """U(−√(6/(fan_in+fan_out)), +…): the Keras default."""
    bound = math.sqrt(6 / (fan_in + fan_out))
    return nn.init.uniform_(weight, -bound, bound)


def he_uniform(weight: Tensor, fan_in: int, fan_out: int) -> Tensor:
    """U(−√(6/fan_in), +…) = VarianceScaling(2, fan_in, uniform)."""
    bound = math.sqrt(6 / fan_in)
    return nn.init.uniform_(weight, -bound, bound)


def _cut_normal(scale: float) -> Initializer:
    def fill(weight: Tensor, fan_in: int, fan_out: int) -> Tensor:
        std = math.sqrt(scale / fan_in) / TRUNCATED_STD
        return nn.init.trunc_normal_(weight, 0.0, std, -2 * std, 2 * std)

    return fill


he_normal = _cut_normal(2.0)  # VarianceScaling(2, fan_in, normal)
lecun_normal = _cut_normal(1.0)  # VarianceScaling(1, fan_in, normal)
