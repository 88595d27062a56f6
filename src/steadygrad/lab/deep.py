"""Plain tanh networks of any depth as ordinary modules, trained until a validation part is right often enough."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from steadygrad import draw_
from steadygrad.lab.checkpoint import Checkpoint
from steadygrad.lab.plain import gaussian
from steadygrad.lab.split import Split
from steadygrad.lab.training import accuracy
from steadygrad.randomness import Law
from steadygrad.schemes import Scheme


class Trained(NamedTuple):
    """Steps done, losses, (step, validation accuracy) at each look, and the norm of the first layer's gradient over the last's at the first step."""

    steps: int
    losses: list[float]
    looks: list[tuple[int, float]]
    first_to_last: float


def tanh_stack(depth: int, width: int, scheme: Scheme | Law | str, *, seed: int, gain: float = 1.0) -> nn.Sequential:
    """`depth` times Linear without bias, Tanh."""
    layers: list[nn.Module] = []
    for k in range(depth):
        layer = nn.Linear(width, width, bias=False)
        draw_(layer.weight, scheme, name=f"{k}.weight", seed=seed, gain=gain)
        layers += [layer, nn.Tanh()]
    return nn.Sequential(*layers)


def readout(width: int, classes: int, scale: float, *, seed: int) -> nn.Linear:
    """Orthonormal rows times `scale`, never trained: all learning is in what stands below."""
    layer = nn.Linear(width, classes, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.linalg.qr(gaussian(width, width, name="readout", seed=seed, dtype=torch.float32)).Q[:classes] * scale)
    return layer.requires_grad_(False)


def train_until(
    model: nn.Module, data: Split, *, rate: float, batch: int, steps: int, momentum: float = 0.9, every: int = 5, enough: float = 1.0, seed: int = 0,
    cosine: bool = False, progress: Callable[[int, int], None] = lambda done, of: None, keep: Path | None = None,
) -> Trained:  # fmt: skip
    """SGD with momentum for `steps` steps, or until validation accuracy, looked at `every` steps, reaches `enough`; ends at a loss that is not finite.

    `cosine` takes the rate from `rate` to 0 along half a wave. `keep` is a folder for checkpoints: the same call goes on from there.
    """
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=rate, momentum=momentum, foreach=True)
    checkpoint = Checkpoint(keep)
    losses, looks, ratio = _resumed(checkpoint, trained, optimizer)
    for step in range(len(losses), steps):
        if cosine:
            optimizer.param_groups[0]["lr"] = 0.5 * rate * (1.0 + math.cos(math.pi * step / steps))
        rows = data.rows(step, batch, seed)
        loss = nn.functional.cross_entropy(model(data.train_x[rows]), data.train_y[rows])
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            break
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            first, last = (float(p.grad.double().norm()) if p.grad is not None else 0.0 for p in (trained[0], trained[-1]))
            ratio = first / last if last else 0.0
        optimizer.step()
        if (step + 1) % every == 0 or step + 1 == steps:
            looks.append((step + 1, accuracy(model, data.validation_x, data.validation_y)))
            if looks[-1][1] >= enough:
                break
        if checkpoint.due:
            checkpoint.save(_tensors(trained, optimizer, (losses, looks, ratio)))
        progress(step + 1, steps)
    return Trained(len(losses), losses, looks, ratio)


History = tuple[list[float], list[tuple[int, float]], float]


def _tensors(trained: list[nn.Parameter], optimizer: torch.optim.SGD, history: History) -> dict[str, torch.Tensor]:
    kept = {f"weight.{k}": p.detach() for k, p in enumerate(trained)}
    kept |= {f"momentum.{k}": optimizer.state[p]["momentum_buffer"] for k, p in enumerate(trained)}
    losses, looks, ratio = history
    return {**kept, "losses": torch.tensor(losses, dtype=torch.float64), "looks": torch.tensor([*looks, (-1, ratio)], dtype=torch.float64)}


@torch.no_grad()
def _resumed(checkpoint: Checkpoint, trained: list[nn.Parameter], optimizer: torch.optim.SGD) -> History:
    with checkpoint.kept() as file:
        if file is None:
            return [], [], math.nan
        for k, p in enumerate(trained):
            p.copy_(file.get_tensor(f"weight.{k}"))
            optimizer.state[p]["momentum_buffer"] = file.get_tensor(f"momentum.{k}")
        *looks, (_, ratio) = file.get_tensor("looks").tolist()
        return file.get_tensor("losses").tolist(), [(int(step), value) for step, value in looks], ratio
