"""What `initialize_` does to published architectures: spread of activations and of weight gradients, beside their own defaults.

    python benchmarks/initialization_zoo.py --libraries timm,hf --sample 60 --results benchmarks/results/initialization_zoo.jsonl

Each model runs in a process of its own with a limit of processor time and memory, is measured as it comes, planned, drawn and measured again.
Activations: largest over smallest root mean square over outputs of affine ops, norms, activations and sums. Gradients: the same per entry over
weight matrices off branches that start silent. Results are appended line by line and a killed run goes on where it stopped; the sample is the names with the smallest
SHA-256 of `--held` and the name, `--without` those of earlier results. What cannot be planned counts as a miss.
"""

import argparse
import importlib
import json
import math
import os
import resource
import time
import warnings
from collections import Counter
from functools import partial
from pathlib import Path

import torch
from benchmarks_zoo_shim import install
from zoo import names, ordered

from steadygrad.errors import TargetError
from steadygrad.planner import plan
from steadygrad.planner.spread import activation_spread, gradient_spread
from steadygrad.planner.verification import compare, observe
from steadygrad.probes.evidence import Evidence
from steadygrad.targets import case_from

SPREADS = {"activations": 10.0, "gradients": 100.0}


def measured(name: str, largest: float) -> dict[str, object]:
    """One network as it comes, planned, drawn and measured again."""
    count = millions(name)
    if count > largest:
        return {"excluded": f"{count:.0f} million parameters"}
    torch.manual_seed(0)
    try:
        case = case_from(name)
    except TargetError as error:
        return {"excluded": str(error)}
    seen = observe(case.model, case.inputs, case.targets, case.loss_fn)
    before = activation_spread(seen), gradient_spread(seen), every_signal(seen)
    started = time.process_time()
    made = plan(case.model, case.inputs)
    planned = time.process_time() - started
    made.apply_(case.model)
    seen = observe(case.model, case.inputs, case.targets, case.loss_fn)
    found = compare(made, seen)
    return {
        "activations": [before[0], found.activation_spread], "gradients": [before[1], found.gradient_spread], "every signal": [before[2], every_signal(seen)],
        "q": found.worst_q, "g": found.worst_gradient, "uncovered": len(made.uncovered), "plan_s": round(planned, 2), "parameters_m": round(count, 1),
        "drawn": sum(row.action == "draw" for row in made.rows), "notes": [n for n in made.notes if "spread" in n or "not measured" in n],
    }  # fmt: skip


def millions(name: str) -> float:
    """Parameters of a timm model, in millions; of the others, which are shrunk before they are built, 0."""
    library, _, model = name.partition(":")
    if library != "timm":
        return 0.0
    with torch.device("meta"):
        return sum(p.numel() for p in importlib.import_module("timm").create_model(model).parameters()) / 1e6


def every_signal(seen: Evidence) -> float:
    """The spread of activations as it was counted before: raw rows of tables and vectors of unit length among them."""
    kinds, graph = ("affine", "norm", "activation", "join"), seen.graph
    nodes = [n for n in graph.nodes if n.kind in kinds and n.where != "loss" and n.index in seen.signals and n.index in graph.feeds_weights]
    found = [q for n in nodes if 0.0 < (q := seen.signals[n.index].moments.q) < math.inf]
    return math.sqrt(max(found) / min(found)) if found else 1.0


