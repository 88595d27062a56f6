"""L102: a loss that applies the sigmoid itself is given probabilities."""

from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.pairing import call_of, pairings
from steadygrad.rules.rule import Rule, Specimen
from steadygrad.rules.specimens import batch, mlp

LOSSES = {"binary_cross_entropy_with_logits", "multilabel_soft_margin_loss", "soft_margin_loss"}
BOUNDED = {"sigmoid", "hardsigmoid", "softmax"}


class SigmoidBeforeLogitsLoss(Rule):
    """`binary_cross_entropy_with_logits` is given probabilities; it applies the sigmoid itself.

    σ of a number in [0, 1] lies between 0.5 and 0.731: the answer "no" cannot be given at all. A negative sample costs
    at least ln 2 = 0.693 and a positive one at least ln(1 + 1/e) = 0.313, so balanced data cannot fall below 0.503 from
    a start of ln 2. With more negatives than positives the best constant answer is 0, where the inner sigmoid has no
    gradient left.

    Source: torch.nn.BCEWithLogitsLoss; Humbatova et al. 2020, arXiv:1910.11015.
    """

    code = "L102"
    slug = "sigmoid-before-logits-loss"
    title = "sigmoid applied twice"
    priority = 10
    explains = (
        "vanishing-gradient", "loss-at-start", "lr-too-low", "saturation", "no-gradient", "output-constant", "output-range",
        "attenuating-activation",
    )  # fmt: skip

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """Each logits loss once."""
        for pairing in pairings(evidence):
            head = pairing.head
            if pairing.op not in LOSSES or head.op not in BOUNDED:
                continue
            yield self.finding(
                "error",
                head.where,
                f"The outputs go through {head.op} and then into {pairing.op}, which applies the sigmoid again: every answer lies between"
                " 0.50 and 0.73, so a negative sample costs at least 0.69 for ever.",
                evidence={"head": head.op, "loss": pairing.op, "lowest": 0.5, "highest": 0.7310585786300049},
                advice=f"Give the loss raw scores: remove the {head.op}; apply it only where you need probabilities.",
                snippet=f"{call_of(head.where)} = torch.nn.Identity()" if head.where not in ("", "loss") else f"loss = torch.nn.functional.{pairing.op}(logits, targets)",
                node=head.index,
            )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Sigmoid as last layer; inside the loss; squeezed in between."""
        yield Specimen("sigmoid as last layer", lambda: _binary(nn.Sequential(*mlp(16, 32, 1), nn.Sigmoid())), where="3")
        yield Specimen("sigmoid inside the loss", _in_loss, where="loss")
        yield Specimen("sigmoid, then a reshape", lambda: _binary(nn.Sequential(*mlp(16, 32, 1), nn.Sigmoid(), nn.Flatten(0), nn.Unflatten(0, (-1, 1)))), where="3")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Raw scores; sigmoid with the loss for probabilities; a sigmoid gate inside."""
        yield Specimen("raw scores", lambda: _binary(mlp(16, 32, 1)))
        yield Specimen("sigmoid with binary_cross_entropy", _proper)
        yield Specimen("sigmoid inside the network", lambda: _binary(mlp(16, 32, 1, activation=nn.Sigmoid)))


def labels() -> torch.Tensor:
    """64 binary targets."""
    return (batch(64, 1, seed=2) > 0).float()


def _binary(model: nn.Module) -> Case:
    return Case(model, batch(64, 16), labels(), nn.functional.binary_cross_entropy_with_logits)


def _in_loss() -> Case:
    return Case(mlp(16, 32, 1), batch(64, 16), labels(), lambda out, y: nn.functional.binary_cross_entropy_with_logits(out.sigmoid(), y))


def _proper() -> Case:
    return Case(nn.Sequential(*mlp(16, 32, 1), nn.Sigmoid()), batch(64, 16), labels(), nn.functional.binary_cross_entropy)
