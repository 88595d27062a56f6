"""How fast gradients grow through batch-normalized layers, large batches.

    χ_BN = E[φ′(z)²]/Var[φ(z)] ≥ 1        (the Gaussian Poincaré inequality: equality only for linear φ)

π/(π − 1) = 1.467 for ReLU: Yang et al. 2019, arXiv:1902.08129.
"""

from steadygrad.theory import gaussian
from steadygrad.theory.activation import Activation


def batch_norm_growth(activation: Activation) -> float:
    """χ_BN: the factor per layer on squared gradients of a deep network with batch norm before each activation.

    Valid while `symmetry_slope` ≤ 1, that is not for GELU, SiLU and softplus, whose samples drift apart in norm and
    whose gradients grow faster; batches of B add about (B − 2)/(B − 3).

    Example:
        >>> from steadygrad.theory import activations
        >>> round(batch_norm_growth(activations.get("relu")), 6)  # π/(π − 1)
        1.466942
    """
    moments = gaussian.moments(activation)
    return moments.slope / moments.variance


def symmetry_slope(activation: Activation) -> float:
    """η = (E[φ φ′ z] − E[φ] E[φ′ z])/Var[φ]: how differences between the norms of samples change per layer.

    Example:
        >>> from steadygrad.theory import activations
        >>> round(symmetry_slope(activations.get("gelu")), 3)
        1.062
    """
    moments = gaussian.moments(activation)
    product = gaussian.expectation(lambda x: (activation.phi(x) - moments.mean) * activation.derivative(x) * x, kinks=activation.kinks)
    return product / moments.variance
