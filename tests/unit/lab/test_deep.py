"""A training that was killed goes on as if it had not been."""

from pathlib import Path

import pytest
import torch
from torch import nn

from steadygrad.lab import checkpoint, deep, digits
from steadygrad.lab.chain.training import critical_gain
from steadygrad.lab.experiment import Bench
from steadygrad.lab.experiments import EXPERIMENTS, ten_thousand_layers
from steadygrad.lab.split import split
from steadygrad.randomness import Fans
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
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    monkeypatch.setattr(checkpoint, "WORK", 0.0)
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


def test_finished_trainings_of_a_killed_experiment_are_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed at its third training, gone on with, it runs the other four, and ends like one that was left alone."""
    small = {"depths": (2,), "seeds": 2, "steps": 4, "reach": 0.0, "chance_from": 1000}
    experiment, runs, inner = EXPERIMENTS["ten-thousand-layers"], [], deep.train_until
    whole = experiment.measure(Bench(), **small)

    def counted(*args: object, **how: object) -> deep.Trained:
        if len(runs) == 2:
            runs.append("killed")
            raise Killed
        runs.append("run")
        return inner(*args, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(ten_thousand_layers, "train_until", counted)
    with pytest.raises(Killed):
        experiment.measure(Bench(keep=tmp_path), **small)
    again = experiment.measure(Bench(keep=tmp_path), **small)
    assert runs == ["run", "run", "killed", "run", "run", "run", "run"] and again == whole
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".json"] * 6


def test_contrasts_are_what_they_are_called() -> None:
    """σ_w of square layers, √64 times the standard deviation: He's is √2, whatever the activation; the critical ones share theirs."""
    fans, ways = Fans(64.0, 64.0), ten_thousand_layers._ways(0.003)
    found = {name: 8.0 * scheme.law(fans, gain).std for name, (scheme, gain) in ways.items() if name != ten_thousand_layers.ORTHOGONAL}  # type: ignore[union-attr]
    expected = {"Gaussian, critical": critical_gain(0.003), "Xavier": 1.0, "He": 2.0**0.5, "N(0, 0.01²)": 0.08}
    assert found == pytest.approx(expected, rel=1e-12)
    assert ways[ten_thousand_layers.ORTHOGONAL][1] == critical_gain(0.003)
