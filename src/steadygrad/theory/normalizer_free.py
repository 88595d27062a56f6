"""Constants of normalizer-free residual networks, exact.

    x_l = x_{l−1} + α·f(x_{l−1}/β_{l−1}),   β_l² = Var(x_l) = β_{l−1}² + α²,   f(x) of variance 1 for x of variance 1

Activations are scaled by γ = 1/√Var[φ(z)], and weights standardized per unit, so that f keeps variance.
Source: Brock, De & Smith 2021, arXiv:2101.08692.
"""

import math
from collections.abc import Sequence

import numpy as np

from steadygrad.errors import InputError
from steadygrad.theory import gaussian
from steadygrad.theory.activation import Activation, Array
from steadygrad.theory.domain import require_widths


def nonlinearity_gain(activation: Activation) -> float:
    """γ = 1/√Var[φ(z)], z ~ N(0, 1), for weights whose rows have mean 0 and variance 1/fan_in.

    Published tables of γ come from samples and are off by up to 0.15 %, and over 50 layers (γ/γ*)¹⁰⁰ shows that.
    Fails without weight standardization: the mean of φ then adds to the variance, and `gaussian.forward_gain` is the gain.

    Raises:
        InputError: φ is constant.

    Example:
        >>> from steadygrad.theory import activations
        >>> round(nonlinearity_gain(activations.get("relu")), 7)  # √(2π/(π − 1))
        1.7128586
    """
    variance = gaussian.moments(activation).variance
    if not variance > 0.0:
        raise InputError(f"`{activation.name}` must vary, got Var[φ] = {variance:g}")
    return 1.0 / math.sqrt(variance)


def stream_scales(blocks: Sequence[int], alpha: float = 0.2) -> list[Array]:
    """β before every block, one array a stage; transition blocks read their shortcut normalized, so variance restarts at 1 + α².

    Raises:
        InputError: no stages, a stage without blocks, or a negative alpha.

    Example:
        >>> [scales.round(4).tolist() for scales in stream_scales([1, 3], alpha=0.2)]
        [[1.0], [1.0198, 1.0198, 1.0392]]
    """
    require_widths(blocks)
    if not alpha >= 0.0:
        raise InputError(f"`alpha` must be at least 0, got {alpha!r}")
    scales, variance = [], 1.0
    for count in blocks:
        stage = []
        for block in range(count):
            stage.append(math.sqrt(variance))
            variance = (1.0 if block == 0 else variance) + alpha**2
        scales.append(np.array(stage))
    return scales
