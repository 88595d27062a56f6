"""Does the fault hurt, and does the harmless change not? Both are trained from the same seed as the base.

    python -m benchmarks.injected_faults.hurts [--half tuning]      # → results/hurts.HALF.json

With s the score, f what a constant answer scores: what was learned is s − f. A fault *hurts* when it learns
less than three quarters of what the base learns. A harmless change is *healthy* when at every seed it learns at
least three quarters. Everything else is left out of the scores. Runs already in the output are not repeated.
"""

import argparse
import hashlib
import json
import math
from pathlib import Path

import torch
from benchmarks.faulty_programs.reproduce import rounded, train
from benchmarks.faulty_programs.split import HALVES
from benchmarks.injected_faults.injection import Injected, catalogue

SEEDS = (0,)
KEPT = 0.75
RESULTS = Path(__file__).parent / "results"


def learned_less(score: float, healthy: float, floor: float) -> bool:
    """Less than three quarters of what the base learned; NaN learned nothing."""
    return math.isnan(score) or score - floor < KEPT * (healthy - floor)


def row_of(program: Injected, healthy: dict[tuple[str, int], float]) -> dict[str, object]:
    """Scores at each seed until one disagrees with what the change should do."""
    base, scores, wanted = program.base, [], not program.operator.harmless
    for seed in SEEDS:
        if (base.name, seed) not in healthy:
            healthy[base.name, seed] = train(base.setting, base.steps, seed)
        try:
            scores.append(train(program.faulty, program.steps, seed))
        except Exception as problem:
            return {"kept": False, "raised": f"{type(problem).__name__}: {problem}"[:200]}
        if learned_less(scores[-1], healthy[base.name, seed], base.floor) != wanted:
            break
    kept = len(scores) == len(SEEDS) and learned_less(scores[-1], healthy[base.name, SEEDS[-1]], base.floor) == wanted
    return {"kept": kept, "base": rounded([healthy[base.name, s] for s in SEEDS[: len(scores)]]), "changed": rounded(scores)}


def recorded(half: str) -> dict[str, dict[str, object]]:
    """Id → row of a half, as measured; empty before the first run."""
    path = RESULTS / f"hurts.{half}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def measure(half: str) -> None:
    """Train what is not recorded yet, in an order drawn by a hash: a run that is stopped leaves a random sample."""
    rows = recorded(half)
    healthy: dict[tuple[str, int], float] = {}
    for name, program in sorted(catalogue().items(), key=lambda item: hashlib.sha256(item[0].encode()).digest()):
        if name not in rows and program.half == half:
            rows[name] = row_of(program, healthy)
            print(name, json.dumps(rows[name]), flush=True)
            lines = ",\n".join(f" {json.dumps(k)}: {json.dumps(v)}" for k, v in rows.items())
            (RESULTS / f"hurts.{half}.json").write_text(f"{{\n{lines}\n}}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=HALVES)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for half in HALVES if options.half is None else (options.half,):
        measure(half)


if __name__ == "__main__":
    main()
