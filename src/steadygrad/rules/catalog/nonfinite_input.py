"""D101: numbers that are no numbers in the batch."""

import math
from collections.abc import Iterator

import torch

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence, TensorFacts
from steadygrad.rules.finding import Finding
from steadygrad.rules.nonfinite_origins import harmful
from steadygrad.rules.rule import Rule, Specimen
from steadygrad.rules.specimens import batch, classification, mlp, regression


class NonfiniteInput(Rule):
    """The inputs or targets hold NaN or infinity.

    NaN + x = NaN and 0 · inf = NaN: one such entry makes the loss NaN, the loss makes every gradient NaN, and one step
    makes every weight NaN for good. No setting of the network heals that; the data must be cleaned.

    An error when the loss, a signal or a gradient is not finite; only a note when the model deals with them (a mask of
    −inf added to attention scores, NaN targets that the loss leaves out).

    Source: IEEE 754-2019, section 6 (propagation of NaN and infinity).
    """

    code = "D101"
    slug = "nonfinite-input"
    title = "NaN or infinity in inputs or targets"
    priority = 0
    needs_data = True
    explains = (
        "nonfinite-forward", "nonfinite-backward", "half-range", "input-scale", "target-scale", "signal-drift", "exploding-gradient",
        "vanishing-gradient", "no-gradient", "loss-at-start", "output-constant", "saturation", "dead-units", "lr-too-high",
        "symmetric-units", "correlation-collapse", "labels", "train-eval-gap", "unstable-log", "layer-out-of-line", "attention-logits",
    )  # fmt: skip

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """Inputs first, then targets."""
        spoilt = harmful(evidence)
        for place, tensors in (("inputs", evidence.inputs), ("targets", evidence.targets)):
            for facts in tensors:
                if facts.reading.moments.nonfinite:
                    yield self._finding(evidence, place, facts, spoilt)

    def _finding(self, evidence: Evidence, place: str, facts: TensorFacts, spoilt: bool) -> Finding:
        moments = facts.reading.moments
        probed = evidence.experiments.get("batch", {}).get(facts.name)
        first = probed.first_nonfinite if probed is not None else None
        kinds = [f"{n} {what}" for n, what in ((moments.nan, "NaN"), (moments.posinf + moments.neginf, "infinite")) if n]
        at = f", the first at {list(first)}" if first is not None else ""
        node = next((n.index for n in evidence.graph.nodes if n.op == "input" and n.where == facts.name), None)
        return self.finding(
            "error" if spoilt else "note",
            place,
            f"`{facts.name}` holds {' and '.join(kinds)} of {moments.count} values{at}"
            + ("; they spread to the loss and to every gradient." if spoilt else "; loss and gradients are finite all the same."),
            evidence={"tensor": facts.name, "nan": moments.nan, "infinite": moments.posinf + moments.neginf, "first": first},
            advice="Remove or fill them before they reach the model (missing values, division by a zero deviation, log of zero).",
            snippet=f"bad = ~torch.isfinite({place}).flatten(1).all(1)\n{place} = {place}[~bad]  # or torch.nan_to_num",
            node=node,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """One NaN among a thousand inputs; one infinite target."""
        yield Specimen("one NaN in the inputs", lambda: classification(mlp(16, 32, 4), _with(batch(64, 16), math.nan)), where="inputs")
        yield Specimen("one infinite target", lambda: regression(mlp(16, 32, 1), targets=_with(batch(64, 1, seed=2), math.inf)), where="targets")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Finite numbers; NaN targets that the loss leaves out."""
        yield Specimen("finite data", lambda: classification(mlp(16, 32, 4)))
        yield Specimen("missing targets left out of the loss", _left_out)


def _with(tensor: torch.Tensor, value: float) -> torch.Tensor:
    tensor.view(-1)[3] = value
    return tensor


def _left_out() -> Case:
    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        known = torch.isfinite(targets)
        return (outputs[known] - targets[known]).square().mean()

    return Case(mlp(16, 32, 1), batch(64, 16), _with(batch(64, 1, seed=2), math.nan), loss)
