"""Scores a detector on the injected faults that hurt, and counts its alarms on the changes that do not.

    python -m benchmarks.injected_faults.score                    # the tuning half
    python -m benchmarks.injected_faults.score --half both        # also the held-back half: only to report it
    python -m benchmarks.injected_faults.score --operator rate-by-thousand --operator as-it-is

Rows, families, baseline and intervals are those of `benchmarks.faulty_programs`.
"""

import argparse
from collections import defaultdict
from typing import Any

from benchmarks.faulty_programs.score import Detector, HealthyRow, ask, fault_row, tell
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


def shown(name: str, rows: dict[str, list[Any]]) -> dict[str, Any]:
    """Print the table by operator."""
    table = by_operator(rows)
    print(f"\n{name}: cause, layer, error of n")
    print(*(f"  {operator:34s} {c:3d} {layer:3d} {e:3d} of {n:3d}" for operator, (c, layer, e, n) in table.items()), sep="\n")
    return {"by_operator": table}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operator", action="append", help="only these; repeat the option for more")
    tell(parser, lambda half, options: chosen(half, options.operator), score, shown)


if __name__ == "__main__":
    main()
