"""Scores a detector on the programs: is its top cause right, is the layer right, does it alarm on healthy ones?

    python -m benchmarks.faulty_programs.score                      # the tuning half, steadygrad beside the baseline
    python -m benchmarks.faulty_programs.score --half both          # also the held-back half: only to report it
    python -m benchmarks.faulty_programs.score --detector baseline

Cause and layer are counted over the faulty programs whose fault is visible at step 0 (results/visible.json), alarms
over the healthy ones: counterparts and controls, each distinct training setting once a half. What counts is in
README.md.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from benchmarks.faulty_programs import baseline
from benchmarks.faulty_programs.program import Cause, Program, Setting
from benchmarks.faulty_programs.programs import CATALOGUE
from benchmarks.faulty_programs.split import HALVES
from benchmarks.faulty_programs.verdict import Verdict
from benchmarks.faulty_programs.wilson import counted

from steadygrad.case import Case

FOLDER = Path(__file__).parent
Detector = Callable[[Case], Verdict]


def steadygrad_verdict(case: Case, families: dict[str, str], depth: str = "fast") -> Verdict:
    """The report's first error or warning, its slug translated by families.json; a slug without a family is never right."""
    import steadygrad

    report = steadygrad.check(case.model, case.inputs, case.targets, case.loss_fn, optimizer=case.optimizer, depth=depth)
    cause = next((finding for finding in report.findings if finding.severity != "note"), None)
    if cause is None:
        return Verdict(alarmed=False)
    nearer = (f"{cause.slug}@{cause.where}", f"{cause.slug}@{cause.evidence.get('op')}", cause.slug)  # a place, an op, or whatever it is
    family = next((families[key] for key in nearer if key in families), None)
    known = frozenset({family} if family else ())
    said = f"{cause.severity} {cause.code} {cause.slug} at {cause.where}" + ("" if known else " (no family)")
    return Verdict(known, cause.where, alarmed=not report.ok, said=said)


def detectors() -> dict[str, Detector]:
    families = json.loads((FOLDER / "families.json").read_text())
    named = partial(steadygrad_verdict, families=families)
    return {"steadygrad": named, "steadygrad --full": partial(named, depth="full"), "baseline": baseline.judge}


