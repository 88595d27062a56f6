"""S104: frozen weights strewn among trainable ones."""

import re
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Parameter
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding, Severity
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, classification, mlp
from steadygrad.rules.weights import Weighted, weighted


class FrozenAmongTrainable(Rule):
    """A weight has `requires_grad=False` while the same weight before and after it, or its own bias, is trained.

    What people freeze on purpose has a pattern: everything up to some depth, all bases under low-rank adapters, every
    router, a teacher, norms and tables, kernels that are given (grouped, with equal rows, or mostly zeros). A loop that
    unfreezes by name or by index and misses one has none. So a frozen weight counts only where frozen ones are the
    minority, in a series of the same weight in other blocks (names that differ in one number) of which one before and one
    after it trains; or where the bias of the same layer trains. A warning when part of a block is frozen, a note
    when it is the whole block or layer, which someone may have wanted.

    Source: PyTorch's "Autograd mechanics" (requires_grad); Houlsby et al. 2019, arXiv:1902.00751 and Hu et al. 2021,
    arXiv:2106.09685 for what is frozen on purpose.
    """

    code = "S104"
    slug = "frozen-among-trainable"
    title = "frozen weights among trained ones"
    priority = 26
    thresholds = {"share": Threshold(0.5, "frozen weights among all: where most are frozen, the trained ones are the choice")}

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one warning and one note, each at its first weight."""
        parameters, items = evidence.graph.parameters, _once(evidence)
        frozen = [i for i in items if not parameters[i.name].requires_grad]
        if not frozen or len(frozen) >= self.threshold("share") * len(items):
            return
        series = _series(items, parameters)
        strewn = [i for i in frozen if not _given(i) and (_between(i, series) or _bias_trains(i, parameters))]
        whole = [i for i in strewn if all(not p.requires_grad for p in _block(i, parameters))]
        part = [i for i in strewn if i not in whole]
        severities: tuple[tuple[list[Weighted], Severity], ...] = ((part, "warning"), (whole, "note"))
        yield from (self._finding(found, severity, parameters, len(items)) for found, severity in severities if found)

    def _finding(self, found: list[Weighted], severity: Severity, parameters: Mapping[str, Parameter], total: int) -> Finding:
        first = found[0]
        why = f"the rest of `{_prefix(first.name) or 'its layer'}` trains" if severity == "warning" else "the layers like it before and after train"
        more = f"; {len(found) - 1} more like it" if len(found) > 1 else ""
        return self.finding(
            severity,
            parameters[first.name].module,
            f"`{first.name}` has requires_grad=False although {why}{more}.",
            evidence={"frozen": [i.name for i in found[:50]], "count": len(found), "weights": total},
            advice="Unfreeze it if nobody meant it; optimizers skip it without a word.",
            snippet=f"model.get_parameter({first.name!r}).requires_grad_(True)",
            node=first.node.index,
            parameter=first.name,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """A weight without its bias, one layer of one block, and a whole layer."""
        yield Specimen("a weight whose bias trains", lambda: _frozen(lambda n: n == "2.weight"), where="2")
        yield Specimen("one layer of one block", lambda: _blocks(lambda n: n.startswith("3.2.")), where="3.2")
        yield Specimen("one whole layer", lambda: _frozen(lambda n: n.startswith("4.")), where="4")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """What is frozen on purpose."""
        yield Specimen("everything but the head", lambda: _frozen(lambda n: not n.startswith("8.")))
        yield Specimen("the first two layers", lambda: _frozen(lambda n: n[0] in "02"))
        yield Specimen("the last layer", lambda: _frozen(lambda n: n.startswith("8.")))
        yield Specimen("biases alone trained", lambda: _frozen(lambda n: n.endswith("weight")))
        yield Specimen("the same layer of every block", lambda: _blocks(lambda n: ".2." in n))
        yield Specimen("norms", lambda: _blocks(lambda n: ".3." in n))
        yield Specimen("low-rank adapters", lambda: classification(nn.Sequential(*(_Adapted() for _ in range(4)), mlp(16, 4))))
        yield Specimen("a blur between convolutions", _blur)


def _once(evidence: Evidence) -> list[Weighted]:
    """Each weight at its first use, in execution order; tables are none."""
    found: dict[str, Weighted] = {}
    for item in weighted(evidence):
        if item.node.op != "embedding":
            found.setdefault(item.name, item)
    return list(found.values())


def _given(item: Weighted) -> bool:
    """Whether the kernel looks made rather than drawn: one per channel, with equal rows, or mostly zeros."""
    value = item.reading.value
    rows = value.rows is not None and bool(value.rows.duplicate_groups)
    return item.node.options.get("groups", 1) != 1 or rows or value.moments.zero_share > 0.5


def _kinds(name: str) -> list[str]:
    """The name with one of its numbers left open, for each of them."""
    return [f"{name[: m.start()]}#{name[m.end() :]}" for m in re.finditer(r"\d+", name)]


def _series(items: list[Weighted], parameters: Mapping[str, Parameter]) -> dict[str, list[int]]:
    """Kind → op indices of the trained weights of that kind in order; kinds of one weight are left out."""
    found: dict[str, list[Weighted]] = {}
    for item in items:
        for kind in _kinds(item.name):
            found.setdefault(kind, []).append(item)
    return {kind: [i.node.index for i in same if parameters[i.name].requires_grad] for kind, same in found.items() if len(same) > 1}


def _between(item: Weighted, series: Mapping[str, list[int]]) -> bool:
    """Whether in a series of weights whose names differ in one number one trains before and one after it, and no series is all frozen."""
    mine = [series[kind] for kind in _kinds(item.name) if kind in series]
    return all(mine) and any(trained[0] < item.node.index < trained[-1] for trained in mine)


def _bias_trains(item: Weighted, parameters: Mapping[str, Parameter]) -> bool:
    biases = {name for use in item.node.uses if use.role == "bias" for name in use.parameters}
    return any(parameters[name].requires_grad and parameters[name].module == parameters[item.name].module for name in biases)


def _prefix(name: str) -> str:
    """The innermost numbered block: `blocks.3` of `blocks.3.mlp.fc1.weight`; the module itself without numbers."""
    parts = name.split(".")[:-1]
    numbers = [k for k, part in enumerate(parts) if part.isdigit()]
    inner = [k for k in numbers if k < len(parts) - 1]
    return ".".join(parts[: (inner or numbers or [len(parts) - 1])[-1] + 1])


def _block(item: Weighted, parameters: Mapping[str, Parameter]) -> list[Parameter]:
    prefix = _prefix(item.name)
    return [p for name, p in parameters.items() if name.startswith(prefix + ".")]


def _freeze(net: nn.Module, chosen: Callable[[str], bool]) -> nn.Module:
    for name, parameter in net.named_parameters():
        parameter.requires_grad_(not chosen(name))
    return net


def _frozen(chosen: Callable[[str], bool]) -> Case:
    return classification(_freeze(mlp(16, 32, 32, 32, 32, 4), chosen))


def _blocks(chosen: Callable[[str], bool]) -> Case:
    blocks = (nn.Sequential(mlp(16, 32, seed=i)[0], nn.ReLU(), mlp(32, 16, seed=i + 9)[0], nn.LayerNorm(16), nn.ReLU()) for i in range(6))
    return classification(_freeze(nn.Sequential(*blocks, mlp(16, 4)), chosen))


def _blur() -> Case:
    blur = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False).requires_grad_(False)
    nn.init.constant_(blur.weight, 1.0 / 9.0)
    net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), blur, nn.Conv2d(8, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(128, 4))
    return classification(net, batch(64, 1, 8, 8))


class _Adapted(nn.Module):
    """A frozen layer with a trained low-rank update that begins at zero."""

    def __init__(self) -> None:
        super().__init__()
        self.base, self.down, self.up = mlp(16, 16)[0].requires_grad_(False), nn.Linear(16, 2, bias=False), nn.Linear(2, 16, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.base(x) + self.up(self.down(x)))
