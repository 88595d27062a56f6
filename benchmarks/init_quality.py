"""Does a better start train better? One table: architectures × initializations, learning rate tuned alike for all.

    STEADYGRAD_DATA=data python benchmarks/init_quality.py --results benchmarks/results/init_quality.jsonl --table benchmarks/results/init_quality.md

Every combination trains for the same number of steps at each of the same learning rates with the first seed; the rate with the best accuracy
(or loss) on a validation split is trained again with the other seeds, which are paired: the same batches in the same order. The table gives
the score on the test split at that rate, mean over seeds, and the 95 % interval of the paired difference to `auto`. Results are appended line
by line; a killed run goes on. What people have to say of the table stands in `init_quality_remarks.md` and is put below it. Reduced widths; the data are Fashion-MNIST and Tiny Shakespeare, from the folder in STEADYGRAD_DATA.
"""

import argparse
import json
import math
import re
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from quality_networks import Bare, CharLSTM, Images, Mixer, Picture, PostNorm, Text, chain, convolutions, siren, vgg
from torch import nn

import steadygrad as sg
from steadygrad.errors import SteadygradError
from steadygrad.schemes import siren_first, siren_hidden

INITIALIZATIONS = ("default", "auto", "xavier", "he", "orthogonal", "lsuv", "published")
METHOD = (
    "Made by `init_quality.py` at reduced widths, torch on one thread. The learning rate is the best of five or six (three for Adam on the two largest "
    "networks) on a validation split with the first seed; the table gives the test score at that rate. Adam without warm-up for mixers, transformers, LSTM "
    "and SIREN, SGD with momentum 0.9 for the others; 150 to 400 steps. "
    "`xavier`, `he` and `lsuv` are this package's recipes, `orthogonal` has the gain of each activation; `published` is Fixup or SIREN's own start."
)
REMARKS = Path(__file__).with_name("init_quality_remarks.md")
T95 = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 9: 2.26}  # Student's t, two-sided


class Task(NamedTuple):
    """One row: what is trained on what, at which learning rates; `published` is the start its authors gave, where there is one."""

    make: Callable[[], nn.Module]
    data: Images | Text | Picture
    optimizer: str
    rates: tuple[float, ...]
    steps: int
    published: dict[str, object] | None = None


def networks(images: Images, text: Text) -> dict[str, Task]:
    """By name."""
    steep, usual = (1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3), (1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03)
    fields = {r"^0\.weight": siren_first(), r"^[2468]\.weight": siren_hidden(omega=30.0)}
    plain = {"tanh": nn.Tanh, "ReLU": nn.ReLU, "GELU": nn.GELU, "SiLU": nn.SiLU, "SELU": nn.SELU}
    return {
        **{f"plain {name}, 50 layers": Task(lambda a=a: chain(a, 50), images, "sgd", usual, 400) for name, a in plain.items()},
        **{f"plain {name}, 100 layers": Task(lambda a=a: chain(a, 100), images, "sgd", usual, 400) for name, a in list(plain.items())[:2]},
        "plain sigmoid, 20 layers": Task(lambda: chain(nn.Sigmoid, 20), images, "sgd", steep, 400),
        **{f"plain {name}, 50 convolutions": Task(lambda a=a: convolutions(a), images, "sgd", usual, 150) for name, a in list(plain.items())[:2]},
        "VGG-19, no norm": Task(vgg, images, "sgd", steep, 300),
        "residual, 110 layers, no norm": Task(Bare, images, "sgd", steep, 150, {"scheme": "fixup"}),
        "MLP-Mixer": Task(Mixer, images, "adam", (3e-4, 1e-3, 3e-3), 200),
        "post-norm transformer, 24 blocks": Task(lambda: PostNorm(text.symbols), text, "adam", (1e-4, 3e-4, 1e-3), 200),
        "character LSTM, 192 steps": Task(lambda: CharLSTM(text.symbols), Text(length=192), "adam", (1e-3, 3e-3, 1e-2, 3e-2, 0.1), 200),
        "SIREN": Task(siren, Picture(images), "adam", (1e-4, 3e-4, 1e-3), 400, {"scheme": "default", "overrides": fields}),
    }


def start(model: nn.Module, inputs: torch.Tensor, scheme: str, seed: int, task: Task) -> None:
    """Set the weights.

    Raises:
        SteadygradError: the scheme does not apply.
    """
    if scheme == "published":
        settings = dict(task.published or {})
        if settings.get("scheme") == "default":  # the others stay as torch made them
            for pattern, law in settings["overrides"].items():
                for name, parameter in model.named_parameters():
                    if re.search(pattern, name):
                        sg.draw_(parameter, law, name=name, seed=seed)
            return
        sg.initialize_(model, inputs, seed=seed, **settings)
    elif scheme != "default":
        sg.initialize_(model, inputs, scheme=scheme, seed=seed)