def ask(detector: Detector, case: Case) -> Verdict:
    """The verdict from a fixed seed; a crash is an alarm that names nothing, and does not end the run."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            return detector(case)
        except Exception as problem:
            return Verdict(alarmed=True, said=f"raised {type(problem).__name__}: {problem}")


@dataclass(frozen=True)
class FaultRow:
    """One faulty program: what was said, and what of it is right; `reproduced` as reproduce.py found it."""

    id: str
    visible: bool
    reproduced: bool
    cause: bool
    alarmed: bool
    primary: bool
    start: bool
    carrier: bool
    said: str
    expected: str
    reason: str


@dataclass(frozen=True)
class HealthyRow:
    """One healthy training setting: `learned` when reproduce.py saw it learn; None when it was not trained."""

    id: str
    learned: bool | None
    alarmed: bool
    remarked: bool
    said: str


def located(verdict: Verdict, causes: tuple[Cause, ...]) -> tuple[bool, bool]:
    """(at the start, at any carrier) of the cause it named, or of the primary one when it named none of them."""
    meant = [cause for cause in causes if cause.family in verdict.families] or [causes[0]]
    meant = [cause for cause in meant if cause.starts] or [cause for cause in causes if cause.starts]
    start = any(cause.starts_at(verdict.where) for cause in meant)
    return start, start or any(cause.carried_by(verdict.where) for cause in meant)


def fault_row(program: Program, detector: Detector, visible: bool, reproduced: bool) -> FaultRow:
    verdict = ask(detector, program.build())
    start, carrier = located(verdict, program.causes)
    return FaultRow(
        program.id,
        visible,
        reproduced,
        any(cause.family in verdict.families for cause in program.causes),
        verdict.alarmed,
        program.causes[0].family in verdict.families,
        start,
        carrier,
        verdict.said,
        ", ".join(f"{cause.family} at {'/'.join(cause.starts) or 'no place'}" for cause in program.causes),
        program.reason,
    )


def healthy_settings(programs: list[Program]) -> Iterator[tuple[str, Setting, str]]:
    """(id, setting, key of "learned" in reproduce.json), each distinct setting once."""
    seen: set[int] = set()
    for program in sorted(programs, key=lambda program: not program.healthy):
        setting = program.counterpart or program.faulty
        if id(setting) not in seen:
            seen.add(id(setting))
            yield program.id, setting, "program_learned" if program.healthy else "counterpart_learned"


def score(detector: Detector, half: str) -> dict[str, list[Any]]:
    """The rows of one half: "faulty" (`FaultRow`) and "healthy" (`HealthyRow`)."""
    visible = json.loads((FOLDER / "results" / "visible.json").read_text())["programs"]
    trained = json.loads((FOLDER / "results" / "reproduce.json").read_text())
    programs = [program for program in CATALOGUE.values() if program.half == half]
    healthy = []
    for name, setting, key in healthy_settings(programs):
        verdict = ask(detector, setting.case(0, name))
        remarked = bool(verdict.where) and not verdict.alarmed
        healthy.append(HealthyRow(name, trained[name].get(key), verdict.alarmed, remarked, verdict.said))
    faulty = [fault_row(p, detector, visible[p.id]["visible"], trained[p.id]["reproduced"] is True) for p in programs if not p.healthy]
    return {"faulty": faulty, "healthy": healthy}


def summary(faulty: list[FaultRow], healthy: list[HealthyRow]) -> dict[str, tuple[int, int]]:
    """Line of the table → (k, n)."""
    seen = [row for row in faulty if row.visible]
    reproduced = [row for row in seen if row.reproduced]
    learned = [row for row in healthy if row.learned]
    return {
        "top cause right": (sum(row.cause for row in seen), len(seen)),
        "  and called an error": (sum(row.cause and row.alarmed for row in seen), len(seen)),
        "  and the first label": (sum(row.primary for row in seen), len(seen)),
        "  of those reproduced": (sum(row.cause for row in reproduced), len(reproduced)),
        "layer right": (sum(row.start for row in seen), len(seen)),
        "  or shares the fault": (sum(row.carrier for row in seen), len(seen)),
        "cause and layer right": (sum(row.cause and row.start for row in seen), len(seen)),
        "false alarms": (sum(row.alarmed for row in healthy), len(healthy)),
        "  of those that learned": (sum(row.alarmed for row in learned), len(learned)),
        "remarks without alarm": (sum(row.remarked for row in healthy), len(healthy)),
    }


def show(half: str, results: dict[str, dict[str, list[Any]]]) -> None:
    tables = {name: summary(**rows) for name, rows in results.items()}
    print(f"\n{half:24s}" + "".join(f"  {name:22s}" for name in tables))
    for line in next(iter(tables.values())):
        print(f"{line:24s}" + "".join(f"  {counted(*table[line]):22s}" for table in tables.values()))
    for name, rows in results.items():
        print(f"\n{name}, {half}: misses")
        for row in rows["faulty"]:
            if row.visible and not (row.cause and row.start):
                what = "layer" if row.cause else "cause"
                print(f"  {row.id}: {what}; said {row.said}\n    expected {row.expected}\n    because {row.reason}")
        for row in rows["healthy"]:
            if row.alarmed:
                print(f"  {row.id}: false alarm; said {row.said}")


def recorded(rows: dict[str, list[Any]]) -> dict[str, Any]:
    """Counts and rows, ready for JSON."""
    counts = {line.strip(): list(kn) for line, kn in summary(**rows).items()}
    return {"counts": counts, **{kind: [asdict(row) for row in listed] for kind, listed in rows.items()}}


def tell(
    parser: argparse.ArgumentParser, programs: Callable[[str, argparse.Namespace], list[Any]], score: Callable[[Detector, list[Any]], dict[str, list[Any]]],
    more: Callable[[str, dict[str, list[Any]]], dict[str, Any]] = lambda name, rows: {},
) -> None:  # fmt: skip
    """The command line of another collection: scores the programs of the halves asked for, prints the tables, writes counts and rows.

    `more` prints, of each detector's rows, what the collection shows besides, and returns what is written of it.
    """
    parser.add_argument("--half", choices=[*HALVES, "both"], default="tuning")
    parser.add_argument("--detector", choices=detectors(), action="append")
    parser.add_argument("--output", type=Path, help="write counts and rows as JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    wanted = {name: d for name, d in detectors().items() if name in (options.detector or ("steadygrad", "baseline"))}
    written = {}
    for half in HALVES if options.half == "both" else (options.half,):
        chosen = programs(half, options)
        results = {name: score(detector, chosen) for name, detector in wanted.items()}
        show(half, results)
        written[half] = {name: recorded(rows) | more(name, rows) for name, rows in results.items()}
    if options.output:
        options.output.write_text(json.dumps(written, ensure_ascii=False).replace('{"id"', '\n{"id"') + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=[*HALVES, "both"], default="tuning")
    parser.add_argument("--detector", choices=[*detectors(), "all"], default="all")
    parser.add_argument("--output", type=Path, help="write every row as JSON")
    options = parser.parse_args()
    chosen = {name: d for name, d in detectors().items() if options.detector in (name, "all")}
    written = {}
    for half in HALVES if options.half == "both" else (options.half,):
        results = {name: score(detector, half) for name, detector in chosen.items()}
        show(half, results)
        written[half] = {name: recorded(rows) for name, rows in results.items()}
    if options.output:
        options.output.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
