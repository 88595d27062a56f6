"""Checks one architecture after another, each in a fork of a process that has imported everything once.

    echo '{"name": "hf:bert", "timeout": 300, "memory": 16}' | python benchmarks/zoo_server.py

A line of JSON in, a line of JSON out. The fork has limits on seconds of processor time and GiB of address space; whatever it
does ends with it. Seconds are processor time of one thread, so that they do not depend on what else the machine does. Importing torch and three libraries takes longer than the median check, so `zoo.py` keeps one such process.
"""

import contextlib
import json
import os
import resource
import select
import signal
import sys
import time
import warnings

from benchmarks_zoo_shim import install

install()

import torch  # noqa: E402

from steadygrad.door import check  # noqa: E402
from steadygrad.errors import TargetError  # noqa: E402
from steadygrad.graph.trace import call_model  # noqa: E402
from steadygrad.targets import case_from  # noqa: E402

IDLE = 10  # seconds on the clock for a second of the processor, at most


def main() -> None:
    """Answer until the lines end."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    for name in ("timm:resnet18", "torchvision:resnet18", "hf:bert"):
        with contextlib.suppress(Exception):  # imports what the library imports when first used
            case_from(name)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what models print is no answer
    for line in sys.stdin:
        asked = json.loads(line)
        answer = forked(asked["name"], int(asked["timeout"]), int(asked["memory"] * 2**30), asked.get("step", False))
        answers.write(json.dumps({"name": asked["name"], **answer}) + "\n")
        answers.flush()


def forked(name: str, seconds: int, memory: int, step: bool) -> dict[str, object]:
    """The answer of a fork; what became of it where it gives none."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        os.write(writing, json.dumps(caught(name, step)).encode())
        os._exit(0)
    os.close(writing)
    late = not select.select([reading], [], [], IDLE * seconds)[0]
    if late:
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading) as file:
        told = file.read()
    status = os.waitpid(child, 0)[1]
    if late or os.WTERMSIG(status) == signal.SIGXCPU:
        return {"failure": f"no answer within {seconds} s"}
    return json.loads(told) if told else {"failure": f"ended with status {status}"}


def caught(name: str, step: bool) -> dict[str, object]:
    """The record of a name, or why there is none."""
    try:
        return answer(name, step)
    except TargetError as error:
        return {"excluded": str(error)}
    except BaseException as error:  # every way to fail is a failure, memory too
        return {"failure": f"{type(error).__module__}.{type(error).__name__}: {error}"[:600]}


def answer(name: str, step: bool) -> dict[str, object]:
    """Seconds of building the case, of its check and, when asked for, of one plain step; the peak of memory in GiB; what the check found."""
    started = time.process_time()
    case = case_from(name)
    built = time.process_time()
    report = check(case)
    checked = time.process_time()
    if step:
        plain_step(case)
    return {
        "seconds": round(time.process_time() - started, 1), "ok": report.ok, "build_s": round(built - started, 2), "check_s": round(checked - built, 2), **({"step_s": round(time.process_time() - checked, 3)} if step else {}),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2), "parameters": report.parameter_count, "not_seen": len(report.not_seen),
        "findings": [[f.code, f.slug, f.severity, f.where, f.message[:300]] for f in report.findings if f.severity != "note"],
    }  # fmt: skip


def plain_step(case: object) -> None:
    """One forward and one backward without anything of ours."""
    case.model.train()
    output = call_model(case.model, case.inputs)
    if case.loss_fn is not None:
        loss = case.loss_fn(output) if case.targets is None else case.loss_fn(output, case.targets)
    else:
        loss = getattr(output, "loss", None)
        if loss is None:
            loss = sum(x.float().pow(2).mean() for x in tensors(output) if x.requires_grad)
    loss.backward()


def tensors(value: object) -> list[torch.Tensor]:
    """All tensors in a nest."""
    if isinstance(value, torch.Tensor):
        return [value]
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [t for x in inside for t in tensors(x)]


if __name__ == "__main__":
    main()