def run(task: Task, rate: float, scheme: str, seed: int) -> dict[str, object]:
    """Train once; validation and test scores."""
    torch.manual_seed(seed)
    model, data = task.make(), task.data
    try:
        start(model, next(data.batches(seed, 1))[0], scheme, seed, task)
    except SteadygradError as error:
        return {"refused": str(error)[:200]}
    settings = {"sgd": lambda p: torch.optim.SGD(p, rate, momentum=0.9), "adam": lambda p: torch.optim.Adam(p, rate)}
    trained = settings[task.optimizer](model.parameters())
    for x, y in data.batches(1000 + seed, task.steps):
        loss = data.loss(model(x), y)
        if not math.isfinite(loss.item()) or loss.item() > 1e4:
            return {"validation": data.worst, "test": data.worst, "diverged": True}
        trained.zero_grad()
        loss.backward()
        trained.step()
    with torch.no_grad():
        return {"validation": data.score(model, "validation"), "test": data.score(model, "test")}


def markdown(records: list[dict]) -> str:
    """The table: test score at the rate chosen on validation; difference to `auto` with its interval."""
    cells: dict[tuple[str, str], dict[float, list[dict]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        if "test" in record:
            cells[record["network"], record["scheme"]][record["rate"]].append(record)
    names = list(dict.fromkeys(r["network"] for r in records))
    schemes = [s for s in INITIALIZATIONS if any(r["scheme"] == s for r in records)]
    lines = ["# Does a better start train better?", "", METHOD, "", "| network | " + " | ".join(schemes) + " |", "|---|" + "---|" * len(schemes)]
    for name in names:
        row = []
        ours = _best(cells[name, "auto"])
        for scheme in schemes:
            found = _best(cells[name, scheme])
            row.append("–" if found is None else _cell(found, ours, scheme))
        lines.append(f"| {name} | " + " | ".join(row) + " |")
    lines += ["", "Accuracy on Fashion-MNIST, loss in nat per symbol on Tiny Shakespeare, mean squared error of a picture for SIREN; in brackets the difference to `auto`, with the 95 % interval over paired seeds. A star: the first or last rate tried.", "", REMARKS.read_text().rstrip()]
    return "\n".join(lines) + "\n"


def _best(rates: dict[float, list[dict]]) -> tuple[str, dict[int, float]] | None:
    """(rate, test score by seed) of the rate that is best on validation with the first seed; a star where that is the first or last one tried."""
    if not rates:
        return None
    rate = _tuned([x for records in rates.values() for x in records])
    star = "*" if rate in (min(rates), max(rates)) else ""
    return f"{rate:g}{star}", {x["seed"]: x["test"] for x in rates[rate]}


def _tuned(records: list[dict]) -> float | None:
    """The rate with the best validation score of the first seed; None where the scheme was refused at all of them."""
    first = [x for x in records if x["seed"] == 0 and "validation" in x]
    return max(first, key=lambda x: x["validation"])["rate"] if first else None


def _cell(found: tuple[str, dict[int, float]], ours: tuple[str, dict[int, float]] | None, scheme: str) -> str:
    scores = found[1]
    mean = statistics.fmean(scores.values())
    text = f"{abs(mean):.3g} at {found[0]}"
    if scheme == "auto" or ours is None or not math.isfinite(mean):
        return text
    differences = [scores[s] - ours[1][s] for s in scores if s in ours[1]]
    if len(differences) < 2:
        return text
    half = T95.get(len(differences) - 1, 2.6) * statistics.stdev(differences) / len(differences) ** 0.5
    return f"{text} ({statistics.fmean(differences):+.2g} ± {half:.1g})"


def main() -> None:
    """Run what is missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("benchmarks/results/init_quality.jsonl"))
    parser.add_argument("--table", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--networks", nargs="*")
    parser.add_argument("--schemes", nargs="*", default=INITIALIZATIONS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    records = [json.loads(line) for line in asked.results.read_text().splitlines()] if asked.results.exists() else []
    done = {(r["network"], r["scheme"], r["rate"], r["seed"]) for r in records}
    known = networks(Images(), Text())
    for seed in range(asked.seeds):
        for name in asked.networks or known:
            task = known[name]
            for scheme in asked.schemes:
                if scheme == "published" and task.published is None:
                    continue
                rates = task.rates if seed == 0 else [_tuned([r for r in records if (r["network"], r["scheme"]) == (name, scheme)])]
                for rate in rates:
                    if rate is None or (name, scheme, rate, seed) in done:
                        continue
                    started = time.process_time()
                    record = {"network": name, "scheme": scheme, "rate": rate, "seed": seed, **run(task, rate, scheme, seed)}
                    record["seconds"] = round(time.process_time() - started, 1)
                    records.append(record)
                    with asked.results.open("a") as file:
                        file.write(json.dumps(record) + "\n")
                    print(json.dumps(record), flush=True)
    table = markdown(records)
    if asked.table:
        asked.table.write_text(table)
    print(table)


if __name__ == "__main__":
    main()
