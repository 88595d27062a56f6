"""Draws against torch.nn.init, side by side in one run.

    python benchmarks/initialization.py --json benchmarks/results/initialization.json --markdown benchmarks/results/initialization.md

Both draw into the same tensor in turn, round after round, the first of a round being the second of the next, so that a busy machine slows both; a number is the median over rounds, a
ratio the median of the ratios within a round. "One core" runs in a process that may use one processor only, "two cores" in one that may
use two. On one core time is the processor's own, on two the clock's, which others on the machine lengthen. "Warm" draws into memory that was written before, "fresh" into memory that the system still has to hand out, which costs both
the same. The last part draws without the compiled kernel, by the NumPy definition, which gives the same bits.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

SIDE = 4096


class Pair(NamedTuple):
    """One draw by both; `goal` is the least ratio on one core, warm, where there is one."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    ours: Callable
    theirs: Callable
    goal: float | None = None
    rounds: int = 8


def pairs() -> list[Pair]:
    """What is compared. Imports are here: the number of threads is decided before."""
    from torch.nn import init

    import steadygrad as sg
    from steadygrad import schemes
    from steadygrad.randomness import law, structured

    def ours(what: object) -> Callable:
        return lambda t: sg.draw_(t, what, name="weight", seed=1)

    square, small = (SIDE, SIDE), (1024, 1024)
    found = []
    for dtype in ("float32", "bfloat16"):
        found += [
            Pair("normal", square, dtype, ours(law.normal(1.0)), init.normal_, 2.8),
            Pair("uniform", square, dtype, ours(law.uniform(-1.0, 1.0)), lambda t: init.uniform_(t, -1.0, 1.0), 1.0),
            Pair("truncated normal", square, dtype, ours(law.truncated_normal(1.0)), init.trunc_normal_, 50.0, 4),
        ]
    return [
        *found,
        Pair("orthogonal 512²", (512, 512), "float32", ours(schemes.orthogonal()), init.orthogonal_, 1.0),
        Pair("orthogonal 1024²", small, "float32", ours(schemes.orthogonal()), init.orthogonal_, 1.0, 6),
        Pair("orthogonal 4096²", square, "float32", ours(schemes.orthogonal()), init.orthogonal_, 2.0, 4),
        Pair("orthogonal 4096×512", (4096, 512), "float32", ours(schemes.orthogonal()), init.orthogonal_, 1.0, 4),
        Pair("He normal, 3×3 convolution", (512, 512, 3, 3), "float32", ours(schemes.he_normal()), init.kaiming_normal_, 1.0),
        Pair("He uniform", square, "float32", ours(schemes.he_uniform()), init.kaiming_uniform_, 1.0),
        Pair("Glorot normal", square, "float32", ours(schemes.glorot_normal()), init.xavier_normal_, 1.0),
        Pair("Glorot uniform", square, "float32", ours(schemes.glorot_uniform()), init.xavier_uniform_, 1.0),
        Pair("sparse, 90 % zeros", small, "float32", ours(structured.sparse(0.01, 0.9)), lambda t: init.sparse_(t, 0.9), 1.0, 8),
        Pair("dirac", (512, 512, 3, 3), "float32", ours(schemes.dirac()), init.dirac_, 1.0),
        Pair("identity", small, "float32", ours(schemes.identity()), init.eye_, 1.0),
        Pair("zeros", square, "float32", ours(schemes.zeros()), init.zeros_, 1.0),
        Pair("constant", square, "float32", ours(schemes.constant(0.5)), lambda t: init.constant_(t, 0.5), 1.0),
        Pair("normal, 64×64", (64, 64), "float32", ours(law.normal(1.0)), init.normal_, 1.0, 400),
        Pair("He normal, 64×64", (64, 64), "float32", ours(schemes.he_normal()), init.kaiming_normal_, 1.0, 400),
        Pair("uniform, 64×64", (64, 64), "float32", ours(law.uniform(-1.0, 1.0)), lambda t: init.uniform_(t, -1.0, 1.0), 1.0, 400),
        Pair("zeros, 64", (64,), "float32", ours(schemes.zeros()), init.zeros_, 1.0, 400),
    ]  # fmt: skip


def timed(call: Callable, make: Callable) -> float:
    """Seconds of one call on what `make` gives: the processor's on one core, the clock's on more."""
    clock = time.process_time if len(os.sched_getaffinity(0)) == 1 else time.perf_counter
    tensor = make()
    start = clock()
    call(tensor)
    return clock() - start


