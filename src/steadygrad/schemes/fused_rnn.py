"""The one flat vector in which cuDNN and mxnet keep a whole recurrent network."""

from math import prod
from typing import NamedTuple

import numpy as np

from steadygrad.errors import InputError
from steadygrad.randomness.composed import Computed, Draw, Values
from steadygrad.randomness.law import Fans, Shape
from steadygrad.schemes.elementary import zeros
from steadygrad.schemes.gates import forget_bias
from steadygrad.schemes.glorot import glorot_uniform
from steadygrad.schemes.orthogonal import orthogonal
from steadygrad.schemes.parts import counted, per_gate
from steadygrad.schemes.scheme import Scheme, one_of

GATES = {"rnn_relu": 1, "rnn_tanh": 1, "gru": 3, "lstm": 4}
KINDS = ("i2h_weight", "h2h_weight", "h2r_weight", "i2h_bias", "h2h_bias")


class Part(NamedTuple):
    """One matrix or bias inside the vector."""

    kind: str
    shape: Shape


class fused_rnn(Scheme):  # noqa: N801 - called like the function it is known as
    """Each matrix and bias inside the vector by its own scheme; matrices of several gates gate by gate.

    The vector holds all weights, then all biases; each layer by layer, direction by direction: input-to-hidden,
    hidden-to-hidden, projection. The number of inputs follows from its length.

    Args:
        mode: "rnn_relu", "rnn_tanh", "lstm" (gates i, f, g, o) or "gru" (r, z, n).
        layers, units: of the network; bidirectional: two directions; projection: width of the projected state, 0 for none.
        i2h_weight, h2h_weight, h2r_weight, i2h_bias, h2h_bias: schemes; by default Glorot, orthogonal, Glorot, a forget bias of 1
            (zeros without gates), zeros.

    Raises:
        InputError: another mode; when drawn, a length that no number of inputs gives.

    Source: mxnet.initializer.RNNFused; the layout as in mxnet.gluon.rnn and cuDNN.

    Example:
        >>> from steadygrad.randomness.assembly import draw
        >>> draw(fused_rnn("rnn_tanh", 1, 2).law(Fans(1.0, 1.0)), (2 * 3 + 2 * 2 + 4,), name="rnn")[-4:].tolist()
        [0.0, 0.0, 0.0, 0.0]
    """

    name = "fused_rnn"
    formula = "w = (weights of all layers, biases of all layers), each by its own scheme"
    source = "mxnet.initializer.RNNFused; layout of mxnet.gluon.rnn and cuDNN"
    assumes = "the layout above"
    fails = "other layouts, such as torch's, which keeps a tensor for each"
    needs = "one axis, as long as some number of inputs makes it"
    scales = False
    shape = (4 * 6 * (5 + 6) + 8 * 6,)

    def __init__(
        self, mode: str, layers: int, units: int, bidirectional: bool = False, projection: int = 0, i2h_weight: Scheme | None = None,
        h2h_weight: Scheme | None = None, h2r_weight: Scheme | None = None, i2h_bias: Scheme | None = None, h2h_bias: Scheme | None = None,
    ) -> None:  # fmt: skip
        self.mode = one_of(mode, tuple(GATES), "mode", self.name)
        self.layers, self.units = counted(layers, "layers", self.name), counted(units, "units", self.name)
        self.bidirectional, self.projection = bidirectional, projection
        self.i2h_weight, self.h2h_weight, self.h2r_weight, self.i2h_bias, self.h2h_bias = i2h_weight, h2h_weight, h2r_weight, i2h_bias, h2h_bias

    def parts(self, inputs: int) -> list[Part]:
        """What the vector holds, in order, for a network of so many inputs."""
        gates, state = GATES[self.mode] * self.units, self.projection or self.units
        weights, biases = [], []
        for layer in range(self.layers):
            for _ in range(1 + self.bidirectional):
                width = inputs if layer == 0 else state * (1 + self.bidirectional)
                weights += [Part("i2h_weight", (gates, width)), Part("h2h_weight", (gates, state))]
                weights += [Part("h2r_weight", (self.projection, self.units))] if self.projection else []
                biases += [Part("i2h_bias", (gates,)), Part("h2h_bias", (gates,))]
        return weights + biases

    def law(self, fans: Fans, gain: float = 1.0) -> Computed:
        """Part by part; neither fans nor gain are looked at, the parts have their own."""

        def function(shape: Shape, draw: Draw) -> Values:
            parts = self.parts(self._inputs(shape))
            return np.concatenate([draw(self._scheme(part).law(_fans(part)), part.shape).reshape(-1) for part in parts])

        def mean_square(shape: Shape) -> float:
            parts = self.parts(self._inputs(shape))
            return sum(self._scheme(part).law(_fans(part)).rms(part.shape) ** 2 * prod(part.shape) for part in parts) / shape[0]

        return Computed(self.name, function, mean_square)

    def _scheme(self, part: Part) -> Scheme:
        gates = GATES[self.mode]
        keeping = {"lstm": forget_bias(), "gru": zeros()}.get(self.mode, zeros())
        usual = dict(zip(KINDS, (glorot_uniform(), orthogonal(), glorot_uniform(), keeping, zeros()), strict=True))
        scheme = getattr(self, part.kind) or usual[part.kind]
        return per_gate(scheme, gates) if part.kind in KINDS[:2] and gates > 1 else scheme

    def _inputs(self, shape: Shape) -> int:
        fixed = sum(prod(part.shape) for part in self.parts(0))
        rows = GATES[self.mode] * self.units * (1 + self.bidirectional)
        if len(shape) != 1 or shape[0] <= fixed or (shape[0] - fixed) % rows:
            raise InputError(f"`{self.name}` must be drawn into one axis of {fixed} + {rows}·inputs entries, got shape {tuple(shape)}")
        return (shape[0] - fixed) // rows

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """An LSTM."""
        return (cls("lstm", 1, 6),)


def _fans(part: Part) -> Fans:
    return Fans(float(part.shape[-1]), float(part.shape[0]))
