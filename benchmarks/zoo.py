"""Check published architectures at their own default initialization: what fails to run, and what is called an error.

    python benchmarks/zoo.py --libraries timm,torchvision,hf --sample 100 --results benchmarks/results/zoo.jsonl
    python benchmarks/zoo.py --names 'timm:resnet18,hf:bert'
    python benchmarks/zoo.py --sample 150 --held held-2: --without benchmarks/results/zoo-held.jsonl \\
        --results benchmarks/results/zoo-held-2.jsonl --markdown benchmarks/results/zoo-held-2.md

Each model runs in a process of its own (`zoo_server.py`) with limits on processor time and memory; results are appended line by line, and names that
are already there are skipped, so a killed run goes on where it stopped. `--sample N` takes the N names with the smallest
SHA-256, so a sample is the same everywhere and chosen by nobody; `--held SALT` hashes SALT + name and `--without` leaves out
names that have been looked at, for a sample that nothing was tuned on. Names that are no trainable model of their own (parts of other models, int8 weights) are counted and replaced by
the next name. Nothing else is left out: time-outs, memory and errors are failures, listed with their last line.
`--markdown FILE` writes the page, with `--why FILE`, a JSON object from names to explanations.
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
from collections.abc import Callable
from pathlib import Path


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


def check(name: str, timeout: float, memory: float, worker: str) -> dict[str, object]:
    """Run one model in an interpreter of its own, whose script prints RESULT and a line of JSON."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (int(memory * 2**30), int(memory * 2**30)))

    started = time.perf_counter()
    try:
        done = subprocess.run([sys.executable, "-c", worker, name], capture_output=True, text=True, timeout=timeout, env=_environment(), preexec_fn=limit)
    except subprocess.TimeoutExpired:
        return {"name": name, "failure": f"no answer within {timeout:g} s"}
    line = next((x for x in done.stdout.splitlines() if x.startswith("RESULT ")), None)
    if line is None:
        lines = [x for x in done.stderr.splitlines() if x and not x.startswith((" ", "Traceback"))]
        last = lines[-1:] or [f"exit status {done.returncode}"]
        return {"name": name, "failure": last[0][:300], "seconds": round(time.perf_counter() - started, 1)}
    return {"name": name, "seconds": round(time.perf_counter() - started, 1), **json.loads(line[7:])}


