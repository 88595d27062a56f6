"""Running statistics that are the data's own, not an average over a moving past."""

import contextlib
from collections.abc import Callable, Iterable
from typing import Any, Literal

import torch
from torch import distributed, nn

from steadygrad.errors import InputError, ModelError, SteadygradError
from steadygrad.graph.trace import call_model
from steadygrad.graph.transaction import transaction
from steadygrad.normalization.functional.moments import Moments
from steadygrad.normalization.tools.find import require_batch_norms
from steadygrad.normalization.tools.freeze import is_frozen

Pooled = dict[str, Moments]
Inputs = Callable[[Any], Any]


def calibrate(
    model: nn.Module, batches: Iterable[Any], *, inputs: Inputs | None = None, method: Literal["one_pass", "sequential"] = "one_pass",
    process_group: Any = None,
) -> dict[str, int]:  # fmt: skip
    """Replace running statistics by those of `batches`; returns path → number of values pooled per channel.

    "one_pass": each batch is normalized by its own statistics, as in training, and the inputs' moments are pooled
    exactly (counts, means, squared deviations, in float64): the result is of the union, with the variance between batches,
    and does not depend on their order. "sequential": depth after depth, each norm with all those before it already at their
    final statistics in eval mode: what eval mode computes then *is* normalized by the population, for any batching. It
    runs the batches about once per depth of batch norms (norms side by side have the same), never more often than there
    are norms; `batches` must be repeatable (a list, a DataLoader; shuffling does no harm).

    Dropout stays off and nothing but the batch norms is in train mode. Frozen batch norms, and those in eval mode while the
    model is in train mode, keep theirs. A batch norm that is used several times pools all uses; where one feeds itself,
    "sequential" normalizes its later uses by the statistics it had. With an initialized process group all processes' moments
    are pooled; each passes its own batches. On any error the model is as it was; weights, gradients, modes, RNG always are.

    Args:
        model: any model with batch norms.
        batches: inputs as `check` takes them, or whatever `inputs` makes them from: a DataLoader, say.
        inputs: batch → inputs; for (inputs, targets) pairs `lambda batch: batch[0]`.
        method: see above.
        process_group: torch.distributed group; None for all processes.

    Raises:
        InputError: an unknown method, no batches, batches that cannot be iterated again for "sequential", or pairs that the
            model's forward cannot take.
        ModelError: no batch norm, none to calibrate, none was reached, or a batch of non-finite values.

    Source: Ioffe & Szegedy 2015, arXiv:1502.03167, algorithm 2; Wu & Johnson 2021, arXiv:2105.07576, section 3; merging:
    Chan, Golub & LeVeque 1983.
    """
    if method not in ("one_pass", "sequential"):
        raise InputError(f"calibrate: `method` must be 'one_pass' or 'sequential', got {method!r}")
    if method == "sequential" and iter(batches) is batches:
        raise InputError(f"calibrate: 'sequential' goes over the batches several times, got a {type(batches).__name__}; pass list(batches)")
    found = require_batch_norms("calibrate", model)
    chosen = {path: m for path, m in found.items() if not is_frozen(m) and (m.training or not model.training)}
    if not chosen:
        raise ModelError(f"calibrate: all {len(found)} batch norms are frozen or in eval mode; unfreeze(model) first")
    run = over("calibrate", model, batches, inputs)
    with transaction(model), torch.no_grad():
        model.eval()
        if method == "one_pass":
            pooled = gather("calibrate", run, chosen, chosen, process_group)
        else:
            pooled = _in_order(run, chosen, process_group)
    _reached(chosen, pooled)
    with torch.no_grad():
        for path, moments in pooled.items():
            _write(chosen[path], moments)
    return {path: int(moments.count) for path, moments in pooled.items()}


def _in_order(run: Callable[[], int], chosen: dict[str, nn.Module], group: Any) -> Pooled:
    """Every pass normalizes by what the passes before found.

    A norm before which, in order of execution, all are final and were in force throughout the pass is final with it: those that the
    pass did not move, up to and with the first that it moved. So norms side by side take one pass more than one alone.
    """
    final: Pooled = {}
    while True:
        found = gather("calibrate", run, {path: m for path, m in chosen.items() if path not in final}, {}, group)
        moved = [_write(chosen[path], moments) for path, moments in found.items()]
        final |= dict(list(found.items())[: moved.index(True) + 1] if any(moved) else found)
        if len(final) == len(chosen) or not any(moved):
            return final


