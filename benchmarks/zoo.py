"""Check published architectures at their own default initialization: what fails to run, and what is called an error.

    python benchmarks/zoo.py --libraries timm,torchvision,hf --sample 100 --results benchmarks/results/zoo.jsonl
    python benchmarks/zoo.py --names 'timm:resnet18,hf:bert'

Each model runs in a process of its own with a time and memory limit; results are appended line by line, and names that
are already there are skipped, so a killed run goes on where it stopped. `--sample N` takes the N names with the smallest
SHA-256, so a sample is the same everywhere and chosen by nobody. Nothing is left out silently: time-outs, memory and
errors are failures, listed with their last line.
"""

import argparse
import fnmatch
import hashlib
import json
import math
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

WORKER = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
from benchmarks_zoo_shim import install
install()
import torch
torch.set_num_threads(1)
from steadygrad.door import check
from steadygrad.targets import case_from
started = time.perf_counter()
case = case_from(sys.argv[1])
built = time.perf_counter()
report = check(case)
print("RESULT " + json.dumps({
    "ok": report.ok, "build_s": round(built - started, 2), "check_s": round(time.perf_counter() - built, 2),
    "parameters": report.parameter_count, "not_seen": len(report.not_seen),
    "findings": [[f.code, f.slug, f.severity, f.where, f.message[:200]] for f in report.findings if f.severity != "note"],
}))
"""


def names(libraries: list[str]) -> list[str]:
    """All architecture names of the libraries, prefixed."""
    found: list[str] = []
    code = {
        "timm": "import timm; names = timm.list_models()",
        "torchvision": "from torchvision import models; names = models.list_models()",
        "hf": "from transformers.models.auto.configuration_auto import CONFIG_MAPPING; names = list(CONFIG_MAPPING)",
    }
    for library in libraries:
        script = f"from benchmarks_zoo_shim import install; install(); {code[library]}; import json; print('NAMES ' + json.dumps(list(names)))"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=_environment())
        line = next((x for x in done.stdout.splitlines() if x.startswith("NAMES ")), None)
        if line is None:
            print(f"{library}: not available ({done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'no output'})")
            continue
        found += [f"{library}:{name}" for name in json.loads(line[6:])]
    return found


def _environment() -> dict[str, str]:
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": path, "TOKENIZERS_PARALLELISM": "false"}


def check(name: str, timeout: float, memory: float) -> dict[str, object]:
    """Run one model in its own process."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (int(memory * 2**30), int(memory * 2**30)))

    started = time.perf_counter()
    try:
        done = subprocess.run([sys.executable, "-c", WORKER, name], capture_output=True, text=True, timeout=timeout, env=_environment(), preexec_fn=limit)
    except subprocess.TimeoutExpired:
        return {"name": name, "failure": f"no answer within {timeout:g} s"}
    line = next((x for x in done.stdout.splitlines() if x.startswith("RESULT ")), None)
    if line is None:
        lines = [x for x in done.stderr.splitlines() if x and not x.startswith((" ", "Traceback"))]
        last = lines[-1:] or [f"exit status {done.returncode}"]
        return {"name": name, "failure": last[0][:300], "seconds": round(time.perf_counter() - started, 1)}
    return {"name": name, "seconds": round(time.perf_counter() - started, 1), **json.loads(line[7:])}


def wilson(k: int, n: int) -> tuple[float, float]:
    """95 % Wilson interval of k in n."""
    if n == 0:
        return 0.0, 1.0
    z, p = 1.959964, k / n
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)


def summary(records: list[dict]) -> str:
    """Counts with intervals, every failure, every error, fires per rule."""
    ran = [r for r in records if "failure" not in r]
    alarms = [r for r in ran if not r["ok"]]
    a, b = wilson(len(ran), len(records)), wilson(len(alarms), len(ran))
    lines = [
        f"ran {len(ran)} of {len(records)} ({a[0]:.1%}–{a[1]:.1%}); errors on {len(alarms)} of {len(ran)} ({b[0]:.1%}–{b[1]:.1%}, Wilson 95 %)",
        f"median check {sorted(r['check_s'] for r in ran)[len(ran) // 2] if ran else 0:g} s",
    ]
    lines += [f"  failed  {r['name']}: {r['failure']}" for r in records if "failure" in r]
    for record in alarms:
        lines += [f"  error   {record['name']}: {f[0]} {f[1]} at {f[3]}: {f[4]}" for f in record["findings"] if f[2] == "error"]
    fires = Counter((f[0], f[1], f[2]) for r in ran for f in r["findings"])
    lines += [f"  fires   {code} {slug} {severity}: {count}" for (code, slug, severity), count in sorted(fires.items())]
    return "\n".join(lines)


def main() -> None:
    """Parse, run what is missing, summarise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--libraries", default="timm,torchvision,hf")
    parser.add_argument("--names", default="", help="comma-separated names or globs instead of whole libraries")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--results", type=Path, default=Path("zoo.jsonl"))
    parser.add_argument("--timeout", type=float, default=300.0)
    parser.add_argument("--memory", type=float, default=16.0, help="GiB of address space per model")
    parser.add_argument("--budget", type=float, default=math.inf, help="seconds after which no new model is started")
    options = parser.parse_args()
    wanted = [n for n in options.names.split(",") if n]
    chosen = [n for n in wanted if "*" not in n]
    if not wanted or len(chosen) < len(wanted):
        everything = names(options.libraries.split(","))
        chosen += [n for n in everything if not wanted or any(fnmatch.fnmatch(n, w) for w in wanted if "*" in w)]
    chosen.sort(key=lambda n: hashlib.sha256(n.encode()).hexdigest())
    chosen = chosen[: options.sample] if options.sample else chosen
    before = [json.loads(x) for x in options.results.read_text().splitlines()] if options.results.exists() else []
    known = {r["name"]: r for r in before}
    started = time.perf_counter()
    with options.results.open("a", encoding="utf-8") as file:
        for name in chosen:
            if name in known or time.perf_counter() - started > options.budget:
                continue
            known[name] = check(name, options.timeout, options.memory)
            file.write(json.dumps(known[name]) + "\n")
            file.flush()
            print(f"{name}: {known[name].get('failure') or ('ok' if known[name]['ok'] else 'ERROR')} {known[name].get('seconds', '')}", flush=True)
    print(summary([known[n] for n in chosen if n in known]))


if __name__ == "__main__":
    main()
