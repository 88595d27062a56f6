"""The one-pass statistics against separate torch operations, side by side in one run.

    python benchmarks/statistics_kernel.py --json benchmarks/results/statistics_kernel.json

All variants see the same tensor in turn, round after round, so that a busy machine slows all of them; a number is the
median over rounds, a ratio the median of the ratios within a round. One thread.
"""

import argparse
import json
import platform
import statistics as averages
import time
from collections.abc import Callable

import torch

from steadygrad.kernels.loader import native
from steadygrad.probes import statistics
from steadygrad.probes.statistics.in_memory import DefinitionReader

SIZES = {"4K": 1 << 12, "1M": 1 << 20, "33M": 1 << 25}


def separate(x: torch.Tensor) -> list[float]:
    """The same facts by separate torch operations, read once at the end."""
    finite = torch.isfinite(x)
    kept = torch.where(finite, x, 0)
    facts = [kept.sum(), kept.square().sum(), kept.abs().amax(), (x == 0).sum(), torch.isnan(x).sum(), (~finite).sum()]
    return torch.stack([fact.double() for fact in facts]).tolist()


def naive(x: torch.Tensor) -> tuple[float, ...]:
    """What one writes in a hook: an `.item()` per number, non-finite entries not even left out."""
    nonfinite = (~torch.isfinite(x)).sum().item()
    return x.mean().item(), x.std().item(), x.abs().max().item(), (x == 0).sum().item(), x.norm().item(), nonfinite


def channels(x: torch.Tensor) -> torch.Tensor:
    """`x` as (samples, 64, positions)."""
    return x.view(8, 64, -1)


def per_channel(x: torch.Tensor) -> list[torch.Tensor]:
    """Per unit by separate torch operations, without the search for copies."""
    y = channels(x)
    axes = (0, 2)
    return [y.sum(axes), y.square().sum(axes), y.abs().amax(axes), (y == 0).sum(axes), (~y.isfinite()).sum(axes)]


VARIANTS: dict[str, Callable[[torch.Tensor], object]] = {
    "moments": statistics.moments,
    "torch separate ops": separate,
    "naive .item()": naive,
    "torch vector_norm only": lambda x: torch.linalg.vector_norm(x).item(),
    "histogram": statistics.histogram,
    "torch frexp + bincount": lambda x: torch.bincount(torch.frexp(x).exponent + 200, minlength=400).tolist(),
    "units": lambda x: statistics.units(channels(x), 1),
    "torch per channel": per_channel,
    "read (all but samples)": lambda x: statistics.read(channels(x), 1, rows=True),
    "NumPy definition": lambda x: DefinitionReader(x).moments(),
}
RATIOS = [
    ("torch separate ops", "moments"),
    ("naive .item()", "moments"),
    ("torch vector_norm only", "moments"),
    ("torch frexp + bincount", "histogram"),
    ("torch per channel", "units"),
    ("NumPy definition", "moments"),
]


def seconds(call: Callable[[], object], at_least: float) -> float:
    """Seconds per call, repeated until `at_least` seconds have gone by."""
    repeats, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < at_least or not repeats:
        call()
        repeats += 1
    return spent / repeats


def measure(size: int, rounds: int) -> dict[str, list[float]]:
    """Seconds per call of every variant, one entry per round."""
    x = torch.randn(size, generator=torch.Generator().manual_seed(0)).relu()
    found: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for _ in range(rounds + 1):
        for name, call in VARIANTS.items():
            found[name].append(seconds(lambda call=call: call(x), 0.01))
    return {name: times[1:] for name, times in found.items()}


def table(results: dict[str, dict[str, list[float]]]) -> tuple[list[str], list[dict[str, object]]]:
    """Lines to print, and the same as rows."""
    lines = [f"{'size':>4} {'variant':<26}{'microseconds':>14}{'ns/entry':>10}"]
    rows: list[dict[str, object]] = []
    for label, times in results.items():
        for name, values in times.items():
            middle = averages.median(values)
            lines.append(f"{label:>4} {name:<26}{middle * 1e6:>14.1f}{middle / SIZES[label] * 1e9:>10.3f}")
            rows.append({"size": SIZES[label], "variant": name, "seconds": middle})
        for slow, fast in RATIOS:
            ratio = averages.median(a / b for a, b in zip(times[slow], times[fast], strict=True))
            lines.append(f"{label:>4}   {slow} / {fast}: {ratio:.1f}")
            rows.append({"size": SIZES[label], "ratio": f"{slow} / {fast}", "value": ratio})
    return lines, rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", help="write the numbers to this file")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--sizes", nargs="*", default=list(SIZES), choices=list(SIZES))
    options = parser.parse_args()
    torch.set_num_threads(1)
    lines, rows = table({label: measure(SIZES[label], options.rounds) for label in options.sizes})
    print("\n".join(lines))
    if options.json:
        machine = {"processor": platform.processor() or platform.machine(), "torch": torch.__version__, "threads": 1}
        record = {"benchmark": "statistics_kernel", "native": native is not None, "machine": machine, "rows": rows}
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(record, file, indent=1)


if __name__ == "__main__":
    main()
