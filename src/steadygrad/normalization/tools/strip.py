"""Take away biases that the batch norm after them subtracts again."""

from typing import Any

import torch
from torch import nn

from steadygrad.normalization.tools.neighbours import places


def strip_dead_bias(model: nn.Module, inputs: Any) -> list[str]:
    """Remove each bias right before a batch norm, in place, with both modes unchanged; returns the names removed.

    In train mode (x + b) − mean(x + b) = x − mean(x): b is dead. In eval mode the running mean contains b; it becomes
    μ − b. The equivalent transformation the chapter's first exercise asks for is a constant in the batch norm's own β.
    Build the optimizer afterwards: it would hold parameters that are gone. Variance-only norms keep the bias; so do layers
    that are tied, shared, or read by anything else.

    Raises:
        ModelError: no batch norm, or the forward raised; the model is then as it was.

    Source: Ioffe & Szegedy 2015, arXiv:1502.03167, section 3.2.
    """
    modules = dict(model.named_modules())
    removed = []
    for place in list(places("strip_dead_bias", model, inputs)):
        if place.before is None or modules[place.before].bias is None or getattr(modules[place.path], "normalize", "both") == "variance":
            continue
        layer, norm = modules[place.before], modules[place.path]
        with torch.no_grad():
            norm.running_mean.sub_(layer.bias.to(norm.running_mean.dtype))
        layer.register_parameter("bias", None)
        removed.append(f"{place.before}.bias")
    return removed
