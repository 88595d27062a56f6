"""S105: the answer to a sample depends on the other samples of its batch."""

from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments.mixing import Mixing
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, classification, mlp


class MixedSamples(Rule):
    """Other samples of the batch change a sample's answer, in eval mode, where each should be answered by itself.

    Two samples of four are exchanged for others, and the answers to the two that stay are compared. They change where
    the batch is read as time (a recurrent or attention layer made without `batch_first=True`, given (samples, time,
    features)), where a mean, a softmax or a reshape runs over axis 0, and where features and samples were transposed. The
    network then learns from rows that have nothing to do with the label, and answers one sample alone differently.

    Asked only where axis 0 can be nothing but the samples; a single sequence whose axis 0 is time is not. Batch norm that
    keeps no running statistics mixes on purpose. A warning, because other layers may do so too.

    Source: torch.nn.LSTM and torch.nn.TransformerEncoderLayer, argument `batch_first`, which is False by default.
    """

    code = "S105"
    slug = "mixed-samples"
    title = "samples of a batch change each other's answers"
    priority = 21
    needs_data = True
    explains = ("correlation-collapse", "output-constant", "recurrent-forgetting", "lr-too-low")
    thresholds = {"change": Threshold(1e-3, "rms change of the answers when others are exchanged; rounding makes 1e-6")}

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding."""
        mixing = evidence.experiments.get("mixing")
        if not isinstance(mixing, Mixing) or mixing.change <= self.threshold("change"):
            return
        if any(facts.get("track_running_stats") is False for facts in evidence.modules.values()):
            return
        node = next((n for n in evidence.graph.nodes if n.where == mixing.where), None) if mixing.where else None
        yield self.finding(
            "warning",
            mixing.where,
            f"The answer to a sample changes by {mixing.change:.2g} of its size when other samples of the batch are exchanged, first"
            f" {f'in `{mixing.where}`' if mixing.where else 'outside of all modules'}: samples are mixed.",
            evidence={"change": mixing.change},
            advice=_advice(node),
            snippet="with torch.no_grad():\n    print(model(inputs[:1]), model(inputs)[:1])  # should be the same",
            node=node.index if node is not None else None,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """A recurrent and an attention layer that take samples for time; a mean over the batch."""
        yield Specimen("LSTM without batch_first", lambda: _sequences(_Recurrent(False)), where="lstm")
        yield Specimen("attention without batch_first", lambda: _sequences(_Attending(False)), where="attention")
        yield Specimen("mean over the batch", lambda: classification(_Averaging()), where="")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """The same with batch_first; batch norm; one sequence by itself, whose axis 0 is time."""
        yield Specimen("LSTM with batch_first", lambda: _sequences(_Recurrent(True)))
        yield Specimen("attention with batch_first", lambda: _sequences(_Attending(True)))
        yield Specimen("batch norm", lambda: classification(nn.Sequential(mlp(16, 32)[0], nn.BatchNorm1d(32), nn.ReLU(), mlp(32, 4)[0])))
        yield Specimen("one sequence, time first", _alone)
        yield Specimen("time first, as torch's default has it", _time_first)


def _advice(node: Node | None) -> str:
    if node is not None and (node.op.startswith(("lstm", "gru", "rnn")) or node.kind == "attention"):
        return "Make the layer with batch_first=True, or hand it (time, samples, features)."
    return "Look for a mean, softmax, norm, reshape or transpose over axis 0."


class _Recurrent(nn.Module):
    def __init__(self, batch_first: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.lstm, self.head = nn.LSTM(8, 16, batch_first=batch_first), nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(x)[0][:, -1])


class _Attending(nn.Module):
    def __init__(self, batch_first: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.attention, self.head = nn.MultiheadAttention(8, 2, batch_first=batch_first), nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head((x + self.attention(x, x, x, need_weights=False)[0]).mean(1))


class _Averaging(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = mlp(16, 32), mlp(32, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(self.body(x))
        return self.head(hidden - hidden.mean(0) + hidden.mean())


def _sequences(model: nn.Module) -> Case:
    return classification(model, batch(64, 5, 8))


class _Tagger(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.lstm, self.head = nn.LSTM(8, 16), nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(x)[0])


def _alone() -> Case:
    return classification(_Tagger(), batch(64, 8))


def _time_first() -> Case:
    labels = torch.randint(0, 4, (12, 32), generator=torch.Generator().manual_seed(2))
    return Case(_Tagger(), batch(12, 32, 8), labels, lambda z, y: nn.functional.cross_entropy(z.flatten(0, 1), y.flatten()))
