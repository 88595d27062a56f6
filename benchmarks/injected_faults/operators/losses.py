"""Losses that do not fit the outputs or the targets."""

from collections.abc import Callable

from benchmarks.faulty_programs import losses
from benchmarks.faulty_programs.program import Cause, Setting
from benchmarks.injected_faults.base import Base
from benchmarks.injected_faults.operator import operator
from benchmarks.injected_faults.surgery import affine, headed
from torch import Tensor, nn

Made = tuple[Setting, tuple[Cause, ...]]
Loss = Callable[[Tensor, Tensor], Tensor]


@operator
def softmax_before_cross_entropy(base: Base) -> Made | None:
    """The model ends in a softmax, and the loss takes another one."""
    if base.task != "classes":
        return None
    return base.network(lambda model: headed(model, nn.Softmax(-1))), (Cause("loss_pairing", ("last", "loss")),)


@operator
def scores_as_log_probabilities(base: Base) -> Made | None:
    """The negative log-likelihood is given raw scores: it can fall below any bound."""
    if base.task != "classes":
        return None
    return base.loss(nn.functional.nll_loss), (Cause("loss_pairing", ("loss", affine(base.setting.network())[-1][0])),)


@operator
def scores_as_probabilities(base: Base) -> Made | None:
    """A hand-written −log p is given raw scores, clipped from below."""
    if base.task != "classes":
        return None
    return base.loss(losses.cross_entropy_as_given), (Cause("loss_pairing", ("loss", affine(base.setting.network())[-1][0])),)


@operator
def class_numbers_as_values(base: Base) -> Made | None:
    """Squared error between every score and the number of the class, by broadcasting."""
    if base.task != "classes":
        return None

    def loss(scores: Tensor, labels: Tensor) -> Tensor:
        return ((scores - labels[:, None]) ** 2).mean()

    return base.loss(loss), (Cause("wrong_loss", ("loss",)), Cause("labels", ("loss", "targets")))


@operator
def softmax_over_the_batch(base: Base) -> Made | None:
    """The softmax runs along axis 0."""
    if base.task not in ("classes", "probabilities"):
        return None
    setting = base.network(lambda model: headed(model[:-1] if base.task == "probabilities" else model, nn.Softmax(0)))
    setting = Base(base.name, setting, base.task, base.floor).loss(losses.cross_entropy_of_probabilities)
    return setting, (Cause("loss_pairing", ("last", "loss")),)


@operator
def climbing(base: Base) -> Made:
    """The sign of the loss is wrong: training makes the model worse."""
    healthy = base.setting.loss
    return base.loss(lambda outputs, targets: -healthy(outputs, targets)), (Cause("gradient_sign", ("loss", "optimizer")),)


@operator
def summed_loss(base: Base) -> Made | None:
    """The loss is summed over the batch, as if it were the mean."""
    healthy = base.setting.loss
    causes = (Cause("wrong_loss", ("loss",)), Cause("lr_high", ("optimizer",)))
    return base.loss(lambda outputs, targets: healthy(outputs, targets) * len(targets)), causes


@operator
def targets_of_another_shape(base: Base) -> Made | None:
    """Targets of shape (N,) meet outputs of shape (N, 1): every sample is compared with every target."""
    if base.task not in ("values", "binary") or base.setting.data(0).targets.shape[-1] != 1:
        return None
    if base.task == "binary":
        loss: Loss = lambda out, y: (nn.functional.softplus(out) - out * y[:, 0]).mean()  # noqa: E731
    else:
        loss = lambda out, y: ((out - y[:, 0]) ** 2).mean()  # noqa: E731
    return base.loss(loss), (Cause("labels", ("loss", "targets")), Cause("loss_pairing", ("loss",)))


@operator
def loss_of_the_mean_output(base: Base) -> Made:
    """The loss looks at the mean over the batch only: it cannot tell one sample's answer from another's."""
    healthy = base.setting.loss

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return healthy(outputs.mean(0, keepdim=True).expand_as(outputs), targets)

    return base.loss(loss), tuple(Cause(family, ("loss", "targets")) for family in ("labels", "wrong_loss", "loss_pairing"))


@operator
def loss_times_a_millionth(base: Base) -> Made:
    """The loss is scaled by 1e-7, which plain gradient descent and Adam's eps both feel."""
    healthy = base.setting.loss
    causes = (Cause("wrong_loss", ("loss",)), Cause("lr_low", ("optimizer",)), Cause("optimizer", ("optimizer",)))
    return base.loss(lambda outputs, targets: healthy(outputs, targets) * 1e-7), causes
