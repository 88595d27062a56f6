"""Jacobian spectra and long products against what one would write without them, side by side in one run.

    python benchmarks/spectra.py --json benchmarks/results/spectra.json --markdown benchmarks/results/spectra.md

Variants take turns, round after round, and time is the processor's own, so that others on the machine weigh little; a number is
the median over rounds, a ratio the median of the ratios within a round. One thread.
"""

import argparse
import json
import platform
import statistics as averages
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.func import jacrev, vmap

from steadygrad.measured import exponents, jacobian_chain, log_product, log_singular_values

DEPTH, WIDTH, BATCH = 50, 512, 128


def network() -> nn.Sequential:
    """Linear and Tanh, fifty times."""
    torch.manual_seed(0)
    return nn.Sequential(*(m for _ in range(DEPTH) for m in (nn.Linear(WIDTH, WIDTH), nn.Tanh())))


def variants() -> dict[str, Callable[[], object]]:
    """What is timed, by name."""
    model, x = network(), torch.randn(BATCH, WIDTH, generator=torch.Generator().manual_seed(0))
    layers = [nn.Sequential(model[2 * k], model[2 * k + 1]) for k in range(DEPTH)]
    small = torch.randn(10_000, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    large = torch.randn(100, WIDTH, WIDTH, generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)

    def exact() -> object:
        return [layer.singular_values() for layer in jacobian_chain(model, x[:1]).layers]

    def functional() -> object:
        h, found = x[0], []
        for layer in layers:
            found.append(torch.linalg.svdvals(jacrev(layer)(h)))
            h = layer(h).detach()
        return found

    def batched() -> object:  # jacrev as one batched backward pass, without its overhead per call
        h, found = x[0], []
        eye = torch.eye(WIDTH)
        for layer in layers:
            inside = h.detach().requires_grad_(True)
            out = layer(inside)
            found.append(torch.linalg.svdvals(vmap(lambda u, out=out, inside=inside: torch.autograd.grad(out, inside, u, retain_graph=True)[0])(eye)))
            h = out.detach()
        return found

    def probes() -> object:
        return [layer.probe(probes=8, steps=3) for layer in jacobian_chain(model, x[:1]).layers]

    def step() -> object:
        optimizer.zero_grad()
        model(x).square().mean().backward()
        return optimizer.step()

    def plain(stack: torch.Tensor) -> torch.Tensor:
        made = stack[0]
        for factor in stack[1:]:
            made = factor @ made
        return made

    return {
        "every layer's spectrum, exact": exact,
        "… by jacrev and svdvals": functional,
        "… by vmapped backward and svdvals": batched,
        "every layer, 8 probes, 3 steps": probes,
        f"training step, batch {BATCH}": step,
        "whole network, probed": lambda: jacobian_chain(model, x[:1]).probe(probes=8, steps=3),
        "100 factors 512 × 512, log_product": lambda: log_product(large),
        "100 factors 512 × 512, plain": lambda: plain(large),
        "10,000 factors 4 × 4, log_product": lambda: log_product(small),
        "10,000 factors 4 × 4, all singular values": lambda: log_singular_values(small),
        "10,000 factors 4 × 4, exponents": lambda: exponents(small),
        "10,000 factors 4 × 4, plain": lambda: plain(small),
    }


RATIOS = [
    ("every layer's spectrum, exact", "… by jacrev and svdvals", 0.5),
    ("every layer's spectrum, exact", "… by vmapped backward and svdvals", 0.5),
    ("every layer, 8 probes, 3 steps", f"training step, batch {BATCH}", 2.0),
    ("whole network, probed", f"training step, batch {BATCH}", 2.0),
    ("100 factors 512 × 512, log_product", "100 factors 512 × 512, plain", 2.0),
]


def processor() -> str:
    """Its model, where the system tells."""
    told = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.partition(":")[2].strip() for line in told if line.startswith("model name")), platform.machine())


def markdown(rows: list[dict[str, Any]], rounds: int) -> str:
    """The page."""
    about = (__doc__ or "").split("\n\n")[2].replace("\n", " ").strip()
    lines = ["# Jacobian spectra and long products", "", f"{processor()}, torch {torch.__version__}, {rounds} rounds. {about}", "", "| variant | ms |", "|---|---|"]
    lines += [f"| {row['variant']} | {row['seconds'] * 1e3:.1f} |" for row in rows if "variant" in row]
    lines += ["", "| ratio | | goal |", "|---|---|---|"]
    lines += [f"| {row['ratio']} | {row['value']:.2f} | ≤ {row['goal']:g}{'' if row['value'] <= row['goal'] else ', missed'} |" for row in rows if "ratio" in row]
    per = {row["variant"]: row["seconds"] / 1e4 * 1e6 for row in rows if str(row.get("variant", "")).startswith("10,000")}
    lines += ["", "Microseconds per 4 × 4 factor: " + ", ".join(f"{name.partition(', ')[2]} {cost:.2f}" for name, cost in per.items()) + "; the goal is 2."]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", help="write the numbers to this file")
    parser.add_argument("--markdown", help="write the page to this file")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    calls = variants()
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(options.rounds + 1):
        for name, call in calls.items():
            start = time.process_time()
            call()
            times[name].append(time.process_time() - start)
    rows: list[dict[str, Any]] = []
    for name, values in times.items():
        rows.append({"variant": name, "seconds": averages.median(values[1:])})
        print(f"{name:<48}{averages.median(values[1:]) * 1e3:>12.1f} ms")
    for ours, other, goal in RATIOS:
        ratio = averages.median(a / b for a, b in zip(times[ours][1:], times[other][1:], strict=True))
        rows.append({"ratio": f"{ours} / {other}", "value": ratio, "goal": goal})
        print(f"{ours} / {other}: {ratio:.2f} (goal ≤ {goal:g})")
    if options.markdown:
        Path(options.markdown).write_text(markdown(rows, options.rounds), encoding="utf-8")
    if options.json:
        machine = {"processor": processor(), "torch": torch.__version__, "threads": 1, "rounds": options.rounds}
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"benchmark": "spectra", "machine": machine, "rows": rows}, file, indent=1)


if __name__ == "__main__":
    main()
