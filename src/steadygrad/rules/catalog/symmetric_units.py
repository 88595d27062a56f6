"""I101: units that start equal and can never become different."""

from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import classification, mlp
from steadygrad.rules.weights import Weighted, weighted


class SymmetricUnits(Rule):
    """Hidden units with bit-identical weights *and* equal gradients: they stay copies of each other for ever.

    If rows i and j of a weight are equal and their gradients are equal, then w_i − w_j = 0 is preserved by every
    deterministic update, so the layer acts as if it had one unit per distinct row, however wide it is. Typical
    sources: constant initialization, all zeros, copying a row. Dropout between the units and the next weight makes
    the gradients differ and breaks the tie; dropout on the input does not.

    Silent where equality is harmless: the last layer of a model (softmax regression from zeros is convex and trains),
    zero-initialized ends of residual branches, LoRA's B, sub-pixel (ICNR) kernels – their gradients differ. A few units of
    different biases are no copies even while their gradients agree: of two offsets that a deformable attention reads from
    one cell of a grid, interpolated linearly, each leaves the cell at another time. Units of a depthwise convolution read
    a channel each: equal weights, of one entry even by chance, make no copies of them.

    Source: Goodfellow et al. 2016, section 8.4; the chapter "Numerical Stability and Initialization", 4.8.1.3.
    """

    code = "I101"
    slug = "symmetric-units"
    title = "hidden units that are copies of each other"
    priority = 30
    explains = (
        "vanishing-gradient", "no-gradient", "output-constant", "signal-drift", "weight-scale", "correlation-collapse",
        "layer-out-of-line", "loss-at-start", "exploding-gradient", "dead-units", "saturation", "lr-too-low", "zero-weights",
        "lr-too-high", "epsilon",
    )  # fmt: skip
    thresholds = {"share": Threshold(0.5, "half of the layer's units are lost; fewer copies are a warning")}

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """First layer with copies first."""
        seen: set[str] = set()
        for item in weighted(evidence):
            copies = item.reading.equal_gradients
            if not copies or item.name in seen or item.node.index not in evidence.graph.feeds_weights:
                continue
            if self._will_wake(evidence, item) or _read_apart(item):
                continue
            seen.add(item.name)
            yield self._finding(item, copies)

    def _will_wake(self, evidence: Evidence, item: Weighted) -> bool:
        """Zero gradients that a zero-initialized weight or gain further on causes; it moves first, and then these do."""
        gradient = item.reading.gradient
        return gradient is not None and gradient.moments.absmax == 0.0 and _zero_moves(evidence, item)

    def _finding(self, item: Weighted, copies: int) -> Finding:
        rows = item.reading.value.rows
        units = rows.rows if rows is not None else copies + 1
        constant = rows is not None and rows.all_equal and copies == units - 1  # of equal rows some may get gradients of their own
        share = copies / units
        value = item.reading.value.moments.mean
        how = f"all {units} units start from the same constant ({value:g})" if constant else f"{copies} of {units} units repeat another unit"
        return self.finding(
            "error" if share >= self.threshold("share") else "warning",
            item.node.where,
            f"`{item.name}`: {how} and get the same gradient, so they can never differ; the layer works as if it had {units - copies}.",
            evidence={"units": units, "distinct": units - copies, "constant": constant, "value": value},
            advice="Draw the weights at random; the bias may stay constant.",
            snippet=f"torch.nn.init.xavier_normal_(model.get_parameter({item.name!r}))",
            node=item.node.index,
            parameter=item.name,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Constant, zero and duplicated weights in hidden layers."""
        yield Specimen("hidden layers filled with 0.5", lambda: _filled(0.5), where="0")
        yield Specimen("hidden layers filled with zeros", lambda: _filled(0.0), where="0")
        yield Specimen("one row copied into half of the layer", _copied, where="0")
        yield Specimen("offsets from zeros, two of which also start at one place", lambda: _offsets(0.2, 0.2), where="places")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Softmax regression from zeros; offsets from zeros of which some do not matter yet; a zero-initialized residual branch."""
        yield Specimen("units from zeros, two of which this batch does not move", lambda: _offsets(-9.0, 9.0, apart=True))
        yield Specimen("units from zeros at two places where the grid has one slope", lambda: _offsets(0.2, 0.5))
        yield Specimen("softmax regression from zeros (convex)", _regression)
        yield Specimen("two equal weights of a depthwise convolution, which do not move yet", _depthwise)
        yield Specimen("zero-initialized end of a residual branch", _residual)


def _read_apart(item: Weighted) -> bool:
    """Whether each unit has inputs of its own, as in a depthwise convolution."""
    rows = item.reading.value.rows
    return rows is not None and item.node.options.get("groups", 1) == rows.rows


def _zero_moves(evidence: Evidence, item: Weighted) -> bool:
    """Whether some zero parameter after this node has a gradient that is not zero."""
    for node in evidence.graph.nodes[item.node.index + 1 :]:
        for use in node.uses:
            reading = evidence.parameters.get(use.parameters[0])
            zero = reading is not None and use.role in ("scale", "weight") and reading.value.moments.absmax == 0.0
            if zero and reading.gradient is not None and reading.gradient.moments.absmax > 0.0:
                return True
    return False


def _filled(value: float) -> Case:
    net = mlp(16, 32, 32, 4, activation=nn.Tanh)
    for layer in net:
        if isinstance(layer, nn.Linear):
            nn.init.constant_(layer.weight, value)
    return classification(net)


def _copied() -> Case:
    net = mlp(16, 32, 32, 4)
    with torch.no_grad():
        net[0].weight[:17] = net[0].weight[0]
        net[0].bias[:17] = 0.0
        net[2].weight[:, :17] = net[2].weight[:, :1]
    return classification(net)


def _regression() -> Case:
    net = nn.Sequential(nn.Linear(16, 4))
    nn.init.zeros_(net[0].weight)
    return classification(net)


def _depthwise() -> Case:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Unflatten(1, (1, 4, 4)), nn.Conv2d(1, 8, 3), nn.Conv2d(8, 8, 1, groups=8), nn.ReLU(), nn.Flatten(), nn.Linear(32, 4))
    with torch.no_grad():
        net[2].weight[1] = net[2].weight[0]
        net[5].weight[:, :8] = 0.0  # neither moves yet
    return classification(net)


