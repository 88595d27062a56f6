"""Does the recorded fix beat the recorded fault? Both are trained for the same few steps from the same seeds.

    python -m benchmarks.faulty_programs.reproduce [--id ID …] [--output results/reproduce.json]

A fault *reproduces* when the counterpart scores higher than the program at all five seeds (sign test, p = 1/32).
A program *learned* when its score beats guessing (the commonest class, or R² = 0) by 0.05 at four of five seeds.
Scores: accuracy or R² on the last quarter of the rows in evaluation mode (on all rows where there are under 100).
"""

import argparse
import inspect
import json
import math
import time
from pathlib import Path

import torch
from benchmarks.faulty_programs.program import Program, Setting, r_squared
from benchmarks.faulty_programs.programs import CATALOGUE
from torch import Tensor

SEEDS = range(5)
MARGIN = 0.05


def train(setting: Setting, steps: int, seed: int) -> float:
    """The score after `steps` optimizer steps; NaN when the outputs are not finite."""
    case, data = setting.case(seed), setting.data(seed)
    rows = len(data.inputs) if len(data.inputs) < 100 else len(data.inputs) * 3 // 4
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        done = 0
        while done < steps:
            for chosen in torch.randperm(rows).split(setting.batch)[: steps - done]:
                if len(chosen) == 1 < setting.batch:
                    continue  # batch normalization cannot use a rest of one row
                done += 1
                case.optimizer.zero_grad()
                case.loss_fn(case.model(data.inputs[chosen]), data.targets[chosen]).backward()
                case.optimizer.step()
    judged = slice(rows, None) if rows < len(data.inputs) else slice(None)
    with torch.no_grad():
        outputs = case.model.eval()(data.inputs[judged])
    return setting.judge(outputs, data.truth[judged]) if outputs.isfinite().all() else math.nan


def guessing(setting: Setting, truth: Tensor) -> float:
    """What a constant answer scores; a judge that wraps R² – of some columns, up to a factor – gives 0 to it as well."""
    if inspect.unwrap(setting.judge) is r_squared:
        return 0.0
    if truth.dim() > 1 and truth.shape[1] > 1 and truth.is_floating_point():  # many yes-or-no answers a row
        share = truth.double().mean().item()
        return max(share, 1 - share)
    return truth.flatten().unique(return_counts=True)[1].max().item() / truth.numel()


def learned(scores: list[float], floor: float) -> bool:
    return sum(score > floor + MARGIN for score in scores) >= len(scores) - 1


def rounded(scores: list[float]) -> list[float | None]:
    """To four digits; None for NaN, which JSON has no word for."""
    return [None if math.isnan(score) else float(f"{score:.4g}") for score in scores]


def scores_of(setting: Setting, steps: int, cache: dict[tuple[int, int], list[float]]) -> list[float]:
    key = (id(setting), steps)
    if key not in cache:
        cache[key] = [train(setting, steps, seed) for seed in SEEDS]
    return cache[key]


def reproduce(program: Program, cache: dict[tuple[int, int], list[float]]) -> dict[str, object]:
    """One row of the table."""
    if program.faulty.optimizer is None:
        return {"steps": 0, "reproduced": None, "why": "the record has no training loop"}
    floor = guessing(program.faulty, program.faulty.data(0).truth)
    faulty = scores_of(program.faulty, program.steps, cache)
    row: dict[str, object] = {"steps": program.steps, "guessing": rounded([floor])[0], "program": rounded(faulty)}
    row["program_learned"] = learned(faulty, floor)
    if program.counterpart is not None:
        fixed = scores_of(program.counterpart, program.steps, cache)
        wins = sum(good > bad or (math.isnan(bad) and not math.isnan(good)) for good, bad in zip(fixed, faulty, strict=True))
        row |= {"counterpart": rounded(fixed), "counterpart_learned": learned(fixed, floor), "wins": wins}
        row["reproduced"] = wins == len(SEEDS)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--id", nargs="*", default=list(CATALOGUE))
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "reproduce.json")
    options = parser.parse_args()
    rows = json.loads(options.output.read_text()) if options.output.exists() else {}
    cache: dict[tuple[int, int], list[float]] = {}
    for program_id in options.id:
        start = time.perf_counter()
        row = rows[program_id] = reproduce(CATALOGUE[program_id], cache)
        print(f"{program_id:45s} {time.perf_counter() - start:6.1f} s  {json.dumps(row)}", flush=True)
        ordered = {known: rows[known] for known in CATALOGUE if known in rows}
        options.output.write_text(json.dumps(ordered, indent=1) + "\n")


if __name__ == "__main__":
    main()
