"""What looking costs beside one forward and backward, measured in turn in one run.

    python benchmarks/check_overhead.py [--json FILE] [--table FILE] [--repeats 15] [--networks LeNet …]

Time: each variant and the bare step are run alternately, in an order that is shuffled every round; a figure is the
median of the ratios within a round, in process time, on one thread, so a machine whose speed drifts cannot favour one.
"structure" variants include what a check does once (tracing, the transaction); "values" variants are what every further
step costs. Other people's tools run where they are installed.

Memory: each variant in a process of its own, three steps. Its footprint is the highest resident set (VmHWM, reset
before the network is built) minus the resident set then; allocations from 64 KiB are mapped and unmapped one by one, so
that it follows live tensors. Figures are medians over processes of the footprint, against that of the bare step.
"""

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
import warnings
from pathlib import Path

import torch
from overhead_networks import NETWORKS, case_of
from overhead_variants import EVERY, PEERS, VARIANTS, Step, bare

GOALS = {"values: five scalars": 1.15, "values: units and histograms": 1.6}
MEASURED_IN_MEMORY = ("values: five scalars", "values: units and histograms", "whole fast check", "naive .item() hooks", "64-bin torch.histc hooks")


def seconds(run: Step) -> float:
    """Process time of one run."""
    started = time.process_time()
    run()
    return time.process_time() - started


def times(name: str, repeats: int) -> dict[str, list[float]]:
    """Seconds of every variant on one network, one entry per round."""
    case = case_of(name)
    here = [peer for peer, (package, _) in PEERS.items() if importlib.util.find_spec(package)]
    runs = {"bare": bare(case), **{v: make(case) for v, make in VARIANTS.items()}}
    found: dict[str, list[float]] = {v: [] for v in runs}
    for run in runs.values():
        run()
    for _ in range(repeats):
        for variant in random.sample(list(runs), len(runs)):
            found[variant].append(seconds(runs[variant]))
    for peer in here:  # one after the other: they cost seconds, and change the process they are in
        run = EVERY[peer](case)
        run()
        found[peer] = [seconds(run) for _ in range(3)]
    return found


def summary(name: str, found: dict[str, list[float]]) -> dict[str, object]:
    """Medians of ratios within a round, and ratios of the fastest; peers against the median bare step."""
    step = statistics.median(found["bare"])
    row: dict[str, object] = {"network": name, "bare_ms": step * 1e3}
    for variant in [*VARIANTS, *(p for p in PEERS if p in found)]:
        ts = found[variant]
        base = found["bare"] if len(ts) == len(found["bare"]) else [step] * len(ts)
        row[variant] = {"median": statistics.median(t / b for t, b in zip(ts, base, strict=True)), "of_minima": min(ts) / min(found["bare"])}
    row["check minus 4 steps, s"] = statistics.median(found["whole fast check"]) - 4.0 * step
    return row


def resident(field: str) -> float:
    """A line of /proc/self/status in MB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field + ":"))
    return int(line.split()[1]) / 1024


def footprint_here(name: str, variant: str) -> float:
    """MB that building the network and three steps took at most, in this process."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    warm = EVERY[variant](case_of("LeNet"))  # imports, kernels and caches belong to nobody's footprint
    warm()
    del warm
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    step = EVERY[variant](case_of(name))
    for _ in range(3):
        step()
    return resident("VmHWM") - before


def memory(name: str, processes: int) -> dict[str, object]:
    """Footprint in MB of each variant on one network, and the extra share."""
    found: dict[str, float] = {}
    for variant in ("bare", *MEASURED_IN_MEMORY):
        command = [sys.executable, __file__, "--footprint", name, variant]
        environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
        runs = [float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()[-1]) for _ in range(processes)]
        found[variant] = statistics.median(runs)
    return {v: {"MB": mb, "extra": mb / found["bare"] - 1.0} for v, mb in found.items()}


def table(rows: list[dict]) -> str:
    """The same as Markdown."""
    names = [r["network"] for r in rows]
    lines = ["| ratio to one forward and backward: median (of the fastest) | goal | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(rows)]
    for variant in [*VARIANTS, *PEERS]:
        cells = [f"{r[variant]['median']:.2f} ({r[variant]['of_minima']:.2f})" if variant in r else "–" for r in rows]
        lines.append(f"| {variant} | {GOALS.get(variant, '')} | " + " | ".join(cells) + " |")
    lines.append("| whole fast check minus 4 steps, s | 0.5 | " + " | ".join(f"{r['check minus 4 steps, s']:.2f}" for r in rows) + " |")
    lines.append("| bare step, ms | | " + " | ".join(f"{r['bare_ms']:.1f}" for r in rows) + " |")
    if all("memory" in r for r in rows):
        lines += ["", "| extra peak memory | goal | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(rows)]
        for variant in MEASURED_IN_MEMORY:
            goal = "" if "hooks" in variant else "5 %"
            lines.append(f"| {variant} | {goal} | " + " | ".join(f"{r['memory'][variant]['extra']:+.1%}" for r in rows) + " |")
        lines.append("| bare footprint, MB | | " + " | ".join(f"{r['memory']['bare']['MB']:.0f}" for r in rows) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Time, weigh, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--table", type=Path)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--networks", nargs="*", default=list(NETWORKS))
    parser.add_argument("--processes", type=int, default=3, help="for memory; 0 leaves it out")
    parser.add_argument("--footprint", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.footprint:
        print(footprint_here(*options.footprint))
        return
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    rows = []
    weights = {name: memory(name, options.processes) for name in options.networks} if options.processes else {}
    for name in options.networks:
        row = summary(name, times(name, options.repeats)) | ({"memory": weights[name]} if weights else {})
        rows.append(row)
        print(json.dumps(row, ensure_ascii=False), flush=True)
    print(table(rows))
    if options.table:
        options.table.write_text(table(rows))
    if options.json:
        peers = {p: importlib.metadata.version(p.replace("_", "-")) for p, _ in PEERS.values() if importlib.util.find_spec(p)}
        machine = {"machine": platform.machine(), "torch": torch.__version__, "threads": 1, "peers": peers, "repeats": options.repeats}
        options.json.write_text(json.dumps({"benchmark": "check_overhead", **machine, "rows": rows}, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
