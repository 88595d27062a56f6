"""Scores a detector on the thread programs: is its top cause right, is the layer right, does it alarm after the answer?

    python -m benchmarks.thread_programs.score                    # the tuning half, steadygrad beside the baseline
    python -m benchmarks.thread_programs.score --half both --output results/score.json   # held back too: only to report it
    python -m benchmarks.thread_programs.score --id SO-58887284

Rows, families, baseline and intervals are those of `benchmarks.faulty_programs`; "learned" and "reproduced" come from
results/measured.json.
"""

import argparse
from typing import Any

from benchmarks.faulty_programs.score import Detector, HealthyRow, ask, fault_row, tell
from benchmarks.thread_programs import measure
from benchmarks.thread_programs.programs import CATALOGUE
from benchmarks.thread_programs.thread import Thread


def score(detector: Detector, programs: list[Thread]) -> dict[str, list[Any]]:
    """The rows "faulty" and "healthy"; before results/measured.json is there every fault counts as visible."""
    measured = measure.recorded()
    rows: dict[str, list[Any]] = {"faulty": [], "healthy": []}
    for program in programs:
        known = measured.get(program.id, {})
        rows["faulty"].append(fault_row(program, detector, known.get("visible", True), known.get("reproduced") is True))
        verdict = ask(detector, program.fixed())
        remarked = bool(verdict.where) and not verdict.alarmed
        rows["healthy"].append(HealthyRow(program.id, known.get("counterpart_learned"), verdict.alarmed, remarked, verdict.said))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--id", nargs="*")
    tell(parser, lambda half, options: [p for p in CATALOGUE.values() if p.half == half and (not options.id or p.id in options.id)], score)


if __name__ == "__main__":
    main()
