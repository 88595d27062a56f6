"""Products with the Hessian of the loss on the batch, without ever forming it."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from steadygrad.probes.session import Session


class Hessian:
    """v ↦ Hv over the given parameters, flattened in order; at the weights as they are.

    Double backward, ∂⟨∂L/∂w, v⟩/∂w: exact up to rounding. Attention runs in its plain form meanwhile, whose derivative
    has a derivative. Where some op has none, differences of gradients: Hv ≈ (∇L(w + hv) − ∇L(w − hv))/2h with
    h‖v‖ = ∛ε‖w‖, which balances the rounding of the gradients (∝ ε/h) against the third derivative (∝ h²).
    `method` says which of the two it was.

    Source: Pearlmutter 1994, "Fast exact multiplication by the Hessian"; Nocedal & Wright 2006, section 8.1 (h).

    Raises:
        RuntimeError: the gradient itself cannot be taken a second time.
    """

    def __init__(self, session: Session, parameters: Sequence[torch.Tensor]) -> None:
        self._session = session
        self._parameters = list(parameters)
        self.products = 0
        self.method = "double backward"
        try:
            with sdpa_kernel(SDPBackend.MATH):
                loss = session.loss_again()
                assert loss is not None  # callers ask only where there is a loss
                self._gradients = torch.autograd.grad(loss, self._parameters, create_graph=True, allow_unused=True)
            require_second_derivative(self._gradients)
            self.gradient = flat(self._gradients, self._parameters)
            self._exact(self.gradient)
        except (RuntimeError, NotImplementedError):
            self._gradients = ()
            session.transaction.will_change_parameters()
            self._width = torch.finfo(self._parameters[0].dtype).eps ** (1 / 3) * max(float(flat(self._parameters, self._parameters).norm()), 1e-3)
            self.method = f"differences of gradients at distance {self._width:.2g}"
            self.gradient = self._gradient()

    def __call__(self, v: torch.Tensor) -> torch.Tensor:
        """Hv, flat."""
        self.products += 1
        return self._exact(v) if self._gradients else self._difference(v)

    def _exact(self, v: torch.Tensor) -> torch.Tensor:
        pairs = [(g, part) for g, part in zip(self._gradients, self._parts(v), strict=True) if g is not None and g.requires_grad]
        if not pairs:
            return torch.zeros_like(v)  # a loss that is linear in every weight
        made, along = zip(*pairs, strict=True)
        return flat(torch.autograd.grad(made, self._parameters, grad_outputs=along, retain_graph=True, allow_unused=True), self._parameters)

    def _difference(self, v: torch.Tensor) -> torch.Tensor:
        length = float(v.norm())
        if length == 0.0:
            return torch.zeros_like(v)
        h = self._width / length
        ahead, behind = self._gradient(v, h), self._gradient(v, -h)
        return (ahead - behind) / (2.0 * h)

    def _gradient(self, v: torch.Tensor | None = None, h: float = 0.0) -> torch.Tensor:
        if v is not None:
            with torch.no_grad():
                for parameter, part in zip(self._parameters, self._parts(v), strict=True):
                    parameter.add_(part, alpha=h)
        try:
            loss = self._session.loss_again()
            assert loss is not None
            return flat(torch.autograd.grad(loss, self._parameters, allow_unused=True), self._parameters)
        finally:
            self._session.transaction.undo_step()

    def _parts(self, v: torch.Tensor) -> list[torch.Tensor]:
        sizes = [p.numel() for p in self._parameters]
        return [part.view_as(p).to(p.dtype) for part, p in zip(v.split(sizes), self._parameters, strict=True)]


def require_second_derivative(gradients: Iterable[torch.Tensor | None]) -> None:
    """See that the gradients' own graph has no dead end where a derivative is refused.

    `once_differentiable` functions leave one that raises only when it is reached, which a derivative with respect to
    chosen tensors never does: without this look it would silently be taken for a constant.

    Raises:
        NotImplementedError: there is one.
    """
    stack: list[Any] = [g.grad_fn for g in gradients if g is not None]
    seen: set[Any] = set()
    while stack:
        node = stack.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if "Error" in node.name() or "NotImplemented" in node.name():
            raise NotImplementedError(f"an op on the way can be differentiated only once ({node.name()})")
        stack.extend(following for following, _ in node.next_functions)


def flat(tensors: Iterable[torch.Tensor | None], like: Sequence[torch.Tensor]) -> torch.Tensor:
    """All entries in one float32 (or float64) vector; zeros where a tensor is None."""
    dtype = torch.float64 if any(p.dtype == torch.float64 for p in like) else torch.float32
    return torch.cat([(torch.zeros_like(p) if t is None else t.detach()).flatten().to(dtype) for t, p in zip(tensors, like, strict=True)])
