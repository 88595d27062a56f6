"""Scores a detector on the injected faults that hurt, and counts its alarms on the changes that do not.

    python -m benchmarks.injected_faults.score                    # the tuning half
    python -m benchmarks.injected_faults.score --half both        # also the held-back half: only to report it
    python -m benchmarks.injected_faults.score --operator rate-by-thousand --operator as-it-is

Rows, families, baseline and intervals are those of `benchmarks.faulty_programs`.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from benchmarks.faulty_programs.score import Detector, HealthyRow, ask, detectors, fault_row, recorded, show
from benchmarks.faulty_programs.split import HALVES
from benchmarks.injected_faults import hurts
from benchmarks.injected_faults.injection import Injected, catalogue


def chosen(half: str, operators: list[str] | None) -> list[Injected]:
    """The half's faults that hurt and changes that do not, all or those of some operators."""
    kept = {name for name, row in hurts.recorded(half).items() if row["kept"]}
    return [p for p in catalogue().values() if p.id in kept and (not operators or p.operator.name in operators)]


def score(detector: Detector, programs: list[Injected]) -> dict[str, list[Any]]:
    """The rows "faulty" and "healthy"."""
    healthy = []
    for program in (p for p in programs if p.healthy):
        verdict = ask(detector, program.build())
        healthy.append(HealthyRow(program.id, True, verdict.alarmed, bool(verdict.where) and not verdict.alarmed, verdict.said))
    return {"faulty": [fault_row(p, detector, True, True) for p in programs if not p.healthy], "healthy": healthy}


def by_operator(rows: dict[str, list[Any]]) -> dict[str, list[int]]:
    """Operator → [causes right, layers right, called an error, n]."""
    table: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for row in rows["faulty"]:
        for i, counted in enumerate((row.cause, row.start, row.alarmed, True)):
            table[row.id.split("/")[1]][i] += counted
    return dict(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=[*HALVES, "both"], default="tuning")
    parser.add_argument("--operator", action="append", help="only these; repeat the option for more")
    parser.add_argument("--detector", choices=detectors(), action="append")
    parser.add_argument("--output", type=Path, help="write counts and rows as JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    wanted = {name: d for name, d in detectors().items() if name in (options.detector or ("steadygrad", "baseline"))}
    written = {}
    for half in HALVES if options.half == "both" else (options.half,):
        programs = chosen(half, options.operator)
        results = {name: score(detector, programs) for name, detector in wanted.items()}
        show(half, results)
        for name, rows in results.items():
            print(f"\n{name}: cause, layer, error of n")
            print(*(f"  {operator:34s} {c:3d} {layer:3d} {e:3d} of {n:3d}" for operator, (c, layer, e, n) in by_operator(rows).items()), sep="\n")
        written[half] = {name: recorded(rows) | {"by_operator": by_operator(rows)} for name, rows in results.items()}
    if options.output:
        options.output.write_text(json.dumps(written, ensure_ascii=False).replace('{"id"', '\n{"id"') + "\n")


if __name__ == "__main__":
    main()
