"""Every activation equals torch's, forward and backward; bad names say what would work."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from steadygrad.errors import InputError, TargetError
from steadygrad.theory import activations

TORCH = {
    "identity": lambda x: x * 1.0,
    "prelu": lambda x: F.prelu(x, torch.tensor([0.25], dtype=x.dtype)),
    "rrelu": lambda x: F.rrelu(x, training=False),
    "threshold": lambda x: F.threshold(x, 0.0, 0.0),
    **{name: getattr(torch, name) for name in ("tanh", "sigmoid", "erf", "sin", "cos", "exp", "square", "abs")},
}
WITH = [
    ("leaky_relu", {"negative_slope": 0.3}),
    ("elu", {"alpha": 0.7}),
    ("celu", {"alpha": 0.7}),
    ("softplus", {"beta": 2.0, "threshold": 5.0}),
    ("hardtanh", {"min_val": -2.0, "max_val": 0.5}),
    ("hardshrink", {"lambd": 0.9}),
    ("softshrink", {"lambd": 0.9}),
    ("threshold", {"threshold": 0.3, "value": -1.0}),
    ("rrelu", {"lower": 0.2, "upper": 0.4}),
    ("gelu", {"approximate": "tanh"}),
]
# torch's backward rounds celu's 1/alpha and hardsigmoid's 1/6 to float32; all else agrees to a few ulp
TOLERANCE = {"celu": 2.0**-22, "hardsigmoid": 2.0**-27}


@pytest.mark.parametrize(("name", "parameters"), [*((name, {}) for name in activations.MAKERS), *WITH])
def test_equals_torch_forward_and_backward(name: str, parameters: dict) -> None:
    x = torch.linspace(-7.03, 7.01, 301, dtype=torch.float64, requires_grad=True)
    y = TORCH[name](x) if name in TORCH and not parameters else getattr(F, name)(x, **parameters)
    (slope,) = torch.autograd.grad(y.sum(), x)
    phi, points = activations.get(name, **parameters), x.detach().numpy()
    assert phi.phi(points) == pytest.approx(y.detach().numpy(), rel=1e-13, abs=1e-14)
    assert phi.derivative(points) == pytest.approx(slope.numpy(), rel=1e-13, abs=TOLERANCE.get(name, 1e-14))


@pytest.mark.parametrize("name", activations.MAKERS)
def test_facts_hold(name: str) -> None:
    """Oddness, homogeneity, boundedness and kinks, each both ways."""
    phi, x = activations.get(name), np.linspace(0.1, 9.0, 90)
    with np.errstate(over="ignore"):
        assert phi.odd == np.allclose(phi.phi(-x), -phi.phi(x), atol=1e-13)
        both = np.concatenate([-x, x])
        assert phi.homogeneous == np.allclose(phi.phi(3.0 * both), 3.0 * phi.phi(both), atol=1e-13)
        assert phi.bounded == bool(np.abs(phi.phi([-700.0, 700.0])).max() < 10.0)
    for kink in phi.kinks:
        left, right = (np.stack([phi.phi(kink + s), phi.derivative(kink + s)]) for s in (-1e-9, 1e-9))
        curvature = phi.derivative(kink + np.array([-1e-4, 1e-4])) - phi.derivative(kink + np.array([-2e-4, 2e-4]))
        assert not np.allclose(left, right, atol=1e-8) or abs(curvature.sum()) > 1e-6 * abs(curvature).max()


@pytest.mark.parametrize(
    ("name", "exact"),
    [
        ("relu", 1.0),
        ("sigmoid", 0.25),
        ("tanh", 1.0),
        ("erf", 2.0 / np.pi**0.5),
        ("selu", 1.0507009873554805 * 1.6732632423543772),
        ("hardswish", 1.5),
        ("gelu", 0.5 * (1.0 + 0.8427007929497149) + 2.0**0.5 * np.exp(-1.0) / (2.0 * np.pi) ** 0.5),
        ("cos", 1.0),
        ("exp", np.inf),
        ("square", np.inf),
    ],
)
def test_max_slope(name: str, exact: float) -> None:
    """Closed forms; GELU's φ″ = (2 − x²)·density vanishes at √2."""
    assert activations.get(name).max_slope == pytest.approx(exact, abs=1e-9)


def test_unknown_names_offer_near_ones() -> None:
    with pytest.raises(TargetError, match="no activation is called `sigmiod`; try sigmoid"):
        activations.get("sigmiod")
    with pytest.raises(TargetError, match="no activation is called `qqqq`; try abs, celu"):
        activations.get("qqqq")


def test_unknown_parameters_are_named() -> None:
    with pytest.raises(TargetError, match=r"activation `relu` does not take \{'slope': 1.0\}"):
        activations.get("relu", slope=1.0)
    with pytest.raises(TargetError, match="must be 'none' or 'tanh', got 'erf'"):
        activations.get("gelu", approximate="erf")


@pytest.mark.parametrize(
    ("name", "parameters", "says"),
    [
        ("celu", {"alpha": 0.0}, r"must be finite, got \[-0.0, nan, 1.0\] at −1, 0 and 1"),
        ("softplus", {"beta": 0.0}, "division by zero"),
        ("leaky_relu", {"negative_slope": float("nan")}, r"must be finite, got \[nan, nan, 1.0\] at"),
        ("hardtanh", {"min_val": 1.0, "max_val": -1.0}, "the lower end must lie below the upper one, got 1.0 and -1.0"),
    ],
)
def test_parameters_that_make_no_function(name: str, parameters: dict[str, float], says: str) -> None:
    with pytest.raises(TargetError, match=f"activation `{name}` does not take .*{says}"):
        activations.get(name, **parameters)


def test_a_name_is_a_string() -> None:
    with pytest.raises(InputError, match=r"`name` must be one of torch.nn.functional, such as 'tanh', got Tanh\(\); activations.from_callable"):
        activations.get(torch.nn.Tanh())  # type: ignore[arg-type]


def test_the_same_call_gives_the_same_object() -> None:
    assert activations.get("elu", alpha=0.5) is activations.get("elu", alpha=0.5)
    assert activations.get("elu", alpha=0.5) is not activations.get("elu", alpha=0.6)
    assert activations.get("elu", alpha=0.5).parameters == (("alpha", 0.5),)
    assert activations.get("linear") is activations.get("identity")


def test_tails_keep_relative_accuracy() -> None:
    """σ(−40) = exp(−40)/(1 + exp(−40)), and 1 − tanh² at 20 is 4·exp(−40) to first order."""
    assert activations.get("sigmoid").phi(-40.0) == pytest.approx(np.exp(-40.0) / (1.0 + np.exp(-40.0)), rel=1e-14)
    assert activations.get("tanh").derivative(20.0) == pytest.approx(4.0 * np.exp(-40.0), rel=1e-13)
    assert activations.get("tanh").derivative([-800.0, 800.0]) == pytest.approx([0.0, 0.0], abs=1e-300)
