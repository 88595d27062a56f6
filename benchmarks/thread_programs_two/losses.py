"""Losses that these threads write by hand; `loss(outputs, targets) -> scalar`."""

from collections.abc import Callable

import torch
from benchmarks.thread_programs_two.data import QUANTILES
from torch import Tensor
from torch.nn import functional

Loss = Callable[[Tensor, Tensor], Tensor]
TAU = torch.as_tensor(QUANTILES).float()


def variational(pixels: int, codes: int, error: Loss, per_picture: float) -> Loss:
    """error(pictures, targets) × per_picture − ½ mean(1 + log σ² − μ² − σ²) of outputs (pictures, μ, log σ²) beside each other."""

    def variational_loss(outputs: Tensor, targets: Tensor) -> Tensor:
        pictures, mean, log_variance = outputs.split((pixels, codes, codes), 1)
        divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).mean()
        return per_picture * error(pictures, targets) + divergence

    return variational_loss


def _pinball(error: Tensor, share: Tensor) -> Tensor:
    """|τ − [error < 0]| times the Huber loss of the error."""
    return ((share - (error < 0).float()).abs() * functional.huber_loss(error, torch.zeros_like(error), reduction="none")).sum(1).mean()


def quantiles_along_draws(outputs: Tensor, targets: Tensor) -> Tensor:
    """Errors (N, quantile, draw) weighed by τ of shape (16,), which broadcasting lays along the draws."""
    return _pinball(targets[:, None, :] - outputs[:, :, None], TAU)


def quantiles_along_outputs(outputs: Tensor, targets: Tensor) -> Tensor:
    """The same errors, τ along the quantiles."""
    return _pinball(targets[:, None, :] - outputs[:, :, None], TAU[:, None])


def negative_at_target(outputs: Tensor, targets: Tensor) -> Tensor:
    """−mean of the output at the target: the negative log-likelihood of log-probabilities (N, classes, …)."""
    return functional.nll_loss(outputs, targets)


def _focal(outputs: Tensor, targets: Tensor, epsilon: float) -> Tensor:
    of_ones = torch.where(targets == 1, outputs, torch.ones_like(outputs))
    of_zeros = torch.where(targets == 0, outputs, torch.zeros_like(outputs))
    ones = 0.25 * (1 - of_ones).square() * torch.log(of_ones + epsilon)
    return -(ones + 0.75 * of_zeros.square() * torch.log(1 - of_zeros + epsilon)).sum()


def focal(outputs: Tensor, targets: Tensor) -> Tensor:
    """−¼ Σ (1 − p)² log p where the target is 1 and −¾ Σ p² log(1 − p) where it is 0 (Lin et al. 2017)."""
    return _focal(outputs, targets, 0.0)


def focal_with_epsilon(outputs: Tensor, targets: Tensor) -> Tensor:
    """The same with 1e-7 added below both logarithms."""
    return _focal(outputs, targets, 1e-7)


def squared_covariance(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The squared covariance and the product of the variances in windows of 5×5."""

    def mean(x: Tensor) -> Tensor:
        return functional.avg_pool2d(x, 5, 1)

    ours, theirs = mean(outputs), mean(targets)
    covariance = mean(outputs * targets) - ours * theirs
    return covariance.square(), (mean(outputs.square()) - ours.square()) * (mean(targets.square()) - theirs.square())


def local_correlation_or_zero(outputs: Tensor, targets: Tensor) -> Tensor:
    """1 − mean of the squared local correlation, taken as 0 where a window is flat (what `div_no_nan` computes)."""
    above, below = squared_covariance(outputs, targets)
    return 1 - torch.where(below == 0, torch.zeros_like(above), above / below).mean()


def local_correlation(outputs: Tensor, targets: Tensor) -> Tensor:
    """The same with 1e-7 above and below the line."""
    above, below = squared_covariance(outputs, targets)
    return 1 - ((above + 1e-7) / (below + 1e-7)).mean()


def intelligibility(inside: bool) -> Loss:
    """1 − mean correlation of 16-sample segments, their norm √Σx² + ε, or (inside) √(Σx² + ε)."""

    def norm(x: Tensor) -> Tensor:
        energy = x.square().sum(-1, keepdim=True)
        return (energy + 1e-8).sqrt() if inside else energy.sqrt() + 1e-8

    def intelligibility_loss(outputs: Tensor, targets: Tensor) -> Tensor:
        ours, theirs = (x.reshape(len(x), 8, 16) for x in (outputs, targets))
        return 1 - (ours / norm(ours) * (theirs / norm(theirs))).sum(-1).mean()

    return intelligibility_loss


def _chance_and_advantage(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """log π(a) and R − V of outputs (four scores, V) and targets (a, R)."""
    chance = torch.log_softmax(outputs[:, :4], 1).gather(1, targets[:, :1].long()).squeeze(1)
    return chance, targets[:, 1] - outputs[:, 4]


def actor_and_critic(outputs: Tensor, targets: Tensor) -> Tensor:
    """−mean log π(a) (R − V) + ½ mean (R − V)²."""
    chance, advantage = _chance_and_advantage(outputs, targets)
    return -(chance * advantage).mean() + 0.5 * advantage.square().mean()


def actor_and_critic_apart(outputs: Tensor, targets: Tensor) -> Tensor:
    """The same number; the first term gives V no gradient."""
    chance, advantage = _chance_and_advantage(outputs, targets)
    return -(chance * advantage.detach()).mean() + 0.5 * advantage.square().mean()


def squared_difference(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean of (targets − outputs)², whatever the shapes broadcast to."""
    return (targets - outputs).square().mean()


def weighed_likelihood(outputs: Tensor, targets: Tensor) -> Tensor:
    """−mean of log-density times weight, both (N, 1)."""
    return 0.5 * ((targets[:, :2] - outputs).square().sum(1, keepdim=True) * targets[:, 2:]).mean()


def broadcast_likelihood(outputs: Tensor, targets: Tensor) -> Tensor:
    """The same with a log-density of shape (N,): every one meets every weight."""
    return 0.5 * ((targets[:, :2] - outputs).square().sum(1) * targets[:, 2:]).mean()


def of_taken_action(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean squared error of the value of the action that was taken."""
    return functional.mse_loss(outputs.gather(1, targets[:, :1].long()), targets[:, 1:])


def angular_margin(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of 64 cos(θ + ½ at the target) from cosines (Deng et al. 2019)."""
    angle = torch.acos(outputs.clamp(-1 + 1e-7, 1 - 1e-7))
    return functional.cross_entropy(64 * torch.cos(angle + 0.5 * functional.one_hot(targets, outputs.shape[1])), targets)


def hundredfold_cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of scores times 100."""
    return 100 * functional.cross_entropy(outputs, targets)


def mean_score(outputs: Tensor, targets: Tensor) -> Tensor:
    """What a generator that wants low scores minimizes."""
    return outputs.mean()


def negative_mean_score(outputs: Tensor, targets: Tensor) -> Tensor:
    """What a generator that wants high scores minimizes (Arjovsky et al. 2017)."""
    return -outputs.mean()
