"""One backward pass under observation, whatever keeps gradients to itself: checkpoints, shards, reversible layers."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import nn

from steadygrad.errors import ModelError
from steadygrad.graph.sharded import any_sharded
from steadygrad.graph.trace import trace
from steadygrad.probes.meter import Meter

if TYPE_CHECKING:
    from steadygrad.probes.session import Session


def backward(session: "Session", seed: int) -> None:
    """The gradient of the loss for every parameter that has one, into `session.gradients`; the transaction puts `.grad` back.

    Args:
        session: traced, with its loss.
        seed: of a second run, which reentrant checkpoints need.

    Raises:
        ModelError: the backward pass raised.
    """
    traced, model = session.traced, session.model
    assert traced is not None  # measure() sets it first
    wanted = {name: p for name, p in session.parameters.items() if p.requires_grad}
    session.gradients = dict.fromkeys(session.parameters)
    if traced.loss is None or not traced.loss.requires_grad or not wanted:
        return
    if any_sharded(wanted.values()):  # their gradients are reduced and scattered by hooks that only `backward` runs
        session.gradients.update(zip(wanted, _after_backward(traced.loss, wanted), strict=True))
        session.remarks.append("sharded parameters: gathered from all processes, which must run the check together")
        return
    forget(wanted)
    try:
        found = torch.autograd.grad(traced.loss, list(wanted.values()), allow_unused=True)
    except RuntimeError as error:
        if "checkpoint" not in str(error).lower():
            raise ModelError(f"the backward pass raised: {error}") from error
        found = _accumulated(session, seed, model, wanted)
    else:
        with torch._C.DisableTorchFunction():
            found = tuple(map(_with_inner, found, wanted.values()))
    session.gradients.update(zip(wanted, found, strict=True))


def _accumulated(session: "Session", seed: int, model: nn.Module, wanted: Mapping[str, nn.Parameter]) -> tuple[torch.Tensor | None, ...]:
    """Reentrant checkpoints refuse `autograd.grad`: run once more and let gradients accumulate, as training does."""
    torch.manual_seed(seed)
    session.meter.close()
    session.meter = Meter(session.meter.detail, session.meter.batch_size)
    session.traced = trace(model, session.case.inputs, session.case.targets, session.case.loss_fn, session.meter)
    assert session.traced.loss is not None  # it was not the first time either
    return _after_backward(session.traced.loss, wanted)


def forget(wanted: Mapping[str, nn.Parameter]) -> None:
    """No gradients; the transaction holds the former ones, and its guard need not copy weights of which only `.grad` is set."""
    with torch._C.DisableTorchFunction():
        for parameter in wanted.values():
            parameter.grad = None


def _with_inner(gradient: torch.Tensor | None, parameter: nn.Parameter) -> torch.Tensor | None:
    """With what backward passes within the backward pass left at the parameter, as those of reversible layers do."""
    inner, parameter.grad = parameter.grad, None
    return inner if gradient is None else gradient if inner is None else gradient + inner


def _after_backward(loss: torch.Tensor, wanted: Mapping[str, nn.Parameter]) -> tuple[torch.Tensor | None, ...]:
    """Gradients as training accumulates them; the transaction puts the former ones back."""
    forget(wanted)
    loss.backward()
    return tuple(parameter.grad for parameter in wanted.values())
