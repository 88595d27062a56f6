"""`check`: the door. A model and a batch walk in, a report with one cause walks out, and everything is as it was."""

import platform
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from steadygrad import pipeline
from steadygrad.case import Case
from steadygrad.errors import InputError
from steadygrad.graph.lazy import has_lazy, materialised_copy
from steadygrad.graph.preflight import explained, inspect_case
from steadygrad.probes.evidence import Evidence
from steadygrad.remedies import attach
from steadygrad.report.full import full_depth
from steadygrad.report.record import Report
from steadygrad.report.rows import layer_rows, verdict
from steadygrad.rules.catalog import RULES
from steadygrad.rules.rule import Rule
from steadygrad.rules.selection import selected

DEPTHS = ("fast", "full")
MODES = ("train", "eval")


def check(
    model: Any,
    inputs: Any = None,
    targets: Any = None,
    loss_fn: Callable[..., Any] | None = None,
    *,
    optimizer: Any = None,
    depth: str = "fast",
    mode: str = "train",
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    thresholds: Mapping[str, float] | None = None,
    generated: bool = False,
    name: str = "",
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Say whether a network can be trained, what the one cause is if not, where it starts, and what to do.

    One forward and one backward pass on one batch, in the caller's autocast context, under a fixed seed. Parameters,
    buffers, gradients, random states, flags and hooks are put back bit for bit, also when the model raises.

    Args:
        model: any `torch.nn.Module`, or a `Case` that holds everything.
        inputs: a tensor, a tuple (positional), a dict (keyword) or a batch object with keys.
        targets: second argument of `loss_fn`.
        loss_fn: `loss_fn(outputs, targets)` → one number. Without it a model that returns `.loss` is understood;
            else gradients are probed with a fixed random cotangent, and the report says so.
        optimizer: the optimizer that will train the model; enables the rules about steps.
        depth: "fast", or "full" for curvature, train/eval gap and other passes of their own.
        mode: "train" or "eval".
        select, ignore: rule codes, code prefixes or slugs to run or to leave out.
        thresholds: `{"slug.name": value}` overrides.
        generated: the inputs were made up; rules about data are off.
        name: how the report calls the model.
        progress: called with the name of each stage.

    Returns:
        A frozen `Report`; `report.ok`, `report.cause`, `print(report)`.

    Raises:
        InputError: an argument cannot be used.
        TargetError: `select`, `ignore` or `thresholds` name no rule.
        ModelError: the user's own code raised; the message says where.

    Example:
        >>> import torch
        >>> net = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.ReLU(), torch.nn.Linear(32, 2))
        >>> check(net, torch.randn(64, 8, generator=torch.Generator().manual_seed(0))).ok
        True
    """
    case = model if isinstance(model, Case) else Case(model, inputs, targets, loss_fn, optimizer, generated, name)
    _choice("depth", depth, DEPTHS)
    _choice("mode", mode, MODES)
    rules = selected(RULES, select, ignore, thresholds or {})
    inspect_case(case)
    with explained(case):
        if has_lazy(case.model):
            case = replace(case, model=materialised_copy(case.model, case.inputs), name=case.name or type(case.model).__name__)
        evidence, findings = pipeline.run(case, rules, mode=mode, depth=depth, progress=progress)
    return _report(case, evidence, attach(findings), rules)


def explain(code: str) -> str:
    """What a rule looks for, why it stops training and what to do, by code or slug.

    Raises:
        TargetError: no rule has that name.
    """
    from steadygrad.rules.explanation import explanation

    return explanation(RULES[code])


def _choice(what: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(f"`{what}` must be one of {', '.join(map(repr, choices))}, got {value!r}")


def _report(case: Case, evidence: Evidence, findings: tuple[Any, ...], rules: list[Rule]) -> Report:
    conditions = evidence.conditions
    loss = evidence.loss
    return Report(
        name=case.name or type(case.model).__name__,
        verdict=verdict(findings, evidence),
        findings=findings,
        layers=layer_rows(evidence, findings),
        conditions={
            "mode": conditions.mode,
            "depth": conditions.depth,
            "batch_size": conditions.batch_size,
            "device": conditions.device,
            "autocast": conditions.autocast,
            "loss": loss.op if loss is not None else "none",
            "loss_value": loss.value if loss is not None else None,
            "loss_expected": loss.expected if loss is not None else None,
            "cotangent": conditions.cotangent,
            "generated_inputs": conditions.generated_inputs,
            "optimizer": evidence.optimizer.name if evidence.optimizer is not None else "",
            "rules": len(rules),
        },
        not_seen=(*evidence.graph.notes, *evidence.graph.not_seen),
        seconds=dict(evidence.seconds),
        parameter_count=sum(p.numel for p in evidence.graph.parameters.values()),
        full=full_depth(evidence),
        versions={"steadygrad": _version(), "torch": torch.__version__, "python": platform.python_version()},
    )


def _version() -> str:
    try:
        return version("steadygrad")
    except PackageNotFoundError:
        return "not installed"