def over(tool: str, model: nn.Module, batches: Iterable[Any], inputs: Inputs | None) -> Callable[[], int]:
    """A function that runs the model once over all batches and returns how many there were."""

    def run() -> int:
        count = 0
        for batch in batches:
            try:
                call_model(model, batch if inputs is None else inputs(batch))
            except SteadygradError:
                raise
            except Exception as error:
                if inputs is not None or not isinstance(batch, list | tuple):
                    raise
                got = f"{type(error).__name__} on a batch that is a {type(batch).__name__} of {len(batch)}: {str(error).partition(chr(10))[0]}"
                raise InputError(f"{tool}: the forward raised {got}; for (inputs, targets) pairs say inputs=lambda batch: batch[0]") from error
            count += 1
        return count

    return run


def gather(tool: str, run: Callable[[], int], watched: dict[str, nn.Module], batch_mode: dict[str, nn.Module], group: Any) -> Pooled:
    """Moments of what enters the watched modules, in order of first use; `batch_mode` ones normalize by their batch."""
    pooled: Pooled = {}
    with contextlib.ExitStack() as stack:
        for path, module in watched.items():
            handle = module.register_forward_pre_hook(_observer(tool, path, pooled))
            stack.callback(handle.remove)
        for module in batch_mode.values():
            module.train()
        count = run()
        for module in batch_mode.values():
            module.eval()
    alone = not (distributed.is_available() and distributed.is_initialized())
    if not count and alone:
        raise InputError(f"{tool}: needs at least one batch, got {count}")
    return pooled if alone else {path: _everywhere(watched[path], pooled.get(path), group) for path in _common_order(watched, pooled, group)}


def _observer(tool: str, path: str, pooled: Pooled) -> Any:
    def look(module: nn.Module, args: tuple[Any, ...]) -> None:
        x = args[0].detach()
        if not x.numel():
            return
        moments = Moments.of(x, torch.float64)
        if not bool(moments.finite):
            raise ModelError(f"{tool}: the input of `{path}` is not finite (shape {tuple(x.shape)}); check(model, batch) says where it begins")
        pooled[path] = pooled[path].merge(moments) if path in pooled else moments

    return look


def _common_order(watched: dict[str, nn.Module], pooled: Pooled, group: Any) -> list[str]:
    """The order of execution of the first process that saw any."""
    orders: list[Any] = [None] * distributed.get_world_size(group)
    distributed.all_gather_object(orders, list(pooled), group=group)
    seen = dict.fromkeys(path for order in orders for path in order)
    return [path for path in seen if path in watched]


def _everywhere(module: nn.Module, mine: Moments | None, group: Any) -> Moments:
    """Merged over processes, in the order of their ranks."""
    channels = module.running_mean.numel()
    if mine is None:
        zero = torch.zeros(channels, dtype=torch.float64, device=module.running_mean.device)
        mine = Moments(zero.new_zeros((), dtype=torch.long), zero, zero)
    packed = torch.cat([mine.count.double().view(1), mine.mean, mine.m2])
    parts = [torch.empty_like(packed) for _ in range(distributed.get_world_size(group))]
    distributed.all_gather(parts, packed, group=group)
    total = None
    for part in parts:
        moments = Moments(part[0].long(), part[1 : 1 + channels], part[1 + channels :])
        total = moments if total is None else total.merge(moments)
    assert total is not None
    return total


def _write(module: nn.Module, moments: Moments) -> bool:
    """Put them into the layer, the variance in its own convention; returns whether that changed anything, to its last bit."""
    variance = moments.biased if getattr(module, "variance", "unbiased") == "biased" else moments.unbiased
    before = module.running_mean.clone(), module.running_var.clone()
    module.running_mean.copy_(moments.mean)
    module.running_var.copy_(variance)
    if getattr(module, "num_batches_tracked", None) is not None and int(module.num_batches_tracked) == 0:
        module.num_batches_tracked.fill_(1)
    return not (torch.equal(before[0], module.running_mean) and torch.equal(before[1], module.running_var))


def _reached(chosen: dict[str, nn.Module], pooled: Pooled) -> None:
    if not pooled:
        raise ModelError(f"calibrate: none of the {len(chosen)} batch norms was reached by the batches, got no input at {next(iter(chosen))!r}")
