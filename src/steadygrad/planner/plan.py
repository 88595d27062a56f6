"""`plan`: what every parameter of a model should be drawn from, and why; look before you leap."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from steadygrad.graph.lazy import has_lazy, materialise_
from steadygrad.graph.signal_graph import SignalGraph
from steadygrad.planner import application, rates, stream, text, verification
from steadygrad.planner.choices import Choice
from steadygrad.planner.compose import compose
from steadygrad.planner.row import Layer, Row
from steadygrad.planner.verification import Verification


@dataclass(frozen=True)
class Plan:
    """What each parameter and buffer gets; nothing has been written.

    Attributes:
        rows: one for every parameter and buffer, in the model's order.
        layers: predicted second moments of signals and gradients, in execution order; empty without inputs to trace with.
        uncovered: name → why the plan leaves it as it is although it would matter.
        notes: what else to know: gains that are exact but unstable, ops that were measured because theory does not know them.
        seed: of all draws.
        scheme: what was asked for.
    """

    rows: tuple[Row, ...]
    layers: tuple[Layer, ...] = ()
    uncovered: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seed: int = 0
    scheme: str = "auto"
    graph: SignalGraph | None = field(default=None, repr=False, compare=False)

    def apply_(self, model: nn.Module, device: torch.device | str | None = None) -> "Plan":
        """Draw every tensor of the plan in place; a tensor's numbers depend on the seed and its name alone.

        Args:
            model: the one the plan was made for, or one of the same names and shapes.
            device: where tensors on the meta device get their memory; models built elsewhere need none.

        Raises:
            InputError: another model, tensors on meta without a `device`, or tensors on meta that the plan keeps; then nothing was written.
        """
        application.apply_(self, model, device)
        return self

    def write(self, model: nn.Module, path: str | Path, progress: Callable[[str, int, int], None] | None = None) -> Path:
        """Draw into a safetensors file instead, one tensor at a time; see `planner.stream.write_weights`."""
        return stream.write_weights(self, model, path, progress)

    def verify(self, model: nn.Module, inputs: Any, targets: Any = None, loss_fn: Any = None) -> Verification:
        """Run the model once, as `check` does, and set what is seen beside what was predicted; changes nothing.

        Raises:
            InputError: the plan was made without inputs, so that there is nothing to compare with; or for another model.
        """
        return verification.verify(self, model, inputs, targets, loss_fn)

    def groups(self, model: nn.Module, lr: float, *, base: "Plan", optimizer: str = "adam") -> list[dict[str, Any]]:
        """Parameter groups for an optimizer, with the learning rates at which a width behaves as the base does; see `planner.rates.factors`.

        Args:
            model: the one the plan was made for.
            lr: what was found to be right for the narrow model.
            base: a plan of that narrow model.
            optimizer: "adam" for all that normalize their steps, or "sgd".

        Raises:
            InputError: a rate that is not positive, a base of another model, an unknown kind of optimizer.

        Example:
            >>> import torch, steadygrad as sg
            >>> net = lambda width: torch.nn.Sequential(torch.nn.Linear(8, width), torch.nn.ReLU(), torch.nn.Linear(width, 2))
            >>> wide, narrow = net(256), sg.plan(net(64), torch.ones(2, 8), scheme="mup")
            >>> [group["lr"] for group in sg.plan(wide, torch.ones(2, 8), scheme="mup").groups(wide, 0.01, base=narrow)]
            [0.0025, 0.01]
        """
        return rates.groups(self, model, lr, base, optimizer)

    def row(self, name: str) -> Row:
        """The row of one parameter or buffer.

        Raises:
            KeyError: there is none of this name.
        """
        return next(row for row in self.rows if row.name == name or name in row.names)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "scheme": self.scheme, "seed": self.seed, "rows": [row.to_dict() for row in self.rows],
            "layers": [{"where": layer.where, "kind": layer.kind, "q": layer.q, "gradient": layer.gradient} for layer in self.layers],
            "uncovered": dict(self.uncovered), "notes": list(self.notes),
        }  # fmt: skip

    def to_json(self, path: str | Path | None = None) -> str:
        """As JSON; written to `path` where one is given."""
        written = json.dumps(self.to_dict(), indent=1, allow_nan=False)
        if path is not None:
            Path(path).write_text(written + "\n")
        return written

    def __str__(self) -> str:
        return text.of(self)


def plan(
    model: nn.Module, inputs: Any = None, scheme: Choice = "auto", seed: int = 0, overrides: Mapping[str, Choice] | None = None,
    keep: Iterable[str] = (),
) -> Plan:  # fmt: skip
    """Say for every parameter what to draw it from, from how the model uses it.

    The model is traced once (with `inputs`, as `check` does; without them on shapes alone, where an input can be made up from its first
    layers). Then moments of signals and gradients are followed through the graph, and scales are chosen so that signals keep their size,
    residual branches share one budget, outputs and attention logits are O(1), and gradients are level. What the author set on purpose
    (branches that start at zero, frozen weights, prior biases, state-space parameters) is kept.

    Args:
        model: any module; it is left as it was.
        inputs: one batch, as for `check`; lazy modules need it, and are looked at in a copy.
        scheme: "auto"; a recipe ("xavier", "he", "lsuv", "gpt2", "fixup", "t_fixup", "deepnorm", "admin", "mup", "spectral"); or a scheme, by object or
            name, for all weights, at the gain that the graph asks for.
        seed: in [0, 2⁶⁴).
        overrides: regular expression → scheme, for parameters whose name it is found in.
        keep: regular expressions of parameters to leave as they are.

    Raises:
        InputError: an unknown scheme (close ones are named), a pattern that no parameter matches, a seed out of range, a model that cannot run.
        ModelError: the model's forward raised.

    Example:
        >>> import torch, steadygrad as sg
        >>> net = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
        >>> made = sg.plan(net, torch.randn(32, 64, generator=torch.Generator().manual_seed(0)))
        >>> made.row("0.weight").fans.fan_in, made.row("0.bias").action
        (64.0, 'reset')
    """
    parts = compose(model, inputs, scheme, seed, {} if overrides is None else overrides, keep)
    return Plan(**parts)


def initialize_(
    model: nn.Module, inputs: Any = None, scheme: Choice = "auto", seed: int = 0, device: torch.device | str | None = None, **settings: Any
) -> Plan:  # fmt: skip
    """`plan(model, inputs, …).apply_(model, device)`: plan and draw in one call; returns the plan.

    Lazy modules get their shapes from `inputs`, by one forward that changes nothing else.

    Raises:
        InputError, ModelError: as `plan` and `Plan.apply_`; then nothing was written.

    Example:
        >>> import torch, steadygrad as sg
        >>> net = torch.nn.Linear(16, 4)
        >>> sg.initialize_(net, torch.ones(2, 16)).row("weight").action
        'draw'
    """
    made = plan(model, inputs, scheme, seed, **settings)
    if has_lazy(model):
        materialise_(model, inputs)
    return made.apply_(model, device)
