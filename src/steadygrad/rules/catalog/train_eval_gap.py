"""B105: evaluation computes something else than training."""

from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments.mode_gap import ModeGap, NormGap
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, classification, mlp


class TrainEvalGap(Rule):
    """The running statistics of batch norms are not those of the data, so eval mode computes another function.

    The same batch goes through the model in both modes. In eval mode a batch norm's output is (σ_B/σ_r)·ẑ + (μ_B − μ_r)/σ_r,
    ẑ being its training output; its distance from ẑ, in standard deviations of the smaller of the two, is read in every layer. Fresh statistics
    (mean 0, variance 1) are far off and normal. A distance above 1 – the difference is larger than the signal –
    although the initial values are forgotten is a warning: training data of another scale, a batch norm shared by different data,
    a momentum too small for how fast the weights move, statistics of another checkpoint. It is the error when besides the
    loss in eval mode is worse than knowing nothing while in train mode it is better. Weights that are trained while the
    statistics are fresh are a warning, too. Dropout makes a gap on purpose and is only reported. Full depth only.

    Source: Ioffe & Szegedy 2015, arXiv:1502.03167, section 3.1; Wu & Johnson 2021, arXiv:2105.07576, "Rethinking Batch in BatchNorm".
    """

    code = "B105"
    slug = "train-eval-gap"
    title = "running statistics that are not those of the data"
    priority = 72
    needs_data = True
    thresholds = {
        "distance": Threshold(1.0, "rms difference between both modes' outputs in standard deviations: larger than the signal"),
        "noise": Threshold(4.0, "multiples of the sampling noise √(3/2m) of m values per channel that are added to it"),
        "settled": Threshold(0.99, "share of the initial statistics that must be forgotten: 44 batches at momentum 0.1"),
        "loss": Threshold(2.0, "loss in eval mode over that in train mode, where the statistics are fresh"),
        "trained": Threshold(0.5, "train loss over that of knowing nothing: below, the weights have been trained"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding, at the first such norm; needs full depth and data that somebody gave."""
        gap = evidence.experiments.get("mode-gap")
        if not isinstance(gap, ModeGap):
            return
        chance = evidence.loss.expected if evidence.loss is not None else None
        far = [n for n in gap.norms if n.distance > self.threshold("distance") + self.threshold("noise") * n.noise]
        settled = [n for n in far if n.settled >= self.threshold("settled")]
        trained = chance is not None and gap.train_loss is not None and gap.train_loss < self.threshold("trained") * chance
        if settled:
            lost = trained and gap.eval_loss is not None and chance is not None and not gap.eval_loss < chance
            yield self._finding(evidence, "error" if lost else "warning", gap, settled, chance)
        elif far and trained and gap.eval_loss is not None and gap.train_loss is not None and not gap.eval_loss < self.threshold("loss") * gap.train_loss:
            yield self._finding(evidence, "warning", gap, far, chance)

    def _finding(self, evidence: Evidence, severity, gap: ModeGap, far: list[NormGap], chance: float | None) -> Finding:
        first = far[0]
        losses = f"; the loss is {gap.train_loss:.3g} in train and {gap.eval_loss:.3g} in eval mode" if gap.train_loss is not None and gap.eval_loss is not None else ""
        why = "have settled, on other data than this batch" if first.settled >= self.threshold("settled") else "are still those of a fresh model, while its weights are trained"
        node = next((n.index for n in evidence.graph.nodes if n.where == first.where and n.kind == "norm"), None)
        return self.finding(
            severity,
            first.where,
            f"In eval mode `{first.where}` is {first.distance:.2g} standard deviations from its training output ({len(far)} of {len(gap.norms)} batch norms): its running statistics {why}{losses}.",
            evidence={
                "distance": first.distance, "shift": first.shift, "ratio": first.ratio, "modules": [n.where for n in far[:50]],
                "train_loss": gap.train_loss, "eval_loss": gap.eval_loss, "chance": chance, "output_difference": gap.difference,
            },
            advice="Estimate the statistics again on training data as it is fed in evaluation, and see that training and evaluation preprocess alike.",
            snippet="for m in model.modules():\n    if isinstance(m, torch.nn.modules.batchnorm._BatchNorm):\n        m.reset_running_stats(); m.momentum = None\nmodel.train()\nwith torch.no_grad():\n    for x, _ in loader:\n        model(x)",
            node=node,
        )  # fmt: skip

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """A trained model whose statistics come from other data; one whose statistics were not saved."""
        yield Specimen("statistics of data 100 times larger", lambda: trained("elsewhere"), where="1", settings={"depth": "full"})
        yield Specimen("statistics of data with another mean", lambda: trained("shifted"), where="1", settings={"depth": "full"})
        yield Specimen("trained weights, fresh statistics", lambda: trained("fresh"), where="1", settings={"depth": "full"})

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """The same model with its own statistics; an untrained one."""
        yield Specimen("a trained model with its own statistics", lambda: trained("own"), settings={"depth": "full"})
        yield Specimen("an untrained model with batch norm and dropout", lambda: trained("never"), settings={"depth": "full"})


def trained(statistics: str) -> Case:
    """A batch-normalized classifier trained for 60 steps on its batch (inputs of mean 2, standard deviation 3)."""
    inner = mlp(16, 32, 4)
    net = nn.Sequential(inner[0], nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.1), inner[2])
    case = classification(net, 2.0 + 3.0 * batch(64, 16))
    if statistics == "never":
        return case
    with torch.random.fork_rng(), torch.enable_grad():
        torch.manual_seed(0)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        for _ in range(60):
            optimizer.zero_grad()
            case.loss_fn(net(case.inputs), case.targets).backward()
            optimizer.step()
        optimizer.zero_grad()
        if statistics == "fresh":
            net[1].reset_running_stats()
        with torch.no_grad():
            for _ in range(60 if statistics in ("elsewhere", "shifted") else 0):
                x = net[0](case.inputs)
                net[1](100.0 * x if statistics == "elsewhere" else x + 10.0 * x.std(0))
    return case
