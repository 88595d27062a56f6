"""L118: a policy's loss whose baseline is not cut out of the graph."""

from collections.abc import Callable, Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import MOVED, Node, SignalGraph
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.pairing import REGRESSION, is_given, loss_ancestry, maker
from steadygrad.rules.rule import Rule, Specimen
from steadygrad.rules.specimens import batch, mlp

SQUARED = ("square", "pow", "__pow__", "abs")


class AttachedAdvantage(Rule):
    """A log-probability is multiplied by an error R − V through which the gradient flows on into V.

    The policy gradient −E[∇log π(a) · (R − V)] takes the advantage R − V as a number. Left in the graph, the same term also
    trains the value: it pushes V up wherever the action that was taken is unlikely, by log π(a) and without regard to the
    return, against the squared error (R − V)² that should fit V.

    Seen where one factor of a product in the loss is made of a log-softmax (or of logits minus their logsumexp) of the
    model, and the other is a difference from something given, to which the model's values get a gradient, and whose square
    is a term of the loss as well.

    Source: Mnih et al. 2016, arXiv:1602.01783, section 4 (gradients of policy and value are separate); Williams 1992, "REINFORCE" (the
    baseline does not depend on the action).
    """

    code = "L118"
    slug = "attached-advantage"
    title = "the policy's loss trains the value"
    priority = 18
    explains = ("lr-too-high", "lr-too-low", "loss-at-start", "loss-rewards-error")

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding, at the product."""
        graph, ancestry = evidence.graph, loss_ancestry(evidence)
        for node in graph.nodes:
            if node.index not in ancestry or node.op != "mul" or node.kind != "join" or len(node.inputs) != 2:
                continue
            for chance, other in (node.inputs, node.inputs[::-1]):
                error = _attached_error(evidence, other)
                if error is not None and _is_log_probability(graph, chance) and _is_fitted(graph, ancestry, error, other):
                    yield self._finding(evidence, node, error)
                    return

    def _finding(self, evidence: Evidence, node: Node, error: Node) -> Finding:
        return self.finding(
            "warning",
            "loss",
            "The log-probability of an action is multiplied by an error that still carries a gradient: the policy's term trains the value as well,"
            " against the squared error that is meant to.",
            evidence={"gradient_rms": evidence.gradients[error.index].moments.rms},
            advice="Take the advantage as a number in the policy's term.",
            snippet="advantage = returns - values\nloss = -(log_prob * advantage.detach()).mean() + 0.5 * advantage.square().mean()",
            node=node.index,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Actor and critic in one loss, from log_softmax and from logits and their logsumexp."""
        yield Specimen("advantage left in the graph", lambda: _agent(lambda a: a, torch.log_softmax), where="loss")
        yield Specimen("the same with mse_loss", lambda: _agent(lambda a: a, torch.log_softmax, nn.functional.mse_loss), where="loss")
        yield Specimen("the same by logsumexp", lambda: _agent(lambda a: a, lambda z, dim: z - z.logsumexp(dim, keepdim=True)), where="loss")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """The advantage detached; a cross-entropy with weights that are data; an entropy, whose factors share their logits."""
        yield Specimen("advantage detached", lambda: _agent(torch.Tensor.detach, torch.log_softmax))
        yield Specimen("weighted by data", lambda: Case(mlp(16, 32, 4), batch(64, 16), batch(64, 4, seed=2).softmax(1), _weighted))
        yield Specimen("entropy", lambda: Case(mlp(16, 32, 4), batch(64, 16), batch(64, 4, seed=2), _entropy))


def _is_log_probability(graph: SignalGraph, index: int) -> bool:
    """Whether a number is a log-softmax, or logits minus their logsumexp, perhaps picked, summed or with its sign turned."""
    node = maker(graph, index, (*MOVED, "pointwise", "pool"))
    if node.op in ("log_softmax", "special_log_softmax"):
        return True
    return node.op == "sub" and len(node.inputs) == 2 and maker(graph, node.inputs[1]).op == "logsumexp"


def _attached_error(evidence: Evidence, index: int) -> Node | None:
    """The difference of something given and something computed, with a gradient, that a number is; None when it is none."""
    graph = evidence.graph
    node = graph.nodes[index]
    while node.kind in MOVED and node.inputs and node.op != "detach":
        node = graph.nodes[node.inputs[0]]
    if node.op not in ("sub", "rsub") or len(node.inputs) != 2 or node.index not in evidence.gradients:
        return None
    return node if sum(is_given(maker(graph, i)) for i in node.inputs) == 1 else None


def _is_fitted(graph: SignalGraph, ancestry: set[int], error: Node, seen_as: int) -> bool:
    """Whether the loss squares that error, or compares the computed side of it with something by a loss of regression."""
    computed = next(made for i in error.inputs if not is_given(made := maker(graph, i)))
    for node in graph.nodes:
        if node.index in ancestry and node.op in SQUARED and {error.index, seen_as}.intersection(node.inputs):
            return True
        if node.index in ancestry and node.op in REGRESSION and any(maker(graph, i) is computed for i in node.inputs):
            return True
    return False


def _agent(
    cut: Callable[[torch.Tensor], torch.Tensor],
    log_softmax: Callable[[torch.Tensor, int], torch.Tensor],
    fit: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
) -> Case:
    def loss(outputs: torch.Tensor, played: torch.Tensor) -> torch.Tensor:
        chance = log_softmax(outputs[:, :4], 1).gather(1, played[:, :1].long())[:, 0]
        advantage = played[:, 1] - outputs[:, 4]
        return -(chance * cut(advantage)).mean() + (fit(outputs[:, 4], played[:, 1]) if fit else 0.5 * advantage.square().mean())

    played = torch.stack([torch.randint(0, 4, (64,), generator=torch.Generator().manual_seed(2)).float(), batch(64, seed=3)], 1)
    net: nn.Module = mlp(16, 32, 5)
    return Case(net, batch(64, 16), played, loss)


def _weighted(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return -(y * z.log_softmax(1)).sum(1).mean()


def _entropy(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    p = z.log_softmax(1)
    return (p * p.exp()).sum(1).mean() + (z - y).square().mean()
