"""Where common initializations stand on the phase diagram."""

import math
from dataclasses import dataclass

from steadygrad.errors import InputError
from steadygrad.theory.activation import Activation, centred
from steadygrad.theory.phase import Phase, phase_at
from steadygrad.theory.starting_point import starting_point

TORCH_GAINS = {"identity": 1.0, "sigmoid": 1.0, "tanh": 5.0 / 3.0, "relu": math.sqrt(2.0), "selu": 0.75}  # torch.nn.init.calculate_gain


@dataclass(frozen=True)
class Point:
    """A named initialization and its phase.

    Attributes:
        name: what it is called.
        how: the call in PyTorch, or the numbers.
        phase: of this activation there.
        drawn: whether it lies on this activation's diagram; a centred network's does not.
    """

    name: str
    how: str
    phase: Phase
    drawn: bool = True


def common_points(activation: Activation, fan_in: int = 256) -> list[Point]:
    """PyTorch's default, Xavier, He, PyTorch's gain and steadygrad's start, for square layers of `fan_in` inputs.

    σ_w² = fan_in·Var(W): PyTorch's Linear draws both from U(±1/√fan_in), so σ_w² = 1/3 and σ_b² = 1/(3·fan_in).

    Raises:
        InputError: fan_in below 1.

    Example:
        >>> from steadygrad.theory import activations
        >>> [(p.name, round(p.phase.weight_variance, 3), p.phase.kind) for p in common_points(activations.get("tanh"))][:3]
        [('PyTorch default', 0.333, 'ordered'), ('Xavier', 1.0, 'critical'), ('He', 2.0, 'chaotic')]
    """
    if fan_in < 1:
        raise InputError(f"`fan_in` must be at least 1, got {fan_in!r}")
    default = f"nn.Linear({fan_in}, {fan_in})"
    points = [
        Point("PyTorch default", default, phase_at(activation, 1.0 / 3.0, 1.0 / (3.0 * fan_in))),
        Point("Xavier", "xavier_normal_, bias 0", phase_at(activation, 1.0)),
        Point("He", "kaiming_normal_, bias 0", phase_at(activation, 2.0)),
    ]
    gain = _torch_gain(activation)
    if gain is not None and gain**2 not in (1.0, 2.0000000000000004):
        points.append(Point("PyTorch gain", f"calculate_gain = {gain:.4g}", phase_at(activation, gain**2)))
    return [*points, *_start(activation)]


def _torch_gain(activation: Activation) -> float | None:
    if activation.name == "leaky_relu":
        return math.sqrt(2.0 / (1.0 + float(activation.derivative(-1.0)) ** 2))
    return TORCH_GAINS.get(activation.name)


def _start(activation: Activation) -> list[Point]:
    try:
        start = starting_point(activation)
    except InputError:
        return []
    phi = centred(activation) if start.centred else activation
    how = f"gain {start.gain:.5g}, bias std {math.sqrt(start.bias_variance):.4g}" + (", biases centred" if start.centred else "")
    held = start.q if start.bias_variance > 0.0 else None  # half-stable lengths are passed over when iterated
    return [Point("steadygrad", how, phase_at(phi, start.gain**2, start.bias_variance, held), drawn=not start.centred)]
