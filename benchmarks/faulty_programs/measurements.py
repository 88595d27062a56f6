"""What one forward, one backward and one optimizer step show, without the library under test."""

import copy
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from steadygrad.case import Case

Numbers = dict[str, float]


def step_zero(case: Case, seed: int = 0) -> Numbers:
    """Numbers of the first step, by dotted name; the case itself is left as it was.

    Keys: `inputs.*`, `targets.*`, `loss`, `loss.after_step`, `output.*`, `{path}.rms`, `{path}.zero_share` and
    `{path}.nonfinite` per leaf module in forward order, `{parameter}.gradient_norm` and `{parameter}.update_ratio`,
    `eval.output.rms` after the step.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _measure(*copy.deepcopy((case.model, case.optimizer)), case)


def _measure(model: nn.Module, optimizer: torch.optim.Optimizer | None, case: Case) -> Numbers:
    numbers = {**_spread("inputs", case.inputs), **_spread("targets", case.targets)}
    if case.inputs.dim() == 2:
        columns = case.inputs.double().std(0, correction=0)
        numbers |= {"inputs.column_std.min": columns.min().item(), "inputs.column_std.max": columns.max().item()}
    numbers["targets.commonest_share"] = _commonest_share(case.targets)
    outputs = _forward(model, case.inputs, numbers)
    numbers |= _spread("output", outputs)
    loss = case.loss_fn(outputs, case.targets)
    numbers["loss"] = loss.item()
    loss.backward()
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    for name, parameter in model.named_parameters():
        gradient = parameter.grad
        numbers[f"{name}.gradient_norm"] = math.nan if gradient is None else gradient.double().norm().item()
    if optimizer is None:
        return numbers
    optimizer.step()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            numbers[f"{name}.update_ratio"] = _ratio((parameter - before[name]).norm(), before[name].norm())
        numbers["loss.after_step"] = case.loss_fn(model(case.inputs), case.targets).item()
        numbers["eval.output.rms"] = _rms(model.eval()(case.inputs))
    return numbers


def _forward(model: nn.Module, inputs: Tensor, numbers: Numbers) -> Tensor:
    """The output, with a line of numbers per leaf module written on the way."""

    def hook(path: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor | tuple[Tensor, ...]], None]:
        def write(module: nn.Module, args: tuple[Tensor, ...], result: Tensor | tuple[Tensor, ...]) -> None:
            output = result if isinstance(result, Tensor) else result[0]  # a recurrent layer also returns its state
            numbers[f"{path}.rms"] = _rms(output)
            numbers[f"{path}.zero_share"] = (output == 0).double().mean().item()
            numbers[f"{path}.nonfinite"] = float((~output.isfinite()).sum())

        return write

    leaves = [(path, module) for path, module in model.named_modules() if not [*module.children()]]
    handles = [module.register_forward_hook(hook(path)) for path, module in leaves]
    try:
        return model(inputs)
    finally:
        for handle in handles:
            handle.remove()


def _rms(tensor: Tensor) -> float:
    return tensor.detach().double().square().mean().sqrt().item()


def _spread(name: str, tensor: Tensor) -> Numbers:
    values = tensor.detach().double()
    return {
        f"{name}.mean": values.mean().item(),
        f"{name}.std": values.std(correction=0).item(),
        f"{name}.min": values.min().item(),
        f"{name}.max": values.max().item(),
    }


def _commonest_share(targets: Tensor) -> float:
    rows = targets.reshape(len(targets), -1)
    return rows.unique(dim=0, return_counts=True)[1].max().item() / len(rows)


def _ratio(change: Tensor, size: Tensor) -> float:
    """‖Δw‖/‖w‖; of a parameter that starts at zero the change itself."""
    return (change / size).item() if size > 0 else change.item()
