"""Biases of recurrent gates: how long a state is kept before training."""

import numpy as np

from steadygrad.errors import InputError
from steadygrad.randomness import composed
from steadygrad.randomness import law as laws
from steadygrad.randomness.composed import Computed, Draw, Values
from steadygrad.randomness.law import Fans, Law, Shape
from steadygrad.schemes.scheme import Scheme

KEEPING = "fz"  # gates that multiply the old state: forget (LSTM), update (GRU: h ← (1 − z)·n + z·h)


class forget_bias(Scheme):  # noqa: N801 - called like the functions they are known as
    """`value` for the gate that keeps the state, 0 for the others: at 1, σ(1) = 0.73 of the cell stays per step.

    torch.nn.LSTM and GRU have two bias vectors that add up: draw one with this and the other with `zeros`.

    Args:
        value: of the bias.
        gates: their order in the vector: "ifgo" for torch, Keras ("ifco") and mxnet LSTMs; "rzn" for torch GRUs,
            "zrh" for Keras GRUs. f and z keep the state.

    Raises:
        InputError: no f or z among the gates; when drawn, a length that their number does not divide.

    Source: Gers, Schmidhuber & Cummins 2000; Jozefowicz, Zaremba & Sutskever 2015, ICML.

    Example:
        >>> from steadygrad.randomness.assembly import draw
        >>> draw(forget_bias().law(Fans(1.0, 1.0)), (8,), name="b").tolist()
        [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    """

    name = "forget_bias"
    formula = "b_f = value, 0 elsewhere"
    source = "Gers, Schmidhuber & Cummins 2000, Neural Computation 12; Jozefowicz, Zaremba & Sutskever 2015, ICML"
    assumes = "one bias vector for each gate, in the order given"
    fails = "set in both bias vectors of torch's layers it counts twice; at value 1 memory lasts about 3 steps only"
    scales = False
    role = "bias"
    needs = "one axis, of equal parts for the gates"
    shape = (32,)

    def __init__(self, value: float = 1.0, gates: str = "ifgo") -> None:
        self.value, self.gates = value, keeping(gates, self.name)

    def law(self, fans: Fans, gain: float = 1.0) -> Law:
        """Constants, a block for each gate."""
        return composed.blocks(*(laws.constant(self.value if gate in KEEPING else 0.0) for gate in self.gates))

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """LSTM, and GRU."""
        return cls(), cls(2.0, "rz")


class uniform_gate(Scheme):  # noqa: N801
    """σ(b) uniform in (1/d, 1 − 1/d) for the gate that keeps the state, d its units: every time scale up to d steps occurs.

        b_f = −log(1/u − 1), u ~ U(1/d, 1 − 1/d);   b_i = −b_f, so that the input gate starts at 1 − f

    Args and errors as `forget_bias`.

    Source: Gu et al. 2020, arXiv:1910.09890 (uniform gate initialization).

    Example:
        >>> uniform_gate().law(Fans(1.0, 1.0)).label
        'uniform_gate'
    """

    name = "uniform_gate"
    formula = "b_f = −log(1/u − 1), u ~ U(1/d, 1 − 1/d), b_i = −b_f"
    source = "Gu, Gulcehre, Paine, Hoffman & Pascanu 2020, arXiv:1910.09890"
    assumes = "one bias vector for each gate, in the order given, more than two units"
    fails = "as `forget_bias`; sequences far longer than the number of units"
    scales = False
    role = "bias"
    needs = "one axis, of equal parts for the gates"
    shape = (32,)

    def __init__(self, gates: str = "ifgo") -> None:
        self.gates = keeping(gates, self.name)

    def law(self, fans: Fans, gain: float = 1.0) -> Computed:
        """One draw, mirrored into the input gate."""

        def function(shape: Shape, draw: Draw) -> Values:
            units = shape[0] // len(self.gates)
            if len(shape) != 1 or shape[0] % len(self.gates) or units < 1:
                raise InputError(f"`{self.name}` must be drawn into {len(self.gates)} equal parts of one axis, got shape {tuple(shape)}")
            bias = self._bias(units, draw)
            zero = np.zeros(units)
            return np.concatenate([bias if gate in KEEPING else -bias if gate == "i" else zero for gate in self.gates])

        return Computed(self.name, function)

    def _bias(self, units: int, draw: Draw) -> Values:
        edge = min(1.0 / units, 0.5)
        return -np.log(1.0 / draw(laws.uniform(edge, 1.0 - edge), (units,)) - 1.0)

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """LSTM, and GRU."""
        return cls(), cls("rz")


class chrono(uniform_gate):  # noqa: N801
    """Forget times spread up to `t_max` steps: b_f ~ log U(1, t_max − 1), b_i = −b_f.

    A unit with forget gate f keeps for 1/(1 − f) = 1 + exp(b_f) steps: uniform between 2 and t_max.

    Args:
        t_max: longest dependency expected, in steps; more than 2.
        gates: as `forget_bias`.

    Source: Tallec & Ollivier 2018, arXiv:1804.11188 (chrono initialization).

    Example:
        >>> chrono(100.0).t_max
        100.0
    """

    name = "chrono"
    formula = "b_f = log u, u ~ U(1, t_max − 1), b_i = −b_f"
    source = "Tallec & Ollivier 2018, arXiv:1804.11188 (chrono initialization)"
    assumes = "t_max known; one bias vector for each gate, in the order given"
    fails = "as `forget_bias`; short sequences, whose first steps then hardly enter the state"

    def __init__(self, t_max: float, gates: str = "ifgo") -> None:
        super().__init__(gates)
        if not 2.0 < t_max < float("inf"):
            raise InputError(f"`t_max` of {self.name} must be more than 2 steps, got {t_max!r}")
        self.t_max = t_max

    def _bias(self, units: int, draw: Draw) -> Values:
        return np.log(draw(laws.uniform(1.0, self.t_max - 1.0), (units,)))

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """LSTM, and GRU."""
        return cls(784.0), cls(20.0, "rz")


def keeping(gates: str, scheme: str) -> str:
    """`gates`, one letter each, of which one keeps the state.

    Raises:
        InputError: none does.
    """
    if not isinstance(gates, str) or not set(gates) & set(KEEPING):
        raise InputError(f"`gates` of {scheme} must name a gate f or z that keeps the state, as in 'ifgo' or 'rzn', got {gates!r}")
    return gates
