"""What a check costs beside one forward and backward, measured in turn in one run.

    python benchmarks/check_overhead.py [--json FILE] [--repeats 7]

Each variant and the bare step are timed alternately; the figures are medians of the pairwise ratios, so a machine whose
speed drifts cannot favour one. Variants: the five scalars of every activation, gradient and weight; units, samples and
magnitudes as well; the whole fast check; naive hooks that call .item() six times per tensor; torch's detect_anomaly.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

import steadygrad
from steadygrad.case import Case
from steadygrad.graph.transaction import transaction
from steadygrad.probes.session import measure


class Block(nn.Module):
    """Two 3×3 convolutions with a shortcut, as in ResNet-18."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.norm_one, self.norm_two = nn.BatchNorm2d(outside), nn.BatchNorm2d(outside)
        self.short = nn.Conv2d(inside, outside, 1, stride, bias=False) if stride > 1 or inside != outside else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm_two(self.two(self.norm_one(self.one(x)).relu()))
        return (y + self.short(x)).relu()


class Gpt(nn.Module):
    """Six pre-norm blocks of width 384."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.place = nn.Embedding(65, 384), nn.Parameter(torch.zeros(64, 384))
        layer = nn.TransformerEncoderLayer(384, 6, 1536, dropout=0.0, batch_first=True, norm_first=True, activation="gelu")
        self.blocks, self.head = nn.TransformerEncoder(layer, 6, enable_nested_tensor=False), nn.Linear(384, 65)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.blocks(self.table(ids) + self.place)).transpose(1, 2)


def cases() -> dict[str, Case]:
    """The four networks with a batch each."""
    torch.manual_seed(0)
    mlp = nn.Sequential(*[m for _ in range(50) for m in (nn.Linear(512, 512), nn.ReLU())], nn.Linear(512, 10))
    lenet = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Sigmoid(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, 10),
    )  # fmt: skip
    blocks = [Block(32, 32, 1), Block(32, 32, 1), Block(32, 64, 2), Block(64, 64, 1), Block(64, 128, 2), Block(128, 128, 1), Block(128, 256, 2), Block(256, 256, 1)]
    resnet = nn.Sequential(nn.Conv2d(3, 32, 3, padding=1), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 10))
    loss = nn.functional.cross_entropy
    return {
        "MLP 50×512": Case(mlp, torch.randn(64, 512), torch.randint(0, 10, (64,)), loss),
        "LeNet": Case(lenet, torch.randn(64, 1, 28, 28), torch.randint(0, 10, (64,)), loss),
        "ResNet-18-like": Case(resnet, torch.randn(32, 3, 32, 32), torch.randint(0, 10, (32,)), loss),
        "GPT 6×384": Case(Gpt(), torch.randint(0, 65, (8, 64)), torch.randint(0, 65, (8, 64)), loss),
    }


def bare(case: Case) -> None:
    """One forward and backward."""
    torch.autograd.grad(case.loss_fn(case.model(case.inputs), case.targets), list(case.model.parameters()))


def observed(detail: str) -> Callable[[Case], None]:
    """One observed forward and backward."""

    def run(case: Case) -> None:
        with transaction(case.model, inputs=case.inputs) as held:
            measure(case, held, detail=detail)

    return run


def whole(case: Case) -> None:
    """The fast check with report."""
    steadygrad.check(case)


def naive(case: Case) -> None:
    """Six .item() per activation, gradient and weight, as people write it."""

    def six(tensor: torch.Tensor) -> tuple[float, ...]:
        t = tensor.detach()
        return (t.mean().item(), t.std().item(), t.abs().max().item(), (t == 0).float().mean().item(), t.norm().item(), torch.isfinite(t).all().item())

    handles = []
    for module in case.model.modules():
        if not list(module.children()):
            def forward(_m: nn.Module, _a: object, out: object) -> None:
                if isinstance(out, torch.Tensor) and out.is_floating_point():
                    six(out)
                    if out.requires_grad:
                        out.register_hook(lambda g: six(g) and None)
            handles.append(module.register_forward_hook(forward))
    gradients = torch.autograd.grad(case.loss_fn(case.model(case.inputs), case.targets), list(case.model.parameters()))
    for tensor in (*gradients, *case.model.parameters()):
        six(tensor)
    for handle in handles:
        handle.remove()


def anomaly(case: Case) -> None:
    """torch's own NaN detector."""
    with torch.autograd.detect_anomaly():
        bare(case)


VARIANTS = {"five scalars": observed("moments"), "units and magnitudes": observed("full"), "whole fast check": whole, "naive .item() hooks": naive, "detect_anomaly": anomaly}


def seconds(run: Callable[[Case], None], case: Case) -> float:
    """Process time of one run."""
    started = time.process_time()
    run(case)
    return time.process_time() - started


def main() -> None:
    """Time, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    import warnings

    warnings.simplefilter("ignore")
    rows = []
    for name, case in cases().items():
        for run in (bare, *VARIANTS.values()):
            run(case)
        base, times = [], {v: [] for v in VARIANTS}
        for _ in range(options.repeats):
            base.append(seconds(bare, case))
            for variant, run in VARIANTS.items():
                times[variant].append(seconds(run, case))
        step = statistics.median(base)
        row = {"network": name, "bare_ms": step * 1e3}
        row |= {v: statistics.median(t / b for t, b in zip(ts, base, strict=True)) for v, ts in times.items()}
        row["check minus 4 steps, s"] = statistics.median(times["whole fast check"]) - 4.0 * step
        rows.append(row)
        print(f"{name:16s} bare {step * 1e3:7.1f} ms  " + "  ".join(f"{v} {row[v]:.2f}×" for v in VARIANTS) + f"  check − 4 steps {row['check minus 4 steps, s']:+.2f} s", flush=True)
    if options.json:
        machine = {"machine": platform.machine(), "torch": torch.__version__, "threads": 1, "unit": "process time, medians of pairwise ratios"}
        options.json.write_text(json.dumps({"benchmark": "check_overhead", **machine, "rows": rows}, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
