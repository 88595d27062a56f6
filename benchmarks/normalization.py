"""Norms and layer-wise optimizers against torch's, side by side in one run.

    python benchmarks/normalization.py --json benchmarks/results/normalization.json --markdown benchmarks/results/normalization.md

All variants run in turn, round after round, and time is the processor's own, not the clock's, so that others on the machine
weigh little; a number is the median over rounds, a ratio the median of the ratios within a round. One thread, eager, train
mode, forward and backward.
"""

import argparse
import json
import platform
import statistics as averages
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import nn

from steadygrad import normalization as N
from steadygrad.optim import LAMB, LARS

SHAPES = {"small (32, 64, 7, 7)": (32, 64, 7, 7), "medium (32, 64, 28, 28)": (32, 64, 28, 28), "large (32, 64, 56, 56)": (32, 64, 56, 56)}
MANY = [(64, 64)] * 300 + [(64,)] * 300
FEW = [(1024, 1024)] * 12 + [(1024,)] * 12


class FromScratch(nn.Module):
    """The chapter's batch norm, kept in attributes."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.mean, self.var = torch.zeros(channels), torch.ones(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y, self.mean, self.var = N.functional.chapter_batch_norm(x, self.gamma, self.beta, self.mean, self.var, 1e-5, 0.9, training=True)
        return y


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "torch.nn.BatchNorm2d": lambda: nn.BatchNorm2d(64),
    "BatchNorm": lambda: N.BatchNorm(64),
    "from scratch": lambda: FromScratch(64),
    "GhostBatchNorm, 8 a part": lambda: N.GhostBatchNorm(64, virtual_batch=8),
    "BatchRenorm": lambda: N.BatchRenorm(64),
    "GroupNorm, 16 groups": lambda: N.GroupNorm(16, 64),
    "whitening, groups of 16": lambda: N.IterativeWhitening(64, 16),
    "whitening, all 64": lambda: N.IterativeWhitening(64),
    "probability transform": lambda: N.ProbabilityNorm(64),
}


def layer_calls(shape: tuple[int, ...]) -> dict[str, Callable[[], object]]:
    """The slow ones leave the large shape out."""
    x = torch.randn(shape, requires_grad=True)
    cotangent = torch.randn(shape)

    def call(layer: nn.Module) -> Callable[[], object]:
        return lambda: torch.autograd.grad(layer(x), [x, *layer.parameters()], cotangent)

    chosen = list(LAYERS)[:3] if x.numel() > 1 << 22 else list(LAYERS)
    return {name: call(LAYERS[name]()) for name in chosen}


def loop(params: list[torch.Tensor]) -> None:
    """LARS as most write it: parameter by parameter, with numbers fetched."""
    with torch.no_grad():
        for p in params:
            g = p.grad
            rate = 0.1
            if p.ndim > 1:
                w, u = p.norm().item(), g.norm().item()
                rate *= 0.001 * w / (u + 1e-4 * w) if w > 0 and u > 0 else 1.0
            buffer = p.__dict__.setdefault("buffer", torch.zeros_like(p))
            buffer.mul_(0.9).add_(g + 1e-4 * p, alpha=rate)
            p.sub_(buffer)


def step_calls(shapes: list[tuple[int, ...]]) -> dict[str, Callable[[], object]]:
    def params() -> list[nn.Parameter]:
        made = [nn.Parameter(torch.randn(s)) for s in shapes]
        for p in made:
            p.grad = torch.randn_like(p)
        return made

    def with_norms(optimizer: torch.optim.Optimizer, params: list[nn.Parameter]) -> Callable[[], object]:
        def step() -> None:
            torch._foreach_norm([p.detach() for p in params])
            torch._foreach_norm([p.grad for p in params])
            optimizer.step()

        return step

    a, b, c, d, e = (params() for _ in range(5))
    sgd = torch.optim.SGD(a, 1e-6, momentum=0.9, weight_decay=1e-4, foreach=True)
    adamw = torch.optim.AdamW(b, 1e-6, foreach=True)
    return {
        "foreach SGD + 2 norms": with_norms(sgd, a),
        "LARS": LARS(c, 1e-6, weight_decay=1e-4).step,
        "LARS, loop with .item()": lambda: loop(e),
        "foreach AdamW + 2 norms": with_norms(adamw, b),
        "LAMB": LAMB(d, 1e-6).step,
    }


def measure(calls: Mapping[str, Callable[[], object]], rounds: int, baselines: Mapping[str, str]) -> dict[str, dict[str, float]]:
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    repeats = {}
    for name, call in calls.items():
        call(), call()
        started = time.process_time()
        call()
        repeats[name] = max(1, int(0.01 / (time.process_time() - started)))
    for _ in range(rounds):
        for name, call in calls.items():
            started = time.process_time()
            for _ in range(repeats[name]):
                call()
            seconds[name].append((time.process_time() - started) / repeats[name])
    rows = {}
    for name, values in seconds.items():
        base = seconds[baselines[name]]
        ratio = averages.median(v / b for v, b in zip(values, base, strict=True))
        rows[name] = {"milliseconds": 1e3 * averages.median(values), "ratio": ratio}
    return rows


def markdown(results: dict) -> str:
    lines = ["# Norms and layer-wise optimizers", "", f"{results['machine']}, torch {results['torch']}, one thread, float32, processor time; made by `benchmarks/normalization.py`.", ""]
    for title, rows in results["tables"].items():
        lines += [f"## {title}", "", "| variant | ms | ratio |", "|---|---|---|"]
        lines += [f"| {name} | {row['milliseconds']:.3f} | {row['ratio']:.2f} |" for name, row in rows.items()] + [""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--rounds", type=int, default=31)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    tables = {}
    for name, shape in SHAPES.items():
        tables[f"Forward and backward, {name}; against torch.nn.BatchNorm2d"] = measure(layer_calls(shape), options.rounds, dict.fromkeys(LAYERS, "torch.nn.BatchNorm2d"))
    baselines = {"LARS": "foreach SGD + 2 norms", "LARS, loop with .item()": "foreach SGD + 2 norms", "LAMB": "foreach AdamW + 2 norms"}
    baselines |= {name: name for name in baselines.values()}
    for name, shapes in (("600 small tensors", MANY), ("24 larger tensors", FEW)):
        tables[f"Optimizer step, {name}; against torch's foreach step and two norm passes"] = measure(step_calls(shapes), options.rounds, baselines)
    results = {"machine": f"{platform.machine()}, {platform.system()}", "torch": torch.__version__, "rounds": options.rounds, "tables": tables}
    text = markdown(results)
    print(text)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    if options.markdown:
        options.markdown.write_text(text)


if __name__ == "__main__":
    main()