def measure(fresh: bool, fast: bool) -> list[dict]:
    """Every pair in this process."""
    import torch

    found = []
    for pair in pairs():
        if fresh and torch.Size(pair.shape).numel() < SIDE * SIDE:
            continue
        dtype = getattr(torch, pair.dtype)
        kept = torch.empty(pair.shape, dtype=dtype)

        def make(pair: Pair = pair, kept: object = kept, dtype: object = dtype) -> object:
            return torch.empty(pair.shape, dtype=dtype) if fresh else kept

        with torch.no_grad():
            pair.ours(kept), pair.theirs(kept)
            rounds = []
            for k in range(3 if fast and pair.rounds < 100 else pair.rounds):
                calls = (pair.ours, pair.theirs)[:: -1 if k % 2 else 1]  # who is first finds the memory as the other left it
                rounds.append(tuple(timed(call, make) for call in calls)[:: -1 if k % 2 else 1])
        ratio = statistics.median(theirs / ours for ours, theirs in rounds)
        ours, theirs = (statistics.median(column) for column in zip(*rounds, strict=True))
        found.append({
            "name": pair.name, "shape": list(pair.shape), "dtype": pair.dtype, "ours_ms": ours * 1e3, "torch_ms": theirs * 1e3,
            "ratio": ratio, "goal": None if fresh else pair.goal,
        })  # fmt: skip
    return found


def without_kernel() -> list[dict]:
    """Normal draws by the NumPy definition beside the kernel's: bits and time."""
    import numpy as np

    from steadygrad.randomness import law
    from steadygrad.randomness.backends import c
    from steadygrad.randomness.backends import numpy as definition

    rows = {key: np.empty((1, 1 << 20), np.float32) for key in ("kernel", "definition")}
    seconds = {}
    for key, fill in (("kernel", c.fill), ("definition", definition.fill)):
        start = time.perf_counter()
        fill(rows[key], law.normal(1.0), "float32", name="weight", seed=1)
        seconds[key] = time.perf_counter() - start
    same = bool((rows["kernel"].view(np.uint32) == rows["definition"].view(np.uint32)).all())
    return [{"name": "normal, 1M entries, by the definition", "same_bits": same, "seconds": seconds}]


def child(cores: int, mode: str, fast: bool) -> list[dict]:
    """The measurement in a process of its own that may use so many processors."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < cores:
        return []
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import initialization as b, json; print(json.dumps(b.{mode}))"
    environment = {**os.environ, "OMP_NUM_THREADS": str(cores)}
    pin = ["taskset", "-c", ",".join(map(str, allowed[:cores]))]
    done = subprocess.run([*pin, sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def machine() -> str:
    """The processor and versions, for the page."""
    import torch

    model = next((line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), platform.processor())
    return f"{model}, torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}"


def markdown(result: dict) -> str:
    """The page."""
    lines = ["# Draws beside torch.nn.init", "", f"{result['machine']}. {__doc__.split(chr(10) * 2)[2].replace(chr(10), ' ')}"]
    for key, rows in result["runs"].items():
        lines += ["", f"## {key}", "", "| draw | shape | dtype | ours | torch | ratio | goal |", "|---|---|---|---|---|---|---|"]
        for row in rows:
            shape, goal = "×".join(map(str, row["shape"])), "" if row["goal"] is None else f"≥ {row['goal']:g}" + ("" if row["ratio"] >= row["goal"] else ", missed")
            lines.append(f"| {row['name']} | {shape} | {row['dtype']} | {row['ours_ms']:.3g} ms | {row['torch_ms']:.3g} ms | {row['ratio']:.3g}× | {goal} |")
    for row in result["without_kernel"]:
        kernel, definition = row["seconds"]["kernel"], row["seconds"]["definition"]
        lines += ["", f"Without the kernel: {row['name']} takes {definition / kernel:.0f} times as long; the bits are {'the same' if row['same_bits'] else 'NOT the same'}."]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--fast", action="store_true", help="three rounds, of small tensors four hundred")
    asked = parser.parse_args()
    runs = {}
    for cores, words in ((1, "one core"), (2, "two cores")):
        for fresh in (False, True):
            rows = child(cores, f"measure({fresh}, {asked.fast})", asked.fast)
            for row in rows:
                row["goal"] = 5.0 if cores == 2 and row["name"] == "normal" and not fresh else row["goal"] if cores == 1 else None
            if rows:
                runs[f"{words}, {'fresh' if fresh else 'warm'} memory"] = rows
    result = {"machine": machine(), "runs": runs, "without_kernel": child(1, "without_kernel()", asked.fast)}
    page = markdown(result)
    print(page)
    if asked.json:
        asked.json.write_text(json.dumps(result, indent=1) + "\n")
    if asked.markdown:
        asked.markdown.write_text(page)


if __name__ == "__main__":
    main()
