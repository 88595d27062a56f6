"""Can the fault be seen before training at all? Compares each program with its counterpart at step 0.

    python -m benchmarks.faulty_programs.visible [--output results/visible.json]

Two kinds of difference, found without the library under test:

- *structure*: modules and their settings, the loss, the optimizer's settings, which parameters train;
- *numbers* of one forward, one backward and one optimizer step (`measurements`). A number differs when the program's
  lies more than 10 % and more than three times the seed-to-seed range (five seeds, new weights and a new batch) away
  from the range of the counterpart's, at each of those seeds, or when only one of the two is finite.

A fault counts as visible when either kind differs. As a control every counterpart is compared with itself at five
other seeds; a number that differs there is a false difference.
"""

import argparse
import json
import math
from pathlib import Path
from typing import Any

import torch
from benchmarks.faulty_programs.measurements import Numbers, step_zero
from benchmarks.faulty_programs.program import Program, Setting
from benchmarks.faulty_programs.programs import CATALOGUE

from steadygrad.case import Case

SEEDS, OTHER_SEEDS = range(5), range(5, 10)
RELATIVE = 0.10
SPREADS = 3.0


def structure(case: Case) -> dict[str, str]:
    """What a reader of the program would see, as text by place."""
    leaves = {path: repr(module) for path, module in case.model.named_modules() if not [*module.children()]}
    trained = _trained(case.optimizer)
    frozen = [n for n, p in case.model.named_parameters() if not (p.requires_grad and (not trained or id(p) in trained))]
    return {**leaves, "loss": getattr(case.loss_fn, "__name__", "none"), "optimizer": _settings(case.optimizer), "frozen": repr(frozen)}


def _trained(optimizer: torch.optim.Optimizer | None) -> set[int]:
    return set() if optimizer is None else {id(p) for group in optimizer.param_groups for p in group["params"]}


def _settings(optimizer: torch.optim.Optimizer | None) -> str:
    if optimizer is None:
        return "none"
    groups = [{k: v for k, v in sorted(group.items()) if k != "params"} for group in optimizer.param_groups]
    return f"{type(optimizer).__name__} {groups}"


def structural_differences(program: Case, counterpart: Case) -> dict[str, list[str]]:
    """Place → [in the program, in the counterpart]; "–" where one has nothing there."""
    ours, theirs = structure(program), structure(counterpart)
    return {place: [ours.get(place, "–"), theirs.get(place, "–")] for place in {**theirs, **ours} if ours.get(place) != theirs.get(place)}


def runs(setting: Setting, seeds: range) -> list[Numbers]:
    return [step_zero(setting.case(seed), seed) for seed in seeds]


def numeric_differences(program: list[Numbers], counterpart: list[Numbers]) -> dict[str, list[float]]:
    """Number → [in the program, lowest, highest in the counterpart], for those that differ beyond the noise."""
    found = {}
    for key in program[0]:
        if all(key in run for run in counterpart):
            values, known = [run[key] for run in program], [run[key] for run in counterpart]
            if differs(values, known):
                found[key] = [values[0], min(known), max(known)]
    return found


def differs(values: list[float], known: list[float]) -> bool:
    """True when every value lies beyond the 10 % and three times the range of the known ones."""
    finite = [math.isfinite(value) for value in known]
    if not all(finite):
        return not any(finite) and all(math.isfinite(value) for value in values)
    low, high = min(known), max(known)
    margin = max(SPREADS * (high - low), RELATIVE * max(abs(low), abs(high)))
    return all(not math.isfinite(value) or value < low - margin or value > high + margin for value in values)


def compare(program: Program) -> dict[str, Any]:
    """One row: visible or not, why not, and the differences."""
    if program.counterpart is None:
        raise ValueError(f"{program.id} is healthy: there is nothing to compare it with")
    known = runs(program.counterpart, SEEDS)
    structural = structural_differences(program.build(), program.fixed())
    numeric = numeric_differences(runs(program.faulty, SEEDS), known)
    control = numeric_differences(runs(program.counterpart, OTHER_SEEDS), known)
    seen = bool(structural or numeric)
    why = "" if seen else "nothing differs beyond the seed-to-seed noise at step 0"
    return {"visible": seen, "why_not": why, "structure": structural, "numbers": numeric, "control": control}


def jsonable(value: object) -> object:
    """The same with non-finite numbers as text, which JSON can hold."""
    if isinstance(value, dict):
        return {key: jsonable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [jsonable(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.4g}") if math.isfinite(value) else str(value)
    return value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "visible.json")
    options = parser.parse_args()
    rows: dict[str, dict[str, Any]] = {}
    for program in CATALOGUE.values():
        if not program.healthy:
            row = rows[program.id] = compare(program)
            shown = row["why_not"] or f"{len(row['structure'])} places and {len(row['numbers'])} numbers differ"
            print(f"{program.id:45s} {'visible' if row['visible'] else 'hidden':8s} {shown}", flush=True)
    false = sum(bool(row["control"]) for row in rows.values())
    print(f"visible: {sum(bool(row['visible']) for row in rows.values())} of {len(rows)}")
    print(f"counterparts that differ from themselves at other seeds: {false} of {len(rows)}")
    written = {"programs": rows, "seeds": len(SEEDS), "relative": RELATIVE, "spreads": SPREADS}
    options.output.write_text(json.dumps(jsonable(written), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
