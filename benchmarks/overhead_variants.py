"""What `check_overhead.py` times: ways of looking at one forward and backward, ours and others'.

A variant is made once per network (what can be prepared is prepared then) and gives a function that runs one step.
"""

import atexit
import os
import tempfile
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

import steadygrad
from steadygrad.case import Case
from steadygrad.graph.replay import Replay
from steadygrad.graph.trace import trace
from steadygrad.graph.transaction import transaction
from steadygrad.probes.meter import Meter
from steadygrad.probes.session import measure
from steadygrad.probes.values import Values

Step = Callable[[], None]
Look = Callable[[torch.Tensor], object]


def bare(case: Case) -> Step:
    """One forward and backward."""
    parameters = list(case.model.parameters())
    return lambda: (torch.autograd.grad(case.loss_fn(case.model(case.inputs), case.targets), parameters), None)[1]


def values(detail: str) -> Callable[[Case], Step]:
    """The values pass on a graph that was traced before: every result of an op, its gradient, weights, their gradients."""

    def make(case: Case) -> Step:
        meter, parameters = Meter("moments", len(case.inputs)), list(case.model.parameters())
        traced = trace(case.model, case.inputs, case.targets, case.loss_fn, meter)
        torch.autograd.grad(traced.loss, parameters)
        live = dict(case.model.named_parameters())
        traced.loss, traced.outputs, traced.output_tensors = None, None, []

        found = Values(traced, meter, live, detail=detail)

        def step() -> None:
            with found:
                with found.forward():
                    loss = case.loss_fn(case.model(case.inputs), case.targets)
                torch.autograd.grad(loss, parameters)

        step()
        if found.departed or len(found.gradients) < len(meter.gradients.found) or len(found.parameter_gradients) < len(parameters):
            raise RuntimeError(f"not everything was read: {found.departed or len(found.gradients)}")
        return step

    return make


def empty(case: Case) -> Step:
    """The floor under the values pass in Python: the same mode and hooks, which read nothing."""
    meter, parameters = Meter("moments"), list(case.model.parameters())
    traced = trace(case.model, case.inputs, case.targets, case.loss_fn, meter)
    torch.autograd.grad(traced.loss, parameters)
    traced.loss, traced.outputs, traced.output_tensors = None, None, []

    def ask(_: int, tensor: torch.Tensor) -> None:
        if tensor.requires_grad:
            tensor.register_hook(nothing)

    def nothing(_: torch.Tensor) -> None:
        pass

    mode = Replay(traced.script, frozenset(meter.signals), ask)

    def step() -> None:
        handles = [parameter.register_hook(nothing) for parameter in parameters]
        mode.restart()
        with mode:
            loss = case.loss_fn(case.model(case.inputs), case.targets)
        torch.autograd.grad(loss, parameters)
        for handle in handles:
            handle.remove()

    return step


def observed(detail: str) -> Callable[[Case], Step]:
    """Structure and values at once, as a check takes them, inside the transaction that puts everything back."""

    def make(case: Case) -> Step:
        def step() -> None:
            with transaction(case.model, inputs=case.inputs) as held:
                measure(case, held, detail=detail)

        return step

    return make


def whole(case: Case) -> Step:
    """The fast check with report."""
    return lambda: (steadygrad.check(case), None)[1]


def by_hooks(look: Look) -> Callable[[Case], Step]:
    """`look` at every leaf module's output, its gradient, every weight and its gradient, as people write it."""

    def forward(_m: nn.Module, _a: object, out: object) -> None:
        if isinstance(out, torch.Tensor) and out.is_floating_point():
            look(out.detach())
            if out.requires_grad:
                out.register_hook(lambda g: (look(g), None)[1])

    def make(case: Case) -> Step:
        def step() -> None:
            handles = [m.register_forward_hook(forward) for m in case.model.modules() if not list(m.children())]
            parameters = list(case.model.parameters())
            gradients = torch.autograd.grad(case.loss_fn(case.model(case.inputs), case.targets), parameters)
            for tensor in (*gradients, *parameters):
                look(tensor.detach())
            for handle in handles:
                handle.remove()

        return step

    return make


def six_items(t: torch.Tensor) -> tuple[float, ...]:
    """Six numbers, each fetched by itself."""
    return (t.mean().item(), t.std().item(), t.abs().max().item(), (t == 0).float().mean().item(), t.norm().item(), torch.isfinite(t).all().item())


