"""B106: running statistics that never move, or that forget all but the last batch."""

from collections.abc import Iterator
from typing import Any

from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen
from steadygrad.rules.running_statistics import untouched
from steadygrad.rules.specimens import classification, mlp


class BnMomentum(Rule):
    """A batch normalization with momentum 0 or 1.

    r ← (1 − m) r + m·batch. In PyTorch m is the weight of the *new* batch. With m = 0 the running statistics stay at mean
    0 and variance 1, and the trained network evaluates with those. With m = 1 they are those of the last batch: the
    evaluation depends on what that happened to be. (TensorFlow's momentum is 1 − m: its 0.99 is 0.01 here.) `None` is a
    cumulative average and fine; m = 0 on top of trained statistics is a way to freeze them and not reported.

    Source: Ioffe & Szegedy 2015, arXiv:1502.03167, algorithm 2; `torch.nn.BatchNorm2d`, on momentum.
    """

    code = "B106"
    slug = "bn-momentum"
    title = "batch norm momentum of 0 or 1"
    priority = 72
    explains = ("train-eval-gap",)

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """One finding per value of the momentum."""
        found: dict[float, list[Any]] = {}
        for node in evidence.graph.nodes:
            momentum = evidence.modules.get(node.where, {}).get("momentum")
            if node.op != "batch_norm" or not node.options.get("training") or isinstance(momentum, bool | None | str):
                continue
            # track_running_stats=False has no statistics to move
            tracked = f"{node.where}.running_mean".lstrip(".") in evidence.buffers
            if tracked and (momentum == 1.0 or (momentum == 0.0 and untouched(evidence, node.where))):
                found.setdefault(float(momentum), []).append(node)
        for momentum, nodes in found.items():
            yield self._finding(momentum, nodes)

    def _finding(self, momentum: float, nodes: list[Any]) -> Finding:
        places = list(dict.fromkeys(n.where for n in nodes))
        effect = "running statistics are those of the last batch only" if momentum else "running statistics stay at mean 0 and variance 1 for ever"
        return self.finding(
            "warning",
            places[0],
            f"{len(places)} batch norm{'s' * (len(places) > 1)} ha{'ve' if len(places) > 1 else 's'} momentum {momentum:g}, `{places[0]}` first: {effect}.",
            evidence={"momentum": momentum, "modules": places[:50], "count": len(places)},
            advice="PyTorch's momentum is the weight of the new batch: 0.1 is the default, 0.01 for noisy batches, None for a plain average.",
            snippet=f"model.get_submodule({places[0]!r}).momentum = 0.1",
            node=nodes[0].index,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Both ends."""
        yield Specimen("momentum 0", lambda: _with_momentum(0.0), where="1")
        yield Specimen("momentum 1", lambda: _with_momentum(1.0), where="1")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """A small momentum; a cumulative average."""
        yield Specimen("momentum 0.01", lambda: _with_momentum(0.01))
        yield Specimen("cumulative average", lambda: _with_momentum(None))


def _with_momentum(momentum: float | None) -> Case:
    net = mlp(16, 32, 4)
    return classification(nn.Sequential(net[0], nn.BatchNorm1d(32, momentum=momentum), *net[1:]))
