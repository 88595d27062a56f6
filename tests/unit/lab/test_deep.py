"""A training that was killed goes on as if it had not been."""

from pathlib import Path

import pytest
import torch
from torch import nn

from steadygrad.lab import deep, digits
from steadygrad.lab.split import split
from steadygrad.schemes import orthogonal


class Killed(Exception):
    """What a kill looks like from inside."""


def run(keep: Path | None, until: int | None = None) -> tuple[deep.Trained, list[torch.Tensor]]:
    data = split(*digits.load())
    model = nn.Sequential(deep.tanh_stack(3, 64, orthogonal(), seed=0), deep.readout(64, 10, 1.0, seed=0))

    def progress(done: int, of: int) -> None:
        if done == until:
            raise Killed

    made = deep.train_until(model, data, rate=0.05, batch=64, steps=9, every=2, cosine=True, progress=progress, keep=keep)
    return made, [p.detach() for p in model.parameters()]


def test_resumed_is_uninterrupted_bit_for_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deep, "SAVE_EVERY", 0.0)
    whole, weights = run(None)
    for until in (3, 6):
        with pytest.raises(Killed):
            run(tmp_path, until)
    resumed, again = run(tmp_path)
    assert resumed == whole and all(torch.equal(a, b) for a, b in zip(weights, again, strict=True))
    assert not list(tmp_path.glob("*.partial"))


def test_the_rate_falls_to_zero() -> None:
    made, _ = run(None)
    assert made.steps == 9 and [step for step, _ in made.looks] == [2, 4, 6, 8, 9]
