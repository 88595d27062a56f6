"""Scores a detector on the thread programs: is its top cause right, is the layer right, does it alarm after the answer?

    python -m benchmarks.thread_programs.score                    # the tuning half, steadygrad beside the baseline
    python -m benchmarks.thread_programs.score --half both --output results/score.json   # held back too: only to report it
    python -m benchmarks.thread_programs.score --id SO-58887284

Rows, families, baseline and intervals are those of `benchmarks.faulty_programs`; "learned" and "reproduced" come from
results/measured.json.
"""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.faulty_programs.score import Detector, HealthyRow, ask, fault_row, tell
from benchmarks.thread_programs import measure
from benchmarks.thread_programs.programs import CATALOGUE
from benchmarks.thread_programs.thread import Thread


def score(detector: Detector, programs: list[Thread], output: Path = measure.OUTPUT) -> dict[str, list[Any]]:
    """The rows "faulty" and "healthy"; before `output` of the measurements is there every fault counts as visible."""
    measured = measure.recorded(output)
    rows: dict[str, list[Any]] = {"faulty": [], "healthy": []}
    for program in programs:
        known = measured.get(program.id, {})
        rows["faulty"].append(fault_row(program, detector, known.get("visible", True), known.get("reproduced") is True))
        verdict = ask(detector, program.fixed())
        remarked = bool(verdict.where) and not verdict.alarmed
        rows["healthy"].append(HealthyRow(program.id, known.get("counterpart_learned"), verdict.alarmed, remarked, verdict.said))
    return rows


def main(catalogue: dict[str, Thread], output: Path) -> None:
    """The command line of a collection whose measurements are in `output`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--id", nargs="*")

    def chosen(half: str, options: argparse.Namespace) -> list[Thread]:
        return [p for p in catalogue.values() if p.half == half and (not options.id or p.id in options.id)]

    tell(parser, chosen, partial(score, output=output))


if __name__ == "__main__":
    main(CATALOGUE, measure.OUTPUT)
