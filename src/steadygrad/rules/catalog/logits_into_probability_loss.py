"""L103: a loss for probabilities, or for their logarithms, is given something else."""

from collections.abc import Callable, Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.logarithms import Logarithm, logarithms
from steadygrad.rules.pairing import Pairing, maker, pairings
from steadygrad.rules.rule import Rule, Specimen
from steadygrad.rules.specimens import batch, classification, mlp

RAW = {"affine", "norm", "shift"}
SIGNED = {"relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "prelu", "mish", "hardtanh", "relu6"}
PROBABILITIES = {"softmax", "sigmoid", "hardsigmoid"}
NEEDS = {"nll_loss": "log-probabilities", "nll_loss2d": "log-probabilities", "kl_div": "log-probabilities", "binary_cross_entropy": "probabilities"}


class LogitsIntoProbabilityLoss(Rule):
    """The loss takes its input for probabilities (or log-probabilities) that nothing made so.

    - `nll_loss` is −x[target], `kl_div` is y(ln y − x): with raw scores x the loss falls without bound by making every
      score larger; nothing asks the other classes to be smaller. With probabilities instead of their logarithms the
      gradient is that of −p, which vanishes exactly where the network is surely wrong.
    - `binary_cross_entropy`, or −log p written by hand, of raw scores: log of a negative number is NaN, and a clamp in
      front of it has gradient zero there.

    Source: torch.nn.NLLLoss, KLDivLoss, BCELoss; Humbatova et al. 2020, arXiv:1910.11015.
    """

    code = "L103"
    slug = "logits-into-probability-loss"
    title = "raw scores into a loss for probabilities"
    priority = 10
    explains = (
        "vanishing-gradient", "no-gradient", "loss-at-start", "nonfinite-forward", "nonfinite-backward", "exploding-gradient", "lr-too-low",
        "lr-too-high", "head-activation", "unstable-log", "output-range", "dead-units", "loss-rewards-error", "blind-loss",
    )  # fmt: skip

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """Loss functions first, then logarithms written by hand."""
        for pairing in pairings(evidence):
            needs, head = NEEDS.get(pairing.op), pairing.head
            wrong = head.kind in RAW or head.op in SIGNED or (needs == "log-probabilities" and head.op in PROBABILITIES)
            if needs is not None and wrong:
                yield self._finding(pairing, needs)
        if "between 0 and 1" in evidence.conditions.failure and evidence.graph.outputs:  # torch refused, so that no loss was traced
            yield self._refused(evidence)
        for logarithm in logarithms(evidence):
            head = logarithm.head
            if logarithm.in_loss and not logarithm.normalized and logarithm.moved and (head.kind in RAW or head.op in SIGNED):
                yield self._by_hand(logarithm)

    def _finding(self, pairing: Pairing, needs: str) -> Finding:
        head, wanted = pairing.head, ("log_softmax" if needs == "log-probabilities" else "sigmoid")
        if head.op in PROBABILITIES:
            why = f"probabilities from {head.op}: without the logarithm the gradient vanishes where the network is surely wrong"
        elif needs == "log-probabilities":
            why = f"raw outputs of {head.op}: the loss falls for ever by making all of them larger"
        else:
            why = f"raw outputs of {head.op}, which leave [0, 1]"
        better = {"nll_loss": "cross_entropy", "nll_loss2d": "cross_entropy", "binary_cross_entropy": "binary_cross_entropy_with_logits"}.get(pairing.op)
        advice = f"Use {better} on raw scores" if better else f"Apply {wanted} to the outputs first"
        code = f"loss = torch.nn.functional.{better}(logits, targets)" if better else f"loss = torch.nn.functional.{pairing.op}(outputs.{wanted}(1), targets)"
        return self._say(head, f"{pairing.op} expects {needs} and gets {why}.", advice + ".", code, pairing.op)

    def _refused(self, evidence: Evidence) -> Finding:
        head = maker(evidence.graph, evidence.graph.outputs[0])
        message = f"binary_cross_entropy expects probabilities and refuses the outputs of {head.op}, which leave [0, 1]."
        code = "loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets)"
        return self._say(head, message, "Use binary_cross_entropy_with_logits on raw scores.", code, "binary_cross_entropy")

    def _by_hand(self, logarithm: Logarithm) -> Finding:
        head = logarithm.head
        tail = "; the clamp in between cuts the gradient there" if logarithm.clamped else " and gives NaN"
        return self._say(
            head,
            f"The loss takes the logarithm of raw outputs of {head.op} as if they were probabilities; they can be zero or negative{tail}.",
            "Use cross_entropy (several classes) or binary_cross_entropy_with_logits (yes or no) on the raw outputs.",
            "loss = torch.nn.functional.cross_entropy(logits, targets)",
            "log",
        )

    def _say(self, head: Node, message: str, advice: str, snippet: str, loss: str) -> Finding:
        evidence = {"loss": loss, "head": head.op}
        return self.finding("error", head.where or "loss", message, evidence=evidence, advice=advice, snippet=snippet, node=head.index)

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Raw scores into nll_loss and kl_div; probabilities into nll_loss; log of a raw output."""
        yield Specimen("raw scores into nll_loss", lambda: _with(mlp(16, 32, 4), nn.functional.nll_loss), where="2")
        yield Specimen("softmax into nll_loss", lambda: _with(nn.Sequential(*mlp(16, 32, 4), nn.Softmax(1)), nn.functional.nll_loss), where="3")
        yield Specimen("softmax into kl_div", lambda: _with(nn.Sequential(*mlp(16, 32, 4), nn.Softmax(1)), _divergence), where="3")
        yield Specimen("clamped log of a raw output", lambda: _with(mlp(16, 32, 4), _clamped), where="2")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Each loss with what it expects."""
        yield Specimen("log_softmax into nll_loss", lambda: _with(nn.Sequential(*mlp(16, 32, 4), nn.LogSoftmax(1)), nn.functional.nll_loss))
        yield Specimen("log_softmax into kl_div", lambda: _with(nn.Sequential(*mlp(16, 32, 4), nn.LogSoftmax(1)), _divergence))
        yield Specimen("clamped log of a softmax", lambda: _with(nn.Sequential(*mlp(16, 32, 4), nn.Softmax(1)), _clamped))
        yield Specimen("raw scores into cross_entropy", lambda: classification(mlp(16, 32, 4)))


def _with(model: nn.Module, loss_fn: Callable[..., torch.Tensor]) -> Case:
    return Case(model, batch(64, 16), classification(model).targets, loss_fn)


def _divergence(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return nn.functional.kl_div(outputs, nn.functional.one_hot(targets, 4).float(), reduction="batchmean")


def _clamped(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return -outputs.clamp(1e-7, 1 - 1e-7).gather(1, targets[:, None]).log().mean()
