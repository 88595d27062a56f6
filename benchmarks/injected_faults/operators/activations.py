"""Activations that are wrong, missing, or in the wrong place."""

from benchmarks.faulty_programs.program import Cause, Setting
from benchmarks.injected_faults.base import Base
from benchmarks.injected_faults.operator import operator
from benchmarks.injected_faults.surgery import ACTIVATIONS, affine, headed, of_kind, replace_each
from torch import Tensor, nn

Made = tuple[Setting, tuple[Cause, ...]]


def _hidden(base: Base) -> list[str]:
    return [path for path, _ in of_kind(base.setting.network(), ACTIVATIONS)]


def _replaced(base: Base, make: type[nn.Module]) -> Setting:
    paths = _hidden(base)
    return base.network(lambda model: replace_each(model, paths, lambda old: make()))


@operator
def sigmoid_everywhere(base: Base) -> Made | None:
    """Every hidden activation is a sigmoid."""
    paths = _hidden(base)
    if len(paths) < 3:
        return None
    starts = (paths[0], affine(base.setting.network())[0][0])
    return _replaced(base, nn.Sigmoid), (Cause("saturating_activation", starts, tuple(paths)), Cause("init_scale", starts, ("*",)))


@operator
def no_activations(base: Base) -> Made | None:
    """The hidden activations are forgotten: the network is linear."""
    if not _hidden(base) or of_kind(base.setting.network(), (nn.MaxPool2d, nn.MultiheadAttention)):
        return None
    layers = [path for path, _ in affine(base.setting.network())]
    return _replaced(base, nn.Identity), (Cause("missing_nonlinearity", tuple(layers[:2]), ("*",)),)


class _Steep(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (1000.0 * x).tanh()


@operator
def steep_tanh(base: Base) -> Made | None:
    """Activations are tanh(1000·z): saturated wherever z is not zero."""
    paths = _hidden(base)
    if not paths:
        return None
    return _replaced(base, _Steep), (Cause("saturating_activation", (paths[0],), tuple(paths)),)


class _Growing(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.relu() * 50.0


@operator
def activations_times_fifty(base: Base) -> Made | None:
    """Each activation is multiplied by fifty, so that the signal explodes through depth."""
    paths = _hidden(base)
    if len(paths) < 3 or of_kind(base.setting.network(), (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm)):
        return None
    starts = (paths[0],)
    return _replaced(base, _Growing), (Cause("exploding_activation", starts, ("*",)), Cause("init_scale", starts, ("*",)))


@operator
def relu_on_the_head(base: Base) -> Made | None:
    """A ReLU behind the last layer."""
    if base.task not in ("classes", "binary", "values"):
        return None
    setting = base.network(lambda model: headed(model, nn.ReLU()))
    return setting, tuple(Cause(family, ("last",)) for family in ("dead_units", "output_range", "loss_pairing"))


@operator
def sigmoid_on_the_head(base: Base) -> Made | None:
    """Values that lie on both sides of zero are predicted by a sigmoid; binary logits pass one before the loss takes them."""
    if base.task not in ("binary", "values"):
        return None
    family = "output_range" if base.task == "values" else "loss_pairing"
    return base.network(lambda model: headed(model, nn.Sigmoid())), (Cause(family, ("last",)),)


@operator
def softmax_over_one_output(base: Base) -> Made | None:
    """A softmax over a single output: it is always 1."""
    if base.task not in ("binary", "values") or base.setting.data(0).targets.shape[-1] != 1:
        return None
    setting = base.network(lambda model: headed(model, nn.Softmax(-1)))
    return setting, (Cause("output_constant", ("last",)), Cause("loss_pairing", ("last",)))
