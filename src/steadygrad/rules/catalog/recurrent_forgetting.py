"""I104: a recurrence that forgets how its sequence began."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, classification
from steadygrad.rules.weights import resolution

KEEPS = {"lstm": "forget", "gru": "update"}


class RecurrentForgetting(Rule):
    """What a recurrent layer reads at the beginning is gone, to the last digit, long before its sequence ends.

    A plain recurrence hands on the share ρ of its state per step: h_t depends on h_0 by ρ^t at most, ρ the growth of
    ‖W^k h‖ measured over 32 steps (for entries of standard deviation σ, ρ = σ√n). ρ^t reaches the resolution ε of the
    dtype after ln ε/ln ρ steps; gradients die at the same pace on their way back. LSTM and GRU hand their state on
    through a gate, of which ρ = σ(bias) is the median over units; at torch's default, 0.5, they learn to open it, and
    only gates that begin shut are counted.

    A warning when the sequence is ten times as long as that: 29 and 23 steps are all that torch's own RNN and LSTM
    begin with, and many sequences need no more. Start the recurrent matrix orthogonal, ρ = 1, or the gate open.

    Source: Bengio, Simard & Frasconi 1994; Pascanu et al. 2013, arXiv:1211.5063, section 2; Le et al. 2015,
    arXiv:1504.00941 (identity); Jozefowicz et al. 2015 (forget bias 1); Tallec & Ollivier 2018, arXiv:1804.11188.
    """

    code = "I104"
    slug = "recurrent-forgetting"
    title = "a recurrence that forgets the beginning"
    priority = 32
    explains = ("vanishing-gradient", "correlation-collapse")
    thresholds = {
        "lengths": Threshold(10.0, "sequence length over the steps until ρ^t = ε; several layers and a trained ρ gain some back, not a factor of ten"),
        "gate": Threshold(1.0 / (1.0 + math.e), "σ(−1): as far shut as the usual forget bias of 1 is open"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """Each recurrent weight once, in execution order."""
        seen, steps = set(), _calls(evidence)
        for node in evidence.graph.nodes:
            for use in node.uses:
                name = use.parameters[0]
                reading = evidence.parameters.get(name)
                if use.role != "recurrent" or name in seen or reading is None or reading.kept is None:
                    continue
                seen.add(name)
                length = steps[name] if node.op.endswith("_cell") else _length(evidence, node)
                gate = KEEPS.get(node.op.removesuffix("_cell"))
                if length is None or reading.kept >= (1.0 if gate is None else self.threshold("gate")):
                    continue
                memory = math.log(resolution(evidence.graph.parameters[name].dtype)) / math.log(reading.kept) if reading.kept > 0.0 else 0.0
                if length >= self.threshold("lengths") * memory:
                    yield self._finding(node, name, reading.kept, memory, length, gate)

    def _finding(self, node: Node, name: str, kept: float, memory: float, length: int, gate: str | None) -> Finding:
        means = f"its {gate} gate begins at {kept:.2g}" if gate else f"`{name}` hands on {kept:.2g} of the state per step"
        snippet = f"torch.nn.init.orthogonal_(model.get_parameter({name!r}))" if gate is None else ""
        opened = "Begin with an orthogonal recurrent matrix" if gate is None else f"Begin with a bias of 1 or more for the {gate} gate (entries n to 2n of the stacked bias)"
        return self.finding(
            "warning",
            node.where,
            f"This {node.op.removesuffix('_cell')} forgets the beginning of its {length} steps: {means}, and after {max(memory, 1.0):.0f} steps nothing of it is left.",
            evidence={"kept_per_step": kept, "memory_steps": memory, "length": length, "gate": gate},
            advice=f"{opened}, or shorten the sequences.",
            snippet=snippet,
            node=node.index,
            parameter=name,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Small recurrent weights over 200 steps, fused and step by step; gates that begin shut."""
        yield Specimen("recurrent weights N(0, 0.02²) over 200 steps", lambda: _case(nn.RNN, 200, _small), where="rnn")
        yield Specimen("the same, step by step", lambda: _case(nn.RNNCell, 200, _small), where="rnn")
        yield Specimen("LSTM with a forget bias of −4 over 200 steps", lambda: _case(nn.LSTM, 200, lambda n: _gate(n, -4.0)), where="rnn")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Torch's defaults over 200 steps; small weights over a short sequence; an orthogonal start; an open gate."""
        yield Specimen("RNN as torch makes it", lambda: _case(nn.RNN, 200))
        yield Specimen("LSTM as torch makes it, 400 steps", lambda: _case(nn.LSTM, 400))
        yield Specimen("GRU as torch makes it", lambda: _case(nn.GRU, 200))
        yield Specimen("small recurrent weights over 20 steps", lambda: _case(nn.RNN, 20, _small))
        yield Specimen("orthogonal recurrent weights", lambda: _case(nn.RNN, 200, lambda n: nn.init.orthogonal_(_recurrent(n))))
        yield Specimen("LSTM with small recurrent weights and an open forget gate", lambda: _case(nn.LSTM, 200, lambda n: (_small(n), _gate(n, 1.0))))


def _calls(evidence: Evidence) -> dict[str, int]:
    """How often each parameter was used: the steps of a recurrence written as a loop."""
    found: dict[str, int] = {}
    for node in evidence.graph.nodes:
        for use in node.uses:
            found[use.parameters[0]] = found.get(use.parameters[0], 0) + 1
    return found


def _length(evidence: Evidence, node: Node) -> int | None:
    """Steps of a fused recurrence; None for packed and unbatched sequences, which two axes do not tell apart."""
    shape = node.outputs[0].shape if node.outputs else ()
    if len(shape) != 3:
        return None
    return shape[1] if evidence.modules.get(node.where, {}).get("batch_first") else shape[0]


class _Sequence(nn.Module):
    """A recurrent layer or cell over (batch, steps, 8), then a classification of its last state."""

    def __init__(self, kind: Callable[..., nn.Module]) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.rnn = kind(8, 32, **({} if kind is nn.RNNCell else {"batch_first": True}))
            self.head = nn.Linear(32, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not isinstance(self.rnn, nn.RNNCell):
            return self.head(self.rnn(x)[0][:, -1])
        state = None
        for step in x.unbind(1):
            state = self.rnn(step, state)
        return self.head(state)


def _recurrent(net: _Sequence) -> torch.Tensor:
    return next(p for name, p in net.rnn.named_parameters() if "weight_hh" in name)


def _small(net: _Sequence) -> None:
    nn.init.normal_(_recurrent(net), std=0.02, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def _gate(net: _Sequence, bias: float) -> None:
    net.rnn.bias_hh_l0[32:64].fill_(bias)  # type: ignore[union-attr, index, operator]


def _case(kind: Callable[..., nn.Module], steps: int, change: Callable[[_Sequence], object] = lambda net: None) -> Case:
    net = _Sequence(kind)
    change(net)
    return classification(net, batch(16, steps, 8))
