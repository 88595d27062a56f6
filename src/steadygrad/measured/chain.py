"""A network as a chain of Jacobians: one per layer between two places through which the whole signal passes."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from steadygrad.errors import InputError, ModelError
from steadygrad.graph.nested import named_tensors
from steadygrad.graph.ops import Call
from steadygrad.graph.signal_graph import Node, SignalGraph
from steadygrad.graph.trace import trace
from steadygrad.graph.transaction import transaction
from steadygrad.graph.waists import blocks, waists
from steadygrad.graph.wrappers import canonical, unwrap
from steadygrad.measured.links import Diagonal, Link, Live, Matrix
from steadygrad.measured.log_product import LogMatrix, log_singular_values, rescaled
from steadygrad.measured.singular import Probed, SingularValues, probed
from steadygrad.probes.experiments.rebuild import mapped

LARGEST = 1 << 26
"""Entries of a Jacobian that is still written out (256 MiB in float32)."""


@dataclass(frozen=True)
class Layer:
    """The Jacobian of one stretch with one affine op. `where` is its module; `input` the signal that enters, flat."""

    where: str
    links: tuple[Link, ...]
    input: torch.Tensor

    @property
    def outputs(self) -> int:
        """Rows of the Jacobian."""
        return self.links[-1].outputs

    @property
    def inputs(self) -> int:
        """Columns of the Jacobian."""
        return self.links[0].inputs

    def matrix(self) -> torch.Tensor:
        """(outputs, inputs), in the dtype of the signal. For Linear and an elementwise φ it is φ′ ⊙ W: no backward pass at all.

        Raises:
            InputError: more than 2²⁶ entries.
        """
        if self.outputs * self.inputs > LARGEST:
            raise InputError(f"the Jacobian of `{self.where}` must have at most 2^26 entries to be written out, got {self.outputs} × {self.inputs}; "
                "`.probe()` knows its mean and largest singular value without")  # fmt: skip
        made = self.links[0].matrix()
        for link in self.links[1:]:
            made = link.after(made)
        return made

    def singular_values(self) -> SingularValues:
        """All of them: a float64 Jacobian by SVD, others by the eigenvalues of J·Jᵀ in float64, which are exact to float32 and cost less.

        What lies below √(n·2⁻⁵²) of the largest (3e-7 at n = 512), where rounding of a float32 Jacobian alone would put it, is 0.
        """
        matrix = self.matrix()
        if matrix.dtype == torch.float64:
            return SingularValues(torch.linalg.svdvals(matrix).log(), self.outputs, self.inputs)
        wide = matrix.double() if self.outputs <= self.inputs else matrix.double().T
        squares = torch.linalg.eigvalsh(wide @ wide.T).flip(0)
        squares = squares.where(squares > len(squares) * torch.finfo(torch.float64).eps * squares[0], 0.0)
        return SingularValues(0.5 * squares.log(), self.outputs, self.inputs)

    def probe(self, *, probes: int = 8, steps: int = 6, seed: int = 0) -> Probed:
        """Mean square and largest singular value from random probes."""
        return probed([self.links], probes=probes, steps=steps, seed=seed)


@dataclass(frozen=True)
class JacobianChain:
    """All layers, in the order in which the signal passes them; their product is the Jacobian from the first waist to the output."""

    layers: tuple[Layer, ...]

    def singular_values(self, *, tolerance: float = 1e-9) -> SingularValues:
        """All of the whole product, as logarithms: no depth is too large for them. See `log_singular_values`."""
        logs = log_singular_values([layer.matrix() for layer in self.layers], tolerance=tolerance)
        return SingularValues(logs, self.layers[-1].outputs, self.layers[0].inputs)

    def probe(self, *, probes: int = 8, steps: int = 6, seed: int = 0) -> Probed:
        """Mean square and largest singular value of the whole product, from random probes."""
        return probed([layer.links for layer in self.layers], probes=probes, steps=steps, seed=seed)

    def gradients(self, cotangent: torch.Tensor) -> list[LogMatrix]:
        """Jᵀ_k ⋯ Jᵀ_L g at the input of every layer k, first layer first; (inputs, 1) columns beside powers of two.

        Args:
            cotangent: gradient of the loss at the output, as many entries as the last layer has outputs.

        Raises:
            InputError: another number of entries.
        """
        return self._back(cotangent)[0]

    def weight_gradients(self, cotangent: torch.Tensor) -> dict[str, LogMatrix]:
        """∂loss/∂W = (Dᵀ Jᵀ_{k+1} ⋯ Jᵀ_L g) ⊗ h_{k−1} of every weight that a Linear applied to the sample, by parameter name.

        It is what autograd calls `weight.grad` for this sample alone, where the weight is used once.
        """
        return self._back(cotangent)[1]

    def _back(self, cotangent: torch.Tensor) -> tuple[list[LogMatrix], dict[str, LogMatrix]]:
        if cotangent.numel() != self.layers[-1].outputs:
            raise InputError(
                f"`cotangent` must have {self.layers[-1].outputs} entries, one for each output of the chain, got the shape {tuple(cotangent.shape)}"
            )
        at = rescaled(cotangent.reshape(-1, 1))
        flowing, weights = [], {}
        for layer in reversed(self.layers):
            for k in reversed(range(len(layer.links))):
                link = layer.links[k]
                if isinstance(link, Matrix) and link.parameter and k == 0:
                    weights[link.parameter] = rescaled(at.mantissa * layer.input, at.exponent)
                at = rescaled(link.backward(at.mantissa), at.exponent)
            flowing.append(at)
        return flowing[::-1], weights


def jacobian_chain(model: nn.Module, inputs: Any, *, sample: int | None = 0) -> JacobianChain:
    """Cut the network at its waists and take the Jacobian of what lies between, at one sample.

    One forward pass, one backward pass over every activation. The model is left as it was. A residual block is one layer; so is whatever
    has no waist inside.

    Args:
        model: in the mode to measure it in.
        inputs: as for `check`; floating inputs, or tokens, whose embeddings are then the start.
        sample: index along dimension 0 of every signal. The derivative of that sample's output by the same sample's input: where samples
            meet (batch norm in train mode) the other samples' part is left out. None for the whole batch as one vector.

    Raises:
        InputError: `sample` outside the batch.
        ModelError: the forward raised, or there are no two waists between which something can be differentiated.

    Example:
        >>> net = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 2))
        >>> [layer.where for layer in jacobian_chain(net, torch.randn(1, 3)).layers]
        ['0', '2']
    """
    batch = next((t.shape[0] for _, t in named_tensors(inputs) if t.ndim), 1)
    if sample is not None and not 0 <= sample < batch:
        raise InputError(f"`sample` must be in 0 … {batch - 1}, an index into the batch, or None for all of it, got {sample!r}")
    with transaction(model, inputs=inputs), sdpa_kernel(SDPBackend.MATH):
        keeper = _Keeper()
        asked: Any = _mapped(inputs)
        graph = trace(model, asked, observer=keeper).graph
        for (_, tensor), node in zip(named_tensors(asked, "inputs"), graph.nodes, strict=False):
            keeper.kept[node.index] = tensor
        weights = {canonical(name): p.detach() for name, p in unwrap(model)[0].named_parameters(remove_duplicate=False)}
        layers = _layers(graph, keeper.kept, weights, sample, batch)
    if not layers:
        raise ModelError("the model must have two places through which the whole signal passes, with a weight between them, got none: "
            "skip connections around everything, or an output that does not depend on its input")  # fmt: skip
    return JacobianChain(tuple(layers))


@dataclass
class _Keeper:
    """An observer that keeps every signal."""

    kept: dict[int, torch.Tensor] = field(default_factory=dict)

    def produced(self, node: Node, tensor: torch.Tensor, call: Call) -> None:
        """Keep it."""
        self.kept[node.index] = tensor

    def consumed(self, index: int, tensor: torch.Tensor) -> None:
        """Custom autograd functions are differentiable only once they have returned: keep what is read."""
        self.kept[index] = tensor


def _mapped(inputs: Any) -> Any:
    made = mapped(inputs, lambda t: t.detach().requires_grad_(True).clone() if t.is_floating_point() else t)
    return inputs if made is None else made


def _layers(graph: SignalGraph, kept: dict[int, torch.Tensor], weights: dict[str, torch.Tensor], sample: int | None, batch: int) -> list[Layer]:
    found = blocks(graph)
    cuts = [i for i in waists(graph) if i in kept and kept[i].requires_grad and (sample is None or (kept[i].ndim and kept[i].shape[0] == batch))]
    cuts = _distinct(graph, kept, cuts)
    layers: list[Layer] = []
    pending: list[int] = []
    names: list[str] = []
    for block in found:
        inside = [i for i in cuts if block.start <= i <= block.end]
        pending = list(dict.fromkeys([*pending, *inside]))
        names.append(block.where)
        if len(pending) < 2 or (kept[pending[-1]] is not kept.get(block.end) and block is not found[-1]):
            continue  # overwritten in place, or reshaped across samples, at its end: one with the next block
        links = tuple(_link(graph, kept, weights, a, b, sample) for a, b in zip(pending, pending[1:], strict=False))
        start = kept[pending[0]].detach()
        layers.append(Layer(" + ".join(dict.fromkeys(names)), links, (start if sample is None else start[sample]).flatten()))
        pending, names = [pending[-1]], []
    return layers


def _distinct(graph: SignalGraph, kept: dict[int, torch.Tensor], cuts: list[int]) -> list[int]:
    """Of ops that hand on the same tensor the last that wrote to it; those that only pass it (dropout in eval mode) are no link."""
    made: list[int] = []
    for index in cuts:
        if made and kept[made[-1]] is kept[index]:
            if graph.nodes[index].in_place:
                made[-1] = index
        else:
            made.append(index)
    return made


def _link(graph: SignalGraph, kept: dict[int, torch.Tensor], weights: dict[str, torch.Tensor], start: int, end: int, sample: int | None) -> Link:
    node, x, y = graph.nodes[end], kept[start], kept[end]
    alone = len(node.inputs) == 1 and kept.get(node.inputs[0]) is x
    used = [u for u in node.uses if u.role == "weight"]
    if alone and node.op == "linear" and len(used) == 1 and not used[0].derived and x.ndim == 2 and sample is not None:
        name = used[0].parameters[0]
        if name in weights and tuple(weights[name].shape) == (y.shape[-1], x.shape[-1]) and weights[name].dtype == y.dtype:
            return Matrix(weights[name], name)
    if alone and node.kind == "activation" and node.op not in ("glu", "softmax") and not node.uses and x.shape == y.shape and x.dtype == y.dtype:
        (slopes,) = torch.autograd.grad(y, x, torch.ones_like(y), retain_graph=True)
        return Diagonal((slopes if sample is None else slopes[sample]).detach().flatten())
    return Live(x, y, sample)


def log_ratio(chain: JacobianChain, cotangent: torch.Tensor) -> list[float]:
    """log₁₀ ‖gradient at the input of layer k‖ over ‖cotangent‖, first layer first: positive explodes, negative vanishes."""
    norm = math.log(float(cotangent.double().norm()))
    return [(g.log_norm - norm) / math.log(10.0) for g in chain.gradients(cotangent)]
