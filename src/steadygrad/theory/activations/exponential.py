"""Rectifiers with an exponential side: ELU, CELU, SELU, softplus, log-sigmoid."""

from collections.abc import Callable

import numpy as np

from steadygrad.theory.activation import Activation, Array
from steadygrad.theory.activations.sigmoidal import sigmoid

SELU_SCALE = 1.0507009873554804934193349852946  # Klambauer et al. 2017, arXiv:1706.02515, eq. 14
SELU_ALPHA = 1.6732632423543772848170429916717


def softplus(x: Array) -> Array:
    """log(1 + exp(x)), without overflow."""
    return np.logaddexp(0.0, x)


def _elu_like(name: str, alpha: float, scale: float = 1.0, width: float = 1.0) -> Activation:
    """φ(x) = scale·x for x > 0, scale·alpha·(exp(x/width) − 1) below."""

    def below(x: Array) -> Array:
        return np.minimum(x, 0.0) / width

    return Activation(
        name,
        lambda x: scale * np.where(x > 0.0, x, alpha * np.expm1(below(x))),
        lambda x: scale * np.where(x > 0.0, 1.0, alpha / width * np.exp(below(x))),
        (0.0,),
    )


def _softplus(beta: float = 1.0, threshold: float = 20.0) -> Activation:
    """φ(x) = log(1 + exp(beta·x))/beta, and x itself where beta·x > threshold."""
    return Activation(
        "softplus",
        lambda x: np.where(x * beta > threshold, x, softplus(beta * x) / beta),
        lambda x: np.where(x * beta > threshold, 1.0, sigmoid(beta * x)),
        (threshold / beta,),
    )


def _logsigmoid() -> Activation:
    """φ(x) = −log(1 + exp(−x))."""
    return Activation("logsigmoid", lambda x: -softplus(-x), lambda x: sigmoid(-x))


MAKERS: dict[str, Callable[..., Activation]] = {
    "elu": lambda alpha=1.0: _elu_like("elu", alpha),
    "celu": lambda alpha=1.0: _elu_like("celu", alpha, width=alpha),
    "selu": lambda: _elu_like("selu", SELU_ALPHA, SELU_SCALE),
    "softplus": _softplus,
    "logsigmoid": _logsigmoid,
}
