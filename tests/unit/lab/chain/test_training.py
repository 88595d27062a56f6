"""Runs of chains: killed and gone on with they are the same bits; a checkpoint of another recipe is left alone; what diverges ends."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from steadygrad.lab import checkpoint, digits
from steadygrad.lab.chain.training import Recipe, Run, critical_gain, orthogonal_stack
from steadygrad.lab.split import split
from steadygrad.theory import activations, maps

RECIPE = Recipe(layers=20, width=64, q=0.05, batch=32, steps=40, rate=0.01, every=5)


@pytest.mark.parametrize("compensated", [False, True])
def test_a_killed_run_goes_on_bit_for_bit(tmp_path: Path, compensated: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    monkeypatch.setattr(checkpoint, "WORK", 0.0)
    data, recipe = split(*digits.load()), replace(RECIPE, compensated=compensated)

    def killed(done: int, of: int) -> None:
        if done == 23:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Run(recipe, data, tmp_path).train(killed)
    resumed, whole = Run(recipe, data, tmp_path), Run(recipe, data)
    assert len(resumed.losses) == 20
    assert resumed.train() == whole.train()
    assert resumed.losses == whole.losses and len(whole.losses) == 40
    assert torch.equal(resumed.chain.weights, whole.chain.weights)


def test_a_checkpoint_of_another_recipe_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    monkeypatch.setattr(checkpoint, "WORK", 0.0)
    data = split(*digits.load())
    Run(RECIPE, data, tmp_path).train()
    assert Run(replace(RECIPE, rate=0.02), data, tmp_path).losses == []


def test_a_loss_that_is_not_finite_ends_the_run() -> None:
    run = Run(replace(RECIPE, readout_gain=1e30, rate=1e30), split(*digits.load()))
    run.train()
    assert not run.stable and len(run.losses) < RECIPE.steps


def test_weights_are_orthogonal_times_the_critical_gain() -> None:
    weights = orthogonal_stack(3, 16, 1.5, 0)
    torch.testing.assert_close(weights @ weights.transpose(1, 2), 2.25 * torch.eye(16).expand(3, 16, 16), rtol=0.0, atol=16 * 1.2e-7 * 2.25)
    assert not torch.equal(weights, orthogonal_stack(3, 16, 1.5, 1))


@pytest.mark.parametrize("q", [1e-4, 1e-3, 1e-2])
def test_the_gain_keeps_the_length(q: float) -> None:
    """Against the length map by quadrature; the next term of the expansion is 62q³/3."""
    assert maps.length_map(activations.get("tanh"), critical_gain(q) ** 2, 0.0, q) == pytest.approx(q, rel=25 * q**3 + 1e-12)


def test_epochs_are_permutations_and_functions_of_the_step() -> None:
    data = split(*digits.load())
    per_epoch = len(data.train_x) // 32
    seen = torch.cat([data.rows(step, 32, 5) for step in range(per_epoch, 2 * per_epoch)])
    assert len(seen.unique()) == len(seen) == per_epoch * 32
    assert torch.equal(data.rows(per_epoch, 32, 5), seen[:32]) and not torch.equal(data.rows(0, 32, 5), seen[:32])
    unit = torch.nn.functional.normalize(data.train_x.double(), dim=1)
    assert data.alignment() == pytest.approx(float(torch.linalg.eigvalsh(unit @ unit.T)[-1]) / len(unit), rel=1e-9)
    assert math.isclose(float(data.train_x.mean()), 0.0, abs_tol=1e-6) and math.isclose(float(data.train_x.std()), 1.0, rel_tol=1e-5)
