"""How far evaluation is from training: the same batch in both modes, and batch norm by batch norm."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from steadygrad.graph.nested import named_tensors
from steadygrad.graph.trace import call_model
from steadygrad.graph.wrappers import canonical
from steadygrad.probes.session import SEED, Session

DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
BatchNorm = nn.modules.batchnorm._BatchNorm


@dataclass(frozen=True)
class NormGap:
    """One batch norm, given the same input in both modes.

    Fields:
        where: module path.
        shift: median over channels of |μ_batch − μ_running|/σ_batch.
        ratio: median over channels of σ_batch/σ_running.
        distance: median over channels of √((ratio − 1)² + (shift·ratio)²)/min(1, ratio): the rms difference between the
            two outputs, in units of the smaller of their standard deviations (1 in training, ratio in eval mode).
        noise: what `distance` would be if the running statistics were right and the batch a sample of m values
            per channel: √(3/2m).
        settled: share of the initial mean 0 and variance 1 that is gone, 1 − (1 − momentum)^batches.
    """

    where: str
    shift: float
    ratio: float
    distance: float
    noise: float
    settled: float


@dataclass(frozen=True)
class ModeGap:
    """The whole model in both modes.

    Fields:
        train_loss, eval_loss: None without a loss.
        difference: rms of the difference of the outputs over the rms of the training outputs; None without floats.
        norms: one per batch norm with running statistics, in order of execution.
        dropouts: paths of the dropout modules with p > 0.
    """

    train_loss: float | None
    eval_loss: float | None
    difference: float | None
    norms: tuple[NormGap, ...] = ()
    dropouts: tuple[str, ...] = ()


class ModeGapExperiment:
    """Two forward passes; the running statistics are those the model was handed in with."""

    name: ClassVar[str] = "mode-gap"
    depths: ClassVar[tuple[str, ...]] = ("full",)
    cost: ClassVar[str] = "two forward passes"
    unit: ClassVar[str] = "standard deviations of the training output"

    def applies(self, session: Session) -> bool:
        """In train mode, for a model that has anything that differs between the modes."""
        if session.mode != "train" or session.traced is None or session.traced.failure:
            return False
        return any(isinstance(m, BatchNorm) or _drops(m) for m in session.model.modules())

    def run(self, session: Session) -> ModeGap:
        """Look in train mode, put the buffers back, look in eval mode."""
        found: list[NormGap] = []
        hooks = [m.register_forward_pre_hook(_watch(canonical(path), found)) for path, m in _watched(session.model)]
        try:
            with torch.no_grad():
                train, train_loss = _look(session)
        finally:
            for hook in hooks:
                hook.remove()
        session.restart()
        session.model.eval()
        with torch.no_grad():
            evaluated, eval_loss = _look(session)
        dropouts = tuple(canonical(path) for path, m in session.model.named_modules() if _drops(m))
        return ModeGap(train_loss, eval_loss, _difference(train, evaluated), tuple(found), dropouts)


def _drops(module: nn.Module) -> bool:
    return isinstance(module, DROPOUTS) and module.p > 0.0


def _watched(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for path, module in model.named_modules():
        if isinstance(module, BatchNorm) and module.training and module.running_mean is not None and module.running_var is not None:
            yield path, module


def _watch(where: str, found: list[NormGap]) -> Any:
    def look(module: Any, inputs: tuple[torch.Tensor, ...]) -> None:
        x = inputs[0].detach().movedim(1, 0).flatten(1).double()
        if x.shape[1] < 2 or any(g.where == where for g in found):
            return
        variance, mean = torch.var_mean(x, dim=1, correction=0)
        running = module.running_var.double()
        shift = (mean - module.running_mean.double()).abs() / (variance + module.eps).sqrt()
        ratio = ((variance + module.eps) / (running + module.eps)).sqrt()
        distance = ((ratio - 1.0).square() + (shift * ratio).square()).sqrt() / ratio.clamp_max(1.0)
        batches = 0 if module.num_batches_tracked is None else int(module.num_batches_tracked)
        settled = 1.0 - (1.0 - module.momentum) ** batches if module.momentum is not None else float(batches > 0)
        found.append(NormGap(where, float(shift.median()), float(ratio.median()), float(distance.median()), math.sqrt(1.5 / x.shape[1]), settled))

    return look


def _look(session: Session) -> tuple[list[torch.Tensor], float | None]:
    torch.manual_seed(SEED)
    outputs = call_model(session.model, session.case.inputs)
    tensors = [t.detach() for _, t in named_tensors(outputs, "output") if t.is_floating_point() and t.ndim]
    if session.traced is None or session.traced.cotangent:
        return tensors, None
    loss = session.loss_of(outputs)
    return tensors, None if loss is None else float(loss.detach())


def _difference(train: list[torch.Tensor], evaluated: list[torch.Tensor]) -> float | None:
    if not train or [t.shape for t in train] != [t.shape for t in evaluated]:
        return None
    change = math.fsum(float((a.double() - b.double()).square().sum()) for a, b in zip(train, evaluated, strict=True))
    size = math.fsum(float(a.double().square().sum()) for a in train)
    return math.sqrt(change / size) if size > 0.0 else None
