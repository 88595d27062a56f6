"""What `initialize_` does to published architectures: spread of activations and of weight gradients, beside their own defaults.

    python benchmarks/initialization_zoo.py --libraries timm,hf --sample 60 --results benchmarks/results/initialization_zoo.jsonl

Each model runs in a process of its own, is measured as it comes, planned, drawn and measured again. Activations: largest over smallest
root mean square over outputs of affine ops, norms, activations and sums. Gradients: the same per entry over weight matrices off branches
that start silent. Results are appended line by line and a killed run goes on where it stopped; the sample is the names with the smallest
SHA-256. What cannot be planned counts as a miss.
"""

import argparse
import json
from pathlib import Path

from zoo import check, names, ordered

WORKER = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
from benchmarks_zoo_shim import install
install()
import torch
torch.set_num_threads(1)
from steadygrad.errors import TargetError
from steadygrad.planner import plan
from steadygrad.planner.verification import activation_spread, gradient_spread, observe
from steadygrad.targets import case_from
torch.manual_seed(0)
try:
    case = case_from(sys.argv[1])
except TargetError as error:
    print("RESULT " + json.dumps({"excluded": str(error)}))
    sys.exit()
seen = observe(case.model, case.inputs, case.targets, case.loss_fn)
before = activation_spread(seen), gradient_spread(seen)
started = time.perf_counter()
made = plan(case.model, case.inputs)
planned = time.perf_counter() - started
made.apply_(case.model)
found = made.verify(case.model, case.inputs, case.targets, case.loss_fn)
print("RESULT " + json.dumps({
    "activations": [before[0], found.activation_spread], "gradients": [before[1], found.gradient_spread], "q": found.worst_q, "g": found.worst_gradient,
    "uncovered": len(made.uncovered), "plan_s": round(planned, 2), "drawn": sum(row.action == "draw" for row in made.rows),
}))
"""


def quantile(values: list[float], share: float) -> float:
    """The value that `share` of them do not exceed."""
    return sorted(values)[min(int(share * len(values)), len(values) - 1)] if values else float("nan")


def markdown(records: list[dict]) -> str:
    """The table: distributions before and after, and how many are within 10× and 100×."""
    ran = [r for r in records if "activations" in r]
    missed = [r for r in records if "failure" in r]
    lines = [f"{len(ran)} of {len(ran) + len(missed)} architectures planned.", "", "| | | 10 % | median | 90 % | worst | within |", "|---|---|---|---|---|---|---|"]
    for key, bound in (("activations", 10.0), ("gradients", 100.0)):
        for which, words in ((0, "own default"), (1, "planned")):
            values = [r[key][which] for r in ran]
            within = sum(v <= bound for v in values)
            shares = " | ".join(f"{quantile(values, share):.3g}×" for share in (0.1, 0.5, 0.9, 1.0))
            lines.append(f"| {key} | {words} | {shares} | {within} of {len(ran) + len(missed)} within {bound:g}× |")
        worse = [r["name"] for r in ran if r[key][1] > max(r[key][0], bound)]
        lines += ["", f"Beyond {bound:g}× and beyond their own default: {', '.join(worse) or 'none'}.", ""] if worse else []
    lines += [f"- failed: {r['name']}: {r['failure']}" for r in missed]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run, resume, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--libraries", default="timm,hf")
    parser.add_argument("--sample", type=int, default=60)
    parser.add_argument("--held", action="store_true")
    parser.add_argument("--timeout", type=float, default=300.0)
    parser.add_argument("--memory", type=float, default=14.0, help="GiB of address space")
    parser.add_argument("--results", type=Path, default=Path("benchmarks/results/initialization_zoo.jsonl"))
    parser.add_argument("--names", default="")
    asked = parser.parse_args()
    known = [json.loads(line) for line in asked.results.read_text().splitlines()] if asked.results.exists() else []
    done = {r["name"] for r in known}
    taken = 0
    for name in asked.names.split(",") if asked.names else ordered(names(asked.libraries.split(",")), "held:" if asked.held else ""):
        record = next((r for r in known if r["name"] == name), None) or check(name, asked.timeout, asked.memory, WORKER)
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
