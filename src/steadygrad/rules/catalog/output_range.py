"""L107: the last activation cannot reach the targets."""

import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments.batch_probe import QUANTILES
from steadygrad.rules.finding import Finding
from steadygrad.rules.pairing import REGRESSION, Pairing, call_of, output_range, pairings
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import Apply, batch, mlp, regression


class OutputRange(Rule):
    """The last activation makes numbers in an interval that the regression targets leave.

    sigmoid and softmax give 0 … 1, tanh −1 … 1, ReLU 0 … ∞; the state of an LSTM, GRU or tanh RNN −1 … 1. A target outside
    is never reached: the network pushes the activation's input towards ±∞, where its slope is 0, and stops learning there. The
    distance d(t) of a target from the interval is an error that remains: at least mean d(t)² of squared error, against Var t
    for the best constant.

    An error when what must remain is over a tenth of the targets' variance, a warning when it is over a hundredth.
    Estimated from quantiles of the targets.

    Source: Bishop 1995, section 6.1 (output units and their targets).
    """

    code = "L107"
    slug = "output-range"
    title = "last activation cannot reach the targets"
    priority = 13
    needs_data = True
    explains = (
        "saturation", "dead-units", "vanishing-gradient", "no-gradient", "loss-at-start", "lr-too-high", "exploding-gradient",
        "head-activation", "target-scale", "attenuating-activation", "output-constant", "lr-too-low",
    )  # fmt: skip
    thresholds = {
        "error": Threshold(0.1, "a tenth of the targets' variance can never be explained"),
        "warning": Threshold(0.01, "a hundredth"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """Each regression loss once."""
        probed = evidence.experiments.get("batch", {})
        for pairing in pairings(evidence):
            interval = output_range(pairing.head)
            facts = pairing.target
            if pairing.op not in REGRESSION or interval is None or facts is None or not pairing.as_given or facts.name not in probed:
                continue
            if probed[facts.name].quantiles and pairing.whole:
                found = self._finding(pairing, interval, probed[facts.name].quantiles)
                if found is not None:
                    yield found

    def _finding(self, pairing: Pairing, interval: tuple[float, float], quantiles: Sequence[float]) -> Finding | None:
        mean, variance, remains = unreachable(quantiles, *interval)
        share = remains / variance if variance > 0.0 else math.inf if remains > 0.0 else 0.0
        if share <= self.threshold("warning"):
            return None
        low, high = interval
        head, bounds = pairing.head, f"{low:g} … {high:g}" if math.isfinite(high) else f"{low:g} or more"
        left = f"{share:.0%} of their variance" if share < 1.0 else "more than the best constant answer leaves"
        return self.finding(
            "error" if share > self.threshold("error") else "warning",
            head.where,
            f"The outputs come from {head.op} and are {bounds}; the targets run from {quantiles[0]:.3g} to {quantiles[-1]:.3g}:"
            f" an error of {left} can never go away.",
            evidence={"head": head.op, "interval": [_or_none(low), _or_none(high)], "target_minimum": quantiles[0], "target_maximum": quantiles[-1],
                      "target_mean": mean, "unreachable_share": min(share, 1e9)},
            advice=f"Put a linear layer behind the {head.op}, or rescale the targets into its range." if head.kind == "affine"
            else f"Remove the {head.op} for a regression, or rescale the targets into its range.",
            snippet=self._snippet(head, pairing.predicted[-1:]),
            node=head.index,
        )  # fmt: skip

    def _snippet(self, head: Node, features: tuple[int, ...]) -> str:
        if head.kind == "affine":
            width = features[0] if features else 1
            return f"head = torch.nn.Linear({width}, {width})  # outputs = head({head.op}(x)[0])"
        return f"{call_of(head.where)} = torch.nn.Identity()" if head.where not in ("", "loss") else f"# return the input of {head.op} instead"

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Sigmoid for targets up to 100; ReLU and tanh for standard normal targets; softmax for a regression."""
        yield Specimen("sigmoid for targets up to 30", lambda: _headed(nn.Sigmoid(), batch(64, 1, seed=2).abs() * 10), where="3")
        yield Specimen("ReLU for targets of both signs", lambda: _headed(nn.ReLU(), batch(64, 1, seed=2)), where="3")
        yield Specimen("tanh for targets of rms 2", lambda: _headed(nn.Tanh(), batch(64, 1, seed=2) * 2), where="3")
        yield Specimen("sigmoid by hand", _by_hand, where="3")
        yield Specimen("an LSTM's own output for standard normal targets", lambda: _recurrent(nn.LSTM(4, 4, batch_first=True)), where="0")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Linear outputs; sigmoid and tanh for targets in their range; ReLU for positive targets."""
        yield Specimen("no activation", lambda: regression(mlp(16, 32, 1)))
        yield Specimen("sigmoid for targets from 0 to 1", lambda: _headed(nn.Sigmoid(), batch(64, 1, seed=2).sigmoid()))
        yield Specimen("tanh for targets from −1 to 1", lambda: _headed(nn.Tanh(), batch(64, 1, seed=2).tanh()))
        yield Specimen("ReLU for positive targets", lambda: _headed(nn.ReLU(), batch(64, 1, seed=2).abs(), bias=1.0))
        yield Specimen("an LSTM with a projection", lambda: _recurrent(nn.LSTM(4, 16, proj_size=4, batch_first=True).double(), torch.Tensor.double))
        yield Specimen("a GRU for targets from −1 to 1", lambda: _recurrent(nn.GRU(4, 4, batch_first=True), torch.tanh))


def unreachable(quantiles: Sequence[float], low: float, high: float) -> tuple[float, float, float]:
    """(mean, variance, mean squared distance from [low, high]) of a distribution linear between its `QUANTILES`.

    Example:
        >>> mean, variance, remains = unreachable([2 * q for q in QUANTILES], 0, 1)  # uniform on 0 … 2
        >>> round(mean, 3), round(variance, 3), round(remains, 3)
        (1.0, 0.333, 0.167)
    """
    values = torch.as_tensor(_even(quantiles), dtype=torch.float64)
    distance = (low - values).clamp_min(0.0) + (values - high).clamp_min(0.0)
    return float(values.mean()), float(values.var(unbiased=False)), float(distance.square().mean())


def _even(quantiles: Sequence[float], points: int = 2000) -> list[float]:
    """The distribution as evenly probable values, by linear interpolation."""
    found, right = [], 1
    for i in range(points):
        p = (i + 0.5) / points
        while p > QUANTILES[right]:
            right += 1
        share = (p - QUANTILES[right - 1]) / (QUANTILES[right] - QUANTILES[right - 1])
        found.append(quantiles[right - 1] + share * (quantiles[right] - quantiles[right - 1]))
    return found


def _or_none(bound: float) -> float | None:
    return bound if math.isfinite(bound) else None


def _headed(head: nn.Module, targets: torch.Tensor, bias: float = 0.0) -> Case:
    net = mlp(16, 32, 1)
    net.get_parameter("2.bias").data.fill_(bias)
    return regression(nn.Sequential(*net, head), targets=targets)


def _recurrent(layer: nn.Module, made: Callable[[torch.Tensor], torch.Tensor] = torch.Tensor.clone) -> Case:
    targets = made(batch(64, 5, 4, seed=2))
    return regression(nn.Sequential(layer, Apply(lambda states: states[0])), batch(64, 5, 4).to(targets.dtype), targets)


def _by_hand() -> Case:
    case = _headed(nn.Sigmoid(), batch(64, 1, seed=2) * 2 + 1)
    return Case(case.model, case.inputs, case.targets, lambda p, t: (t - p).square().mean())