def forked(name: str, asked: argparse.Namespace) -> dict[str, object]:
    """`measured` in a process of its own, which has the libraries loaded already; its limit is of processor time, which others cannot use up."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            resource.setrlimit(resource.RLIMIT_AS, (int(asked.memory * 2**30),) * 2)
            resource.setrlimit(resource.RLIMIT_CPU, (int(asked.timeout),) * 2)
            record = measured(name, asked.largest)
        except BaseException as error:  # whatever a published network does is a result
            record = {"failure": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:300]}
        os.write(writer, json.dumps(record).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return {"name": name, **(json.loads(text) if text else {"failure": f"ended by its limits: {asked.timeout:g} s of processor time, {asked.memory:g} GiB"})}


def quantile(values: list[float], share: float) -> float:
    """The value that `share` of them do not exceed."""
    return sorted(values)[min(int(share * len(values)), len(values) - 1)] if values else float("nan")


def markdown(records: list[dict]) -> str:
    """The table: distributions before and after, how many are within 10× and 100×, and every miss with its numbers."""
    ran, missed = [r for r in records if "activations" in r], [r for r in records if "failure" in r]
    counted = Counter(r["name"].partition(":")[0] for r in (*ran, *missed))
    large = sum("million parameters" in r.get("excluded", "") for r in records)
    lines = [
        f"{len(ran)} of {len(ran) + len(missed)} architectures planned ({', '.join(f'{n} {library}' for library, n in sorted(counted.items()))}); replaced by the next "
        f"name: {large} too large, {sum('excluded' in r for r in records) - large} that are no model of their own.",
        "", "| | | 10 % | median | 90 % | worst | within |", "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    lines += [_row(ran, len(ran) + len(missed), key, which) for key in (*SPREADS, "every signal") for which in (0, 1)]
    for key, bound in SPREADS.items():
        beyond = [r for r in ran if r[key][1] > bound]
        lines += ["", f"{key.capitalize()} beyond {bound:g}×, as it came → planned: {', '.join(map(partial(_told, key), beyond)) or 'none'}."]
        lines += [f"Of these beyond their own default too: {', '.join(r['name'] for r in beyond if r[key][1] > r[key][0]) or 'none'}."]
    lines += ["", *(f"- failed: {r['name']}: {r['failure']}" for r in missed)]
    return "\n".join(lines) + "\n"


def _row(ran: list[dict], count: int, key: str, which: int) -> str:
    values, bound = [r[key][which] for r in ran], SPREADS.get(key, 10.0)
    shares = " | ".join(f"{quantile(values, share):.3g}×" for share in (0.1, 0.5, 0.9, 1.0))
    return f"| {key} | {('own default', 'planned')[which]} | {shares} | {sum(v <= bound for v in values)} of {count} within {bound:g}× |"


def _told(key: str, record: dict) -> str:
    return f"{record['name']} {record[key][0]:.3g} → {record[key][1]:.3g}"


def main() -> None:
    """Run, resume, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--libraries", default="timm,hf")
    parser.add_argument("--sample", type=int, default=60)
    parser.add_argument("--held", default="", help="hash this salt and the name: a sample of its own")
    parser.add_argument("--without", type=Path, nargs="*", default=[], help="results whose names have been looked at")
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds of processor time")
    parser.add_argument("--memory", type=float, default=14.0, help="GiB of address space")
    parser.add_argument("--largest", type=float, default=float("inf"), help="million parameters; larger timm networks are replaced by the next name")
    parser.add_argument("--results", type=Path, default=Path("benchmarks/results/initialization_zoo.jsonl"))
    parser.add_argument("--names", default="")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    install()
    torch.set_num_threads(1)
    for library in asked.libraries.split(","):  # once, before the first fork
        importlib.import_module({"hf": "transformers"}.get(library, library))
    known = [json.loads(line) for line in asked.results.read_text().splitlines()] if asked.results.exists() else []
    done = {r["name"] for r in known}
    looked = {json.loads(line)["name"] for path in asked.without for line in path.read_text().splitlines()}
    taken = 0
    for name in asked.names.split(",") if asked.names else ordered(names(asked.libraries.split(",")), asked.held):
        if name in looked:
            continue
        record = next((r for r in known if r["name"] == name), None) or forked(name, asked)
        if name not in done:
            known.append(record)
            with asked.results.open("a") as file:
                file.write(json.dumps(record) + "\n")
            print(json.dumps(record), flush=True)
        taken += "excluded" not in record
        if taken >= asked.sample:
            break
    print(markdown(known))


if __name__ == "__main__":
    main()
