"""The end-to-end Jacobian of a wide network, J = Π D_l W_l: mean, variance and higher moments of its squared singular values.

    E[tr(JJᵀ)]/n = χ^L,   χ = σ_w² μ₁
    Var(eig(JJᵀ))/χ^{2L} = L·(μ₂/μ₁² − 1 − s₁),   s₁ = −1 for Gaussian, 0 for orthogonal weights

with μ_k = E[φ′(√q* z)^{2k}] and all layers at the fixed point q*. Gaussian weights spread linearly in depth whatever φ is;
orthogonal ones only by how φ′ varies: with q* = O(1/L) a tanh network keeps every singular value near 1 (dynamical
isometry), which ReLU, with μ₂/μ₁² = 2 at every q, cannot. Source: Pennington et al. 2017, arXiv:1711.04735.
"""

import math
from dataclasses import dataclass

import numpy as np

from steadygrad.errors import InputError
from steadygrad.theory import free_product, gaussian
from steadygrad.theory.activation import Activation, Array
from steadygrad.theory.domain import require_depth, require_variances


@dataclass(frozen=True)
class Spectrum:
    """Moments of the eigenvalues of JJᵀ.

    Attributes:
        mean: χ^L; 0 or ∞ when it leaves float64, `log_mean` stays.
        log_mean: L·log χ.
        relative_variance: variance over squared mean.
        relative_moments: E[λ^k]/mean^k for k = 1, 2, ….
    """

    mean: float
    log_mean: float
    relative_variance: float
    relative_moments: Array


def jacobian_spectrum(
    activation: Activation, weight_variance: float, q: float = 1.0, *, depth: int, orthogonal: bool = False, orders: int = 4
) -> Spectrum:
    """Mean, variance and the first `orders` moments of eig(JJᵀ) for `depth` square layers, width → ∞ at fixed depth.

    Fails at depth/width near 1, where finite width adds as much again (`finite_width`), and for the largest singular value,
    which moments bound only: s_max² ≥ (m_k/m_1)^{1/(k−1)}.

    Raises:
        InputError: depth below 1, a negative variance, fewer than 2 orders, or a φ without slope at q.

    Example:
        >>> from steadygrad.theory import activations
        >>> relu, tanh = activations.get("relu"), activations.get("tanh")
        >>> [round(jacobian_spectrum(relu, 2.0, depth=32, orthogonal=o).relative_variance, 9) for o in (False, True)]
        [64.0, 32.0]
        >>> round(jacobian_spectrum(tanh, 1.0, 1 / 64, depth=32, orthogonal=True).relative_variance, 4)
        0.0541
    """
    require_depth(depth)
    require_variances(weight_variance)
    if orders < 2:
        raise InputError(f"`orders` must be at least 2, got {orders!r}")
    slopes = np.array([gaussian.slope_moment(activation, q, power=2 * k) for k in range(1, orders + 1)])
    if not slopes[0] > 0.0:
        raise InputError(f"`{activation.name}` must have a slope at q = {q:g}, got E[φ′²] = {slopes[0]:g}: its Jacobian is zero")
    relative = slopes / slopes[0] ** np.arange(1, orders + 1)
    layer = free_product.s_series(relative)
    if not orthogonal:
        layer = np.convolve(layer, (-1.0) ** np.arange(orders))[:orders]  # Marchenko–Pastur: 1/(1 + z)
    moments = free_product.moments_from_s(free_product.power(layer, depth))
    variance = depth * (relative[1] - 1.0 + (0.0 if orthogonal else 1.0))
    chi = weight_variance * float(slopes[0])
    log_mean = depth * math.log(chi) if chi > 0.0 else -math.inf
    mean = math.exp(log_mean) if log_mean < 709.0 else math.inf
    return Spectrum(mean, log_mean, float(variance), moments)


def gaussian_edge(depth: int) -> float:
    """Largest squared singular value of a product of `depth` wide square matrices with entries N(0, 1/n).

    (L + 1)^{L+1}/L^L → e·(L + ½): norms of random directions keep their size while the largest grows like √L.
    The spectrum of ReLU networks with He weights reaches further. Source: Penson & Życzkowski 2011, arXiv:1103.3453.

    Raises:
        InputError: depth below 1.

    Example:
        >>> gaussian_edge(1), round(gaussian_edge(100), 2)
        (4.0, 273.19)
    """
    require_depth(depth)
    return (depth + 1) * (1.0 + 1.0 / depth) ** depth
