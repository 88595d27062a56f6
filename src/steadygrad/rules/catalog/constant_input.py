"""D103: inputs that tell samples apart by nothing."""

from collections.abc import Iterator

import torch

from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, classification, mlp


class ConstantInput(Rule):
    """Every sample of the batch is the same, or most features never change.

    f(x) is one value when x is: the best a network can do with identical samples is to predict the mean target, and the
    gradient with respect to its weights is that of one sample. A feature that is constant carries nothing; its weights
    act as a second bias.

    An error when all of the batch is identical while the targets differ (or none were given), a note when most features
    are constant.

    Source: data processing inequality, I(f(x); y) ≤ I(x; y) = 0 (Cover & Thomas, 2.8).
    """

    code = "D103"
    slug = "constant-input"
    title = "samples that do not differ"
    priority = 1
    needs_data = True
    explains = (
        "output-constant", "correlation-collapse", "input-scale", "correlated-inputs", "dead-units", "symmetric-units", "no-gradient",
        "vanishing-gradient", "saturation", "signal-drift", "lr-too-high", "exploding-gradient", "loss-at-start", "layer-out-of-line",
        "norm-in-eval", "train-eval-gap", "one-value-per-channel", "nonfinite-forward", "nonfinite-backward", "epsilon",
    )  # fmt: skip
    thresholds = {"features": Threshold(0.5, "share of constant features worth a note: more than half of the first layer's weights are idle")}

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """The batch as a whole, then each tensor's features."""
        probed = evidence.experiments.get("batch", {})
        known = [probed[facts.name] for facts in evidence.inputs if facts.name in probed]
        if known and len(known) == len(evidence.inputs) and all(tensor.identical for tensor in known):
            yield self._identical(evidence)
            return
        for facts in evidence.inputs:
            if facts.features > 1 and facts.constant_features > self.threshold("features") * facts.features:
                yield self.finding(
                    "note",
                    "inputs",
                    f"{facts.constant_features} of {facts.features} features of `{facts.name}` are constant over this batch.",
                    evidence={"tensor": facts.name, "constant": facts.constant_features, "features": facts.features},
                    advice="Harmless for border pixels; otherwise look at how these features are made, or drop them.",
                )

    def _identical(self, evidence: Evidence) -> Finding:
        first = evidence.inputs[0]
        value = f", all {first.minimum:g}" if first.minimum is not None and first.minimum == first.maximum else ""
        targets = [evidence.experiments["batch"].get(facts.name) for facts in evidence.targets]
        learnable = bool(targets) and all(t is not None and t.identical for t in targets)
        return self.finding(
            "warning" if learnable else "error",
            "inputs",
            f"All {first.shape[0]} samples of the batch are identical{value}: nothing in the inputs says which target belongs to which sample.",
            evidence={"samples": first.shape[0], "minimum": first.minimum, "maximum": first.maximum},
            advice="Pass a real batch; if this is one, look at loading and preprocessing (a division that rounds to zero, one file read again and again).",
            snippet="inputs, targets = next(iter(train_loader)); print(inputs.std(0).mean())",
            node=next((n.index for n in evidence.graph.nodes if n.op == "input"), None),
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """All zeros; one sample repeated."""
        yield Specimen("all zeros", lambda: classification(mlp(16, 32, 4), torch.zeros(64, 16)), where="inputs")
        yield Specimen("one sample 64 times", lambda: classification(mlp(16, 32, 4), batch(1, 16).repeat(64, 1)), where="inputs")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Samples that differ; a batch of one."""
        yield Specimen("two different samples", lambda: classification(mlp(16, 32, 4), batch(2, 16).repeat(32, 1)))
        yield Specimen("a batch of one", lambda: classification(mlp(16, 32, 4), batch(1, 16)))