class _Offsets(nn.Module):
    """Reads at places of its own, eight to begin with, what is as steep everywhere between -1 and 1 and constant beyond."""

    def __init__(self, first: float, second: float, apart: bool) -> None:
        super().__init__()
        self.stem, self.places, self.head = nn.Linear(16, 16), nn.Linear(16, 8), nn.Linear(8, 4)
        self.start = nn.Parameter(torch.tensor([first, second, -0.7, -0.4, -0.1, 0.3, 0.6, 0.8]))
        nn.init.zeros_(self.places.bias)
        if not apart:  # the start is the bias
            self.places.bias, self.start = self.start, None
        nn.init.zeros_(self.places.weight)
        with torch.no_grad():
            self.head.weight[:, 1] = self.head.weight[:, 0]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        places = self.places(self.stem(x))
        return self.head((places if self.start is None else places + self.start).clamp(-1.0, 1.0))


def _offsets(first: float, second: float, apart: bool = False) -> Case:
    torch.manual_seed(0)
    return classification(_Offsets(first, second, apart))


class _Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.inner, self.last, self.head = (nn.Linear(16, 16), nn.Linear(16, 16), nn.Linear(16, 16), nn.Linear(16, 4))
        nn.init.zeros_(self.last.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        return self.head(x + self.last(torch.relu(self.inner(x))))


def _residual() -> Case:
    torch.manual_seed(0)
    return classification(_Residual())
