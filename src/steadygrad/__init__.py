"""steadygrad: says before training whether a network will train, and the one cause if not.

    >>> import torch, steadygrad as sg
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    >>> torch.nn.init.constant_(net[0].weight, 0.5).shape
    torch.Size([8, 4])
    >>> torch.nn.init.zeros_(net[0].bias).shape, torch.nn.init.constant_(net[2].weight, 0.5).shape
    (torch.Size([8]), torch.Size([2, 8]))
    >>> sg.check(net, torch.randn(32, 4, generator=torch.Generator().manual_seed(0))).cause.slug
    'symmetric-units'
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steadygrad import measured as measured
    from steadygrad import normalization as normalization
    from steadygrad import optim as optim
    from steadygrad import schemes as schemes
    from steadygrad import theory as theory
    from steadygrad.case import Case as Case
    from steadygrad.door import check as check
    from steadygrad.door import explain as explain
    from steadygrad.drawing import draw_ as draw_
    from steadygrad.planner import initialize_ as initialize_
    from steadygrad.planner import plan as plan
    from steadygrad.pytest_plugin import assert_trainable as assert_trainable
    from steadygrad.report.record import Report as Report
    from steadygrad.rules.finding import Finding as Finding

try:
    __version__ = version("steadygrad")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0.0.0"

_PLACES = {
    "Case": "steadygrad.case",
    "Finding": "steadygrad.rules.finding",
    "Report": "steadygrad.report.record",
    "assert_trainable": "steadygrad.pytest_plugin",
    "check": "steadygrad.door",
    "draw_": "steadygrad.drawing",
    "explain": "steadygrad.door",
    "initialize_": "steadygrad.planner",
    "plan": "steadygrad.planner",
}
_PARTS = ("measured", "normalization", "optim", "schemes", "theory")
__all__ = [
    "Case", "Finding", "Report", "assert_trainable", "check", "draw_", "explain", "initialize_", "measured", "normalization", "optim", "plan",
    "schemes", "theory",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import what is asked for, when it is asked for."""
    if name in _PLACES:
        value = getattr(import_module(_PLACES[name]), name)
    elif name in _PARTS:
        value = import_module(f"steadygrad.{name}")
    else:
        raise AttributeError(f"steadygrad has no `{name}`; it has {', '.join(__all__)}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted((*__all__, "__version__"))
