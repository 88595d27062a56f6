"""Is the fault visible before training, and does the answer beat it in training? → results/measured.json

    python -m benchmarks.thread_programs.measure [--id ID …]

Both questions are those of `benchmarks.faulty_programs`: `visible.py` compares step 0 – here also the shapes of the
targets and of every layer's result, and the settings of modules that hold others – and `reproduce.py` trains program and counterpart from the same five seeds. No detector is asked. Programs already in the output are not repeated unless named.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from benchmarks.faulty_programs.program import Setting
from benchmarks.faulty_programs.reproduce import reproduce
from benchmarks.faulty_programs.visible import compare
from benchmarks.thread_programs.programs import CATALOGUE
from benchmarks.thread_programs.thread import Thread

OUTPUT = Path(__file__).parent / "results" / "measured.json"


def recorded(output: Path = OUTPUT) -> dict[str, dict[str, Any]]:
    """Id → row, as measured."""
    return json.loads(output.read_text()) if output.exists() else {}


def shapes(setting: Setting) -> list[torch.Size]:
    """Of the targets and of every layer's result."""
    case = setting.case(0)
    seen = [case.targets.shape]
    for module in case.model.modules():
        module.register_forward_hook(lambda module, args, result: seen.append((result if isinstance(result, torch.Tensor) else result[0]).shape))
    case.model(case.inputs)
    return seen


def settings(setting: Setting) -> list[str]:
    """What modules hold besides parameters and other modules."""
    held = [value for module in setting.case(0).model.modules() for name, value in vars(module).items() if not name.startswith("_")]
    return [getattr(value, "__qualname__", repr(value)) for value in held]


def row_of(program: Thread) -> dict[str, Any]:
    seen = compare(program)
    told = program.counterpart is not None and any(ask(program.faulty) != ask(program.counterpart) for ask in (shapes, settings))
    numbers, control = bool(seen["numbers"]), bool(seen["control"])
    return {"visible": seen["visible"] or told, "in_numbers": numbers, "false_difference": control, **reproduce(program, {})}


def main(catalogue: dict[str, Thread], output: Path) -> None:
    """The command line of a collection: measures what `output` has not, and writes it there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--id", nargs="*", help="measure these again")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = recorded(output)
    for name, program in catalogue.items():
        if name in (options.id or ()) or (options.id is None and name not in rows):
            rows[name] = row_of(program)
            print(name, json.dumps(rows[name]), flush=True)
            lines = ",\n".join(f" {json.dumps(known)}: {json.dumps(rows[known])}" for known in catalogue if known in rows)
            output.write_text(f"{{\n{lines}\n}}\n")


if __name__ == "__main__":
    main(CATALOGUE, OUTPUT)
