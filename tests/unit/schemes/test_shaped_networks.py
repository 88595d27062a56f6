"""DKS and TAT as whole networks: the call that a plan names for them works."""

import numpy as np
import pytest
import torch
from torch import nn

import steadygrad as sg
from steadygrad import schemes
from steadygrad.errors import InputError
from steadygrad.randomness.assembly import draw
from steadygrad.randomness.law import Fans
from steadygrad.theory import activations, gaussian
from steadygrad.theory.shaping import chain, dks, shaped, tat

DEPTH, WIDTH = 40, 128


def ends(phi: activations.Activation, gain: float) -> tuple[float, float]:
    """Second moment and cosine of two inputs of cosine 0 after the chain; one draw at width 128."""
    x = np.random.default_rng(0).standard_normal((2, WIDTH))
    for layer in range(DEPTH):
        x = phi.phi(x) @ draw(schemes.scaled_orthogonal().law(Fans(WIDTH, WIDTH), gain), (WIDTH, WIDTH), "float64", name=f"{layer}.weight").T
    return float((x**2).mean()), float(x[0] @ x[1] / np.sqrt((x[0] @ x[0]) * (x[1] @ x[1])))


@pytest.mark.parametrize(("shape", "kind"), [(dks, "tanh"), (tat, "tanh"), (dks, "softplus")])
def test_shaped_chains_keep_lengths_and_angles(shape, kind: str) -> None:
    """Theory: q = 1 and c = C∘…∘C(0) < 1. Unshaped at the gain that keeps q, softplus makes all inputs one."""
    plain = activations.get(kind)
    q, cosine = ends(shaped(plain, shape(plain, chain(DEPTH))), 1.0)
    assert 0.5 < q < 2.0 and abs(cosine) < 0.9
    if kind == "softplus":
        assert ends(plain, gaussian.forward_gain(plain))[1] > 0.99


@pytest.mark.parametrize("name", ["dks", "TAT"])
def test_plans_name_the_call(name: str) -> None:
    with pytest.raises(InputError, match=rf"theory\.shaping\.{name.lower()}\(activation, chain\(depth\)\).*scaled_orthogonal\(delta=True\)"):
        sg.plan(nn.Linear(2, 2), torch.ones(1, 2), scheme=name)