class Server:
    """`zoo_server.py`, started when first asked: a fork for each model of a process that has imported everything."""

    def __init__(self, step: bool = False) -> None:
        self.step = step
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.communicate()  # without further names it ends

    def check(self, name: str, timeout: float, memory: float) -> dict[str, object]:
        """The record of a model."""
        if self.process is None:
            script = str(Path(__file__).with_name("zoo_server.py"))
            self.process = subprocess.Popen(
                [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=_environment()
            )
        self.process.stdin.write(json.dumps({"name": name, "timeout": timeout, "memory": memory, "step": self.step}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def wilson(k: int, n: int) -> tuple[float, float]:
    """95 % Wilson interval of k in n."""
    if n == 0:
        return 0.0, 1.0
    z, p = 1.959964, k / n
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(middle - half, 0.0) / (1 + z * z / n), min((middle + half) / (1 + z * z / n), 1.0)


def ordered(names: list[str], salt: str = "") -> list[str]:
    """By SHA-256 of the salt and the name."""
    return sorted(names, key=lambda n: hashlib.sha256((salt + n).encode()).hexdigest())


def counts(records: list[dict]) -> tuple[list[dict], list[dict], list[dict], list[dict]]:
    """Records that ran, those with an error among them, those that failed, and those left out."""
    left_out = [r for r in records if "excluded" in r]
    failed = [r for r in records if "failure" in r]
    ran = [r for r in records if "ok" in r]
    return ran, [r for r in ran if not r["ok"]], failed, left_out


def summary(records: list[dict]) -> str:
    """Counts with intervals, every failure, every error, fires per rule."""
    ran, alarms, failed, left_out = counts(records)
    lines = [f"ran {_share(len(ran), len(ran) + len(failed))}; errors on {_share(len(alarms), len(ran))}; left out {len(left_out)} of {len(records)} names"]
    lines += [f"  failed  {r['name']}: {r['failure']}" for r in failed]
    for record in alarms:
        lines += [f"  error   {record['name']}: {f[0]} {f[1]} at {f[3]}: {f[4]}" for f in record["findings"] if f[2] == "error"]
    lines += [f"  fires   {code} {slug} {severity}: {k}" for (code, slug, severity), k in fires(ran)]
    return "\n".join(lines)


def fires(ran: list[dict]) -> list[tuple[tuple[str, str, str], int]]:
    """On how many networks each rule fires, by code, slug and severity."""
    return sorted(Counter(key for r in ran for key in {(f[0], f[1], f[2]) for f in r["findings"]}).items())


def markdown(records: list[dict], why: dict[str, str], title: str) -> str:
    """The page of a sample: counts with intervals, fires per rule, and every failure and alarm with its explanation."""
    ran, alarms, failed, left_out = counts(records)
    by_library = Counter(r["name"].partition(":")[0] for r in (*ran, *failed))
    times = sorted(r["check_s"] for r in ran)
    lines = [
        f"# {title}", "",
        f"{len(ran) + len(failed)} architectures ({', '.join(f'{v} {k}' for k, v in sorted(by_library.items()))}) with random weights at their own defaults, "
        "generated inputs, depth fast, CPU. Intervals are 95 % Wilson.", "",
        "| | |", "|---|---|",
        f"| ran | {_share(len(ran), len(ran) + len(failed))} |",
        f"| an error-severity finding | {_share(len(alarms), len(ran))} |",
        f"| names drawn that are no model of their own, replaced by the next | {len(left_out)} |",
        *([f"| seconds of a check: median, largest | {times[len(times) // 2]:g}, {times[-1]:g} |"] if times else []),
        "", "## Fires per rule", "", "| rule | severity | networks | of all that ran |", "|---|---|---|---|",
        *[f"| {code} {slug} | {severity} | {k} | {_share(k, len(ran))} |" for (code, slug, severity), k in fires(ran)],
        "", "## Failures", "", *_listed([(r["name"], r["failure"]) for r in failed], why),
        "", "## Findings", "", *_listed([(r["name"], _told(f)) for r in ran for f in r["findings"]], why),
        "", "## Left out", "", *_listed([(r["name"], r["excluded"]) for r in left_out], {}),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _share(k: int, n: int) -> str:
    low, high = wilson(k, n)
    return f"{k} of {n} ({low:.1%}–{high:.1%})"


def _told(finding: list[str]) -> str:
    code, slug, severity, where, message = finding
    return f"{severity} {code} {slug} at `{where}`: {message}"


def _listed(items: list[tuple[str, str]], why: dict[str, str]) -> list[str]:
    """A bullet each, with the explanation of its name once, beneath the last of them."""
    if not items:
        return ["None."]
    lines = []
    for i, (name, told) in enumerate(items):
        lines.append(f"- `{name}`: {told}")
        if name in why and (i + 1 == len(items) or items[i + 1][0] != name):
            lines.append(f"  *{why[name]}*")
    return lines


def main() -> None:
    """Parse, run what is missing, summarise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--libraries", default="timm,torchvision,hf")
    parser.add_argument("--names", default="", help="comma-separated names or globs instead of whole libraries")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--held", default="", metavar="SALT", help="a sample that nothing was tuned on: the smallest SHA-256 of SALT and name")
    parser.add_argument("--without", default="", help="comma-separated results whose names are not drawn: they have been looked at")
    parser.add_argument("--markdown", type=Path, help="write the page of the sample here")
    parser.add_argument("--why", type=Path, help="JSON: explanations by name")
    parser.add_argument("--results", type=Path, default=Path("zoo.jsonl"))
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds of processor time per model")
    parser.add_argument("--memory", type=float, default=16.0, help="GiB of address space per model")
    parser.add_argument("--step", action="store_true", help="time one plain forward and backward too, for the ratio to a check")
    parser.add_argument("--budget", type=float, default=math.inf, help="seconds after which no new model is started")
    options = parser.parse_args()
    wanted = [n for n in options.names.split(",") if n]
    chosen = [n for n in wanted if "*" not in n]
    if not wanted or len(chosen) < len(wanted):
        everything = names(options.libraries.split(","))
        chosen += [n for n in everything if not wanted or any(fnmatch.fnmatch(n, w) for w in wanted if "*" in w)]
    seen = {json.loads(line)["name"] for file in options.without.split(",") if file for line in Path(file).read_text(encoding="utf-8").splitlines()}
    records = _run(ordered([n for n in chosen if n not in seen], options.held), options)
    print(summary(records))
    if options.markdown:
        why = json.loads(options.why.read_text(encoding="utf-8")) if options.why else {}
        kind = "held back" if options.held else "tuning"
        options.markdown.write_text(markdown(records, why, f"Published architectures, {kind} sample"), encoding="utf-8")


def _run(chosen: list[str], options: argparse.Namespace, run: Callable[[str, float, float], dict] | None = None) -> list[dict]:
    """Records of the sample, in order, running what the results lack."""
    before = [json.loads(x) for x in options.results.read_text(encoding="utf-8").splitlines()] if options.results.exists() else []
    known = {r["name"]: r for r in before}
    records: list[dict] = []
    started = time.perf_counter()
    with Server(options.step) as server, options.results.open("a", encoding="utf-8") as file:
        for name in chosen:
            if options.sample and sum("excluded" not in r for r in records) == options.sample:
                break
            if name not in known and time.perf_counter() - started < options.budget:
                known[name] = (run or server.check)(name, options.timeout, options.memory)
                file.write(json.dumps(known[name]) + "\n")
                file.flush()
                print(f"{name}: {_short(known[name])}", flush=True)
            if name in known:
                records.append(known[name])
    return records


def _short(record: dict) -> str:
    if "ok" in record:
        return f"{'ok' if record['ok'] else 'ERROR'} {record['seconds']:g} s"
    return str(record.get("failure") or f"left out: {record['excluded']}")


if __name__ == "__main__":
    main()