def histc(t: torch.Tensor) -> list[float]:
    """64 equal bins between the extremes."""
    return torch.histc(t, 64).tolist()


def anomaly(case: Case) -> Step:
    """torch's own NaN detector."""
    run = bare(case)

    def step() -> None:
        with warnings.catch_warnings(), torch.autograd.detect_anomaly():
            run()

    return step


def wandb_watch(case: Case) -> Step:
    """wandb.watch(log="all") offline: histograms of weights and weight gradients; it does not look at activations."""
    import wandb

    os.environ["WANDB_SILENT"] = "true"
    run = wandb.init(mode="offline", dir=tempfile.mkdtemp(), reinit=True)

    def step() -> None:
        run.watch(case.model, log="all", log_freq=1)
        loss = case.loss_fn(case.model(case.inputs), case.targets)
        loss.backward()
        run.log({"loss": float(loss)})
        run.unwatch(case.model)
        case.model.zero_grad()

    return step


def torchlens_trace(case: Case) -> Step:
    """torchlens.trace: structure and saved activations of the forward alone."""
    import torchlens

    return lambda: (torchlens.trace(case.model, case.inputs), None)[1]


def torchmortem_autopsy(case: Case) -> Step:
    """torchmortem at its "thorough" rate: collectors on activations, gradients and weights; its report, made at the end, left out."""
    import torchmortem

    watched = torchmortem.Autopsy(case.model, sampling=torchmortem.SamplingConfig(default_interval=1, expensive_interval=1))
    watched.attach()
    atexit.unregister(watched._atexit_handler)  # which would write a crash report

    def step() -> None:
        loss = case.loss_fn(case.model(case.inputs), case.targets)
        loss.backward()
        watched.step(loss=float(loss))
        case.model.zero_grad()

    return step


def torch_audit_step(case: Case) -> Step:
    """torch-audit on every step, with all its runtime rules."""
    import torch_audit

    auditor = torch_audit.Auditor(case.model, every_n_steps=1, suppress_internal_errors=True)

    def step() -> None:
        auditor.backward(case.loss_fn(auditor.forward(case.inputs), case.targets))
        case.model.zero_grad()

    return step


def fastai_stats(case: Case) -> Step:
    """fastai's ActivationStats with histograms: outputs of leaf modules; no gradients, no weights."""
    from fastai.callback.hook import ActivationStats, Hooks

    leaves, stats, parameters = [m for m in case.model.modules() if not list(m.children())], ActivationStats(with_hist=True), list(case.model.parameters())

    def step() -> None:
        with Hooks(leaves, stats.hook):
            loss = case.loss_fn(case.model(case.inputs), case.targets)
        torch.autograd.grad(loss, parameters)

    return step


def torchtest2_check(case: Case) -> Step:
    """torchtest2.check_model, the one-off check nearest to ours, without its two hundred steps of overfitting."""
    import torchtest2

    return lambda: (torchtest2.check_model(case.model, case.inputs, case.targets, loss_fn=case.loss_fn, skip=("overfit_batch",)), None)[1]


VARIANTS: dict[str, Callable[[Case], Step]] = {
    "values: hooks that read nothing": empty,
    "values: five scalars": values("moments"),
    "values: units and histograms": values("units"),
    "structure and five scalars": observed("moments"),
    "structure and everything": observed("full"),
    "whole fast check": whole,
    "naive .item() hooks": by_hooks(six_items),
    "64-bin torch.histc hooks": by_hooks(histc),
    "detect_anomaly": anomaly,
}
PEERS: dict[str, tuple[str, Callable[[Case], Step]]] = {
    "wandb.watch, weights only": ("wandb", wandb_watch),
    "torch-audit, every step": ("torch_audit", torch_audit_step),
    "fastai ActivationStats, no gradients": ("fastai", fastai_stats),
    "torchmortem, every step": ("torchmortem", torchmortem_autopsy),
    "torchtest2.check_model": ("torchtest2", torchtest2_check),
    "torchlens, forward only": ("torchlens", torchlens_trace),
}
"""Each with the package it needs; torchlens last, because it replaces torch's functions for good."""
EVERY: dict[str, Any] = {"bare": bare, **VARIANTS, **{name: make for name, (_, make) in PEERS.items()}}
