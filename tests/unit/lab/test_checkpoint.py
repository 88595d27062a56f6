"""Checkpoints: whole or not at all, of one recipe, and rare enough."""

from pathlib import Path

import pytest
import torch

from steadygrad.lab import checkpoint
from steadygrad.lab.checkpoint import Checkpoint

TENSORS = {"a": torch.arange(3.0)}


def test_what_is_saved_is_found_under_its_recipe_only(tmp_path: Path) -> None:
    Checkpoint(tmp_path / "deep", "one").save(TENSORS)
    with Checkpoint(tmp_path / "deep", "one").kept() as file:
        assert torch.equal(file.get_tensor("a"), TENSORS["a"])
    for other in (Checkpoint(tmp_path / "deep", "two"), Checkpoint(tmp_path), Checkpoint(None)):
        with other.kept() as file:
            assert file is None
    assert not list(tmp_path.rglob("*.partial"))


def test_a_slow_disk_is_written_less_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A save of 30 s is followed by 600 s of work, one of no time by a minute."""
    now = [0.0]
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: now[0])
    slow = Checkpoint(tmp_path)
    assert not slow.due
    now[0] = 60.0
    assert slow.due and not Checkpoint(None).due
    slow.save(TENSORS)
    now[0] = 119.0
    assert not slow.due
    now[0] = 120.0
    assert slow.due

    def thirty(*args: object, **how: object) -> None:
        now[0] += 30.0
        (tmp_path / "training.safetensors.partial").touch()

    monkeypatch.setattr(checkpoint, "save_file", thirty)
    slow.save(TENSORS)
    now[0] = 150.0 + 599.0
    assert not slow.due
    now[0] = 150.0 + 600.0
    assert slow.due
