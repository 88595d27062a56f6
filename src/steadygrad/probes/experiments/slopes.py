"""What the loss asks of the outputs as they are: the model does not run for it."""

import torch

from steadygrad.probes.experiments.rebuild import mapped
from steadygrad.probes.session import SEED, Session


def output_slopes(session: Session) -> list[tuple[torch.Tensor, torch.Tensor | None]]:
    """Every floating output, cut off from the model, and the gradient of the loss there: None where the loss does not read it.

    Empty where the loss is no number that depends on them; raises what the loss raises.
    """
    assert session.traced is not None
    leaves: list[torch.Tensor] = []

    def cut(tensor: torch.Tensor) -> torch.Tensor:
        if not tensor.is_floating_point():
            return tensor.detach()
        leaves.append(tensor.detach().requires_grad_())
        return leaves[-1]

    torch.manual_seed(SEED)
    with torch.enable_grad():
        loss = session.loss_of(mapped(session.traced.outputs, cut))
        found = torch.autograd.grad(loss, leaves, allow_unused=True) if loss is not None and loss.requires_grad else ()
    return [(leaf.detach(), slope) for leaf, slope in zip(leaves, found, strict=False)]
