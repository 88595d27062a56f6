"""Whether a transformers model runs, and on which inputs."""

import inspect
import itertools
import linecache
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import Any

import torch

from steadygrad.errors import ModelError
from steadygrad.graph.trace import call_model
from steadygrad.graph.transaction import transaction
from steadygrad.targets.huggingface.candidates import candidates
from steadygrad.targets.huggingface.complaints import MOST_ANSWERS, answered
from steadygrad.targets.huggingface.inputs import Maker
from steadygrad.targets.huggingface.missing import Line

LARGEST, TOO_LARGE = 1_000_000_000, "parameters at its defaults, more than"


def running(head: type, configuration: Any, inputs: Any, seed: int, batch: int, reasons: list[str]) -> tuple[Any, dict[str, Any]] | None:
    """The model and the first inputs that it runs on, or None and a reason more."""
    model = built(head, configuration, reasons)
    return None if model is None else tried(model, configuration, inputs, seed, batch, reasons)


def built(head: Any, configuration: Any, reasons: list[str]) -> Any:
    """The model with random weights, or None and a reason more."""
    try:
        with torch.device("meta"):
            size = sum(p.numel() for p in head(configuration).parameters())
        if size > LARGEST:
            raise ModelError(f"{size:,} {TOO_LARGE} {LARGEST:,}")
        return head(configuration)
    except Exception as error:  # whatever building an untested configuration raises
        reasons.append(f"{head.__name__}: {type(error).__name__}: {str(error)[:160]}")
        return None


def tried(
    model: Any, configuration: Any, inputs: Any, seed: int, batch: int, reasons: list[str], most: int | None = None
) -> tuple[Any, dict[str, Any]] | None:
    """The model and the first inputs, of at most `most`, that it runs on, or None and a reason more for each."""
    name, made = type(model).__name__, None
    for made in _given(model, inputs) if inputs is not None else itertools.islice(candidates(model, configuration, seed, batch), most):
        reason, lines = _refusal(model, made)
        for _ in range(MOST_ANSWERS if inputs is None else 0):
            other = answered(made, reason, configuration, Maker(model, configuration, seed, batch, 0), lines) if reason else None
            if other is None:
                break
            made, (reason, lines) = other, _refusal(model, other)
        if not reason:
            return model, made
        reasons.append(f"{name}: {reason[:180]}")
    if made is None:
        reasons.append(f"{name}: nothing is known of its inputs {', '.join(inspect.signature(model.forward).parameters)}")
    return None


def _refusal(model: Any, made: dict[str, Any]) -> tuple[str, tuple[Line, ...]]:
    """Why the model does not run on the inputs, and the lines of its code that the error passed, innermost first; nothing when it does."""
    try:
        with transaction(model, inputs=made), torch.no_grad():
            output = call_model(model, made)
    except Exception as error:  # whatever inputs that do not fit make it raise
        own = inspect.getsourcefile(type(model))
        passed = [(frame, number) for frame, number in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == own]
        lines = tuple(_line(frame, number) for frame, number in reversed(passed))
        return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}", lines
    return "" if _is_number(output) else "its loss is not finite", ()


def _line(frame: FrameType, number: int) -> Line:
    code = frame.f_code
    arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return Line(linecache.getline(code.co_filename, number), tuple(name for name in arguments if frame.f_locals.get(name, ...) is None))


def _given(model: Any, inputs: Any) -> Iterator[dict[str, Any]]:
    yield inputs if isinstance(inputs, dict) else {model.main_input_name: inputs}


def _is_number(output: Any) -> bool:
    loss = getattr(output, "loss", None)
    return not isinstance(loss, torch.Tensor) or bool(torch.isfinite(loss).all())
