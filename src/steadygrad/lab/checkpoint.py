"""Checkpoints of long runs: whole or not at all, and never more than a twentieth of the time."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

EVERY = 60.0  # seconds between the end of one checkpoint and the next, at least
WORK = 20.0  # and this many times what the last one took


class Checkpoint:
    """One file of tensors, replaced now and then; nothing happens without a folder.

    Args:
        folder: where it stands, perhaps not made yet; None to keep nothing.
        recipe: what decides the run; a file of another recipe is as good as none.
    """

    def __init__(self, folder: Path | None, recipe: str = "") -> None:
        self._path = None if folder is None else folder / "training.safetensors"
        self._recipe = recipe
        self._next = time.monotonic() + EVERY

    @property
    def due(self) -> bool:
        """Whether it is time for another one."""
        return self._path is not None and time.monotonic() >= self._next

    def save(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Written beside the last one, then put in its place: there is always a whole one."""
        if self._path is None:
            return
        start = time.monotonic()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_name(self._path.name + ".partial")
        save_file(dict(tensors), partial, metadata={"recipe": self._recipe})
        partial.replace(self._path)
        end = time.monotonic()
        self._next = end + max(EVERY, WORK * (end - start))

    @contextmanager
    def kept(self) -> Iterator[Any]:
        """The open file, tensor by tensor through `get_tensor`, or None where there is none of this recipe."""
        if self._path is None or not self._path.is_file():
            yield None
            return
        with safe_open(self._path, "pt") as file:
            yield file if (file.metadata() or {}).get("recipe") == self._recipe else None
