"""Write planned weights into a safetensors file, one tensor at a time: memory for the largest, whatever the model's size.

The format is eight bytes of header length, a JSON header, and the tensors' bytes; its library writes only what is in memory as a whole.
The file grows beside its final name, with a journal of what is complete, and is moved there when it is; a killed run goes on where it was.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from steadygrad.drawing import draw_
from steadygrad.errors import InputError
from steadygrad.graph.wrappers import canonical
from steadygrad.planner import parametrized
from steadygrad.planner.materialize import check_complete
from steadygrad.planner.row import Row
from steadygrad.randomness.law import Independent
from steadygrad.whole_file import check_writable

if TYPE_CHECKING:
    from steadygrad.planner.plan import Plan

TYPES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64", torch.int32: "I32",
    torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip


def write_weights(plan: "Plan", model: nn.Module, path: str | Path, progress: Callable[[str, int, int], None] | None = None) -> Path:
    """Draw a plan into `path`, in the order of the model's state_dict, with its names.

    Args:
        plan: for this model.
        model: on any device, meta included; its own numbers are read only where the plan keeps them.
        path: of the safetensors file; `path.partial` and `path.partial.json` stand beside it until it is whole.
        progress: called with the name of each tensor, its number and how many there are.

    Returns:
        The path.

    Raises:
        InputError: the plan keeps numbers that the model, on meta, does not have; a dtype safetensors does not know; parametrized weights,
            whose stored tensors only the model can compute; a path in no folder.
    """
    path = Path(path)
    check_writable(path)
    check_complete(plan, model)
    tensors = list(_tensors(plan, model))
    header = _header(plan, tensors)
    partial, journal = path.with_name(path.name + ".partial"), path.with_name(path.name + ".partial.json")
    digest = hashlib.sha256(header + json.dumps(plan.to_dict()["rows"]).encode()).hexdigest()
    done = _resumed(partial, journal, digest)
    with partial.open("r+b" if done else "wb") as file:
        if not done:
            file.write(header)
        file.seek(len(header) + sum(_bytes(t) for _, t, _ in tensors[:done]))
        file.truncate()
        for number, (name, tensor, row) in enumerate(tensors[done:], done + 1):
            if progress is not None:
                progress(name, number, len(tensors))
            file.write(_values(tensor, row, plan.seed))
            file.flush()
            os.fsync(file.fileno())
            _note(journal, digest, number)
    partial.replace(path)
    journal.unlink(missing_ok=True)
    return path


def _tensors(plan: "Plan", model: nn.Module) -> Iterator[tuple[str, torch.Tensor, Row | None]]:
    rows, computed = {name: row for row in plan.rows for name in row.names}, parametrized.found(model)
    for name, tensor in model.state_dict(keep_vars=True).items():
        row = rows.get(canonical(name))
        if canonical(name) in computed:
            raise InputError(f"`{name}` is stored as a parametrization, got shape {tuple(tensor.shape)}; call plan.apply_(model) and save its state_dict")
        if tensor.dtype not in TYPES:
            raise InputError(f"`{name}` must have a dtype that safetensors stores, got {tensor.dtype}; for example model.float()")
        yield name, tensor.detach(), row


def _header(plan: "Plan", tensors: list[tuple[str, torch.Tensor, Row | None]]) -> bytes:
    entries: dict[str, Any] = {"__metadata__": {"format": "pt", "steadygrad": f"scheme {plan.scheme}, seed {plan.seed}"}}
    at = 0
    for name, tensor, _ in tensors:
        entries[name] = {"dtype": TYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, at + _bytes(tensor)]}
        at += _bytes(tensor)
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _bytes(tensor: torch.Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _values(tensor: torch.Tensor, row: Row | None, seed: int) -> memoryview:
    """The bytes of a tensor, not copied once more."""
    if row is None or row.action == "keep":
        value = tensor.contiguous().cpu()
    elif isinstance(row.law, Independent) and row.law.kind == "constant":
        value = torch.full(tensor.shape, row.law.mean, dtype=tensor.dtype)
    else:
        assert row.law is not None  # only kept rows have none
        value = draw_(torch.empty(tensor.shape, dtype=tensor.dtype), row.law, name=row.names, seed=seed)
    return value.reshape(-1).view(torch.uint8).numpy().data if value.numel() else memoryview(b"")


def _resumed(partial: Path, journal: Path, digest: str) -> int:
    """How many tensors an earlier run of the same plan completed."""
    try:
        noted = json.loads(journal.read_text())
        return int(noted["done"]) if noted["plan"] == digest and partial.exists() else 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _note(journal: Path, digest: str, done: int) -> None:
    fresh = journal.with_name(journal.name + ".new")
    fresh.write_text(json.dumps({"plan": digest, "done": done}))
    fresh.replace(journal)
