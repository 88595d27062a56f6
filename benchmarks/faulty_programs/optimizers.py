"""Optimizer factories with the defaults of Keras and TensorFlow; each is `model -> optimizer`.

An L2 penalty that the original adds to the loss is applied to kernels as coupled weight decay: the same gradient.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

Factory = Callable[[nn.Module], Optimizer]


def _groups(model: nn.Module, l2: float) -> list[dict[str, Any]]:
    parameters = [p for p in model.parameters() if p.requires_grad]
    if not l2:
        return [{"params": parameters}]
    kernels = [p for p in parameters if p.dim() > 1]
    others = [p for p in parameters if p.dim() <= 1]
    return [{"params": kernels, "weight_decay": l2}, {"params": others}]


def sgd(lr: float, momentum: float = 0.0, nesterov: bool = False, l2: float = 0.0, ascend: bool = False) -> Factory:
    """`l2` is the coefficient of the weight in the gradient; `ascend` negates the gradient before it is applied."""
    return lambda model: torch.optim.SGD(_groups(model, -l2 if ascend else l2), lr=lr, momentum=momentum, nesterov=nesterov, maximize=ascend)


def adam(lr: float = 1e-3, eps: float = 1e-7, l2: float = 0.0) -> Factory:
    """Adam with Keras' eps; a rate that torch refuses (below zero) is written into the groups afterwards."""

    def make(model: nn.Module) -> Optimizer:
        optimizer = torch.optim.Adam(_groups(model, l2), lr=max(lr, 0.0), eps=eps)
        for group in optimizer.param_groups:
            group["lr"] = lr
        return optimizer

    return make


def rmsprop(lr: float = 1e-3, eps: float = 1e-7) -> Factory:
    """RMSprop with Keras' decay of 0.9."""
    return lambda model: torch.optim.RMSprop(_groups(model, 0.0), lr=lr, alpha=0.9, eps=eps)


def adadelta(lr: float = 1.0) -> Factory:
    """Adadelta with the rate of 1.0 and decay of 0.95 that Keras had."""
    return lambda model: torch.optim.Adadelta(_groups(model, 0.0), lr=lr, rho=0.95, eps=1e-6)
