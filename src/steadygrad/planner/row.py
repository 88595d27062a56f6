"""The records of a plan: what each parameter gets and why, and what each op is predicted to do."""

from dataclasses import dataclass, field
from typing import Any, Literal

from steadygrad.randomness.law import Fans, Law

Action = Literal["draw", "keep", "reset"]


@dataclass(frozen=True)
class Row:
    """One parameter or buffer.

    Attributes:
        name: its smallest path.
        shape: of the tensor.
        role: what it is used for: weight, bias, scale, shift, table, recurrent, buffer, other.
        action: "draw" (from `law`), "reset" (to the constant of `law`), or "keep".
        where: the op that reads it first.
        fans: of that use; None where there is no contraction.
        law: what it is drawn from; None when kept.
        scheme: the law in words.
        before, after: root mean square of its entries, now and as planned; None where unknown.
        reason: why, in words.
        names: all paths of a tied parameter.
        subtract: for a bias: (weight, axis of its rows, φ(0)); the bias is lowered by φ(0)·(row sums of the weight).
    """

    name: str
    shape: tuple[int, ...]
    role: str
    action: Action
    where: str = ""
    fans: Fans | None = None
    law: Law | None = None
    scheme: str = ""
    before: float | None = None
    after: float | None = None
    reason: str = ""
    names: tuple[str, ...] = ()
    subtract: tuple[str, int, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data; the law as its rms and words."""
        fans = None if self.fans is None else {"fan_in": self.fans.fan_in, "fan_out": self.fans.fan_out}
        return {
            "name": self.name, "shape": list(self.shape), "role": self.role, "action": self.action, "where": self.where, "fans": fans,
            "scheme": self.scheme, "before": self.before, "after": self.after, "reason": self.reason,
        }  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """One op that mixes, normalizes or joins signals, as predicted; measured values are there after `Plan.verify`.

    Attributes:
        where: module path and op.
        kind: see `graph.signal_graph.Kind`.
        q: second moment of its output.
        gradient: second moment of the gradient of its output, relative to that of the model's output.
        exact: whether no op before it had to be measured.
        measured_q, measured_gradient: what was seen.
    """

    where: str
    kind: str
    q: float
    gradient: float | None
    exact: bool = True
    measured_q: float | None = None
    measured_gradient: float | None = None
    index: int = field(default=-1, repr=False)
