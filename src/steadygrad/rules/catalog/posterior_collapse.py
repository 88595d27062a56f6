"""L119: a divergence that outweighs the reconstruction of a variational autoencoder."""

from collections.abc import Callable, Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments.divergence import Divergence
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold


class PosteriorCollapse(Rule):
    """A code costs more divergence than it saves error, so the encoder learns to say nothing and the decoder to answer the mean.

    The loss is β·KL + κ/2·‖x̂ − x‖² per sample. With a linear encoder and decoder this is probabilistic principal component
    analysis with noise σ² = β/κ, in whose optimum a dimension of the code is used if and only if it has an eigenvalue of the
    data's covariance above σ²: none is where λ₁ < β/κ. For little information the same holds of other networks: they differ in
    what the second bit buys. A squared error of mean over D numbers has κ = 2/D, a sum κ = 2: the mean makes the
    divergence D times as heavy as the likelihood means it to be.

    β, κ and λ₁ are read off the gradients of the loss and the batch. λ₁ of a small batch is too large, which errs to silence. A warning
    below β/κ, an error below a quarter of it. A divergence that is meant to grow from zero is asked at the weight it has now.

    Source: Tipping & Bishop 1999, J. R. Stat. Soc. B 61, eq. 15; Lucas et al. 2019, arXiv:1911.02469, section 4 (the same for linear VAEs).
    """

    code = "L119"
    slug = "posterior-collapse"
    title = "divergence outweighs the reconstruction"
    priority = 17
    needs_data = True
    explains = ("loss-at-start", "output-constant", "lr-too-low", "vanishing-gradient", "target-scale")
    thresholds = {
        "warning": Threshold(1.0, "β/(κ·λ₁): from there on the best linear autoencoder uses no code"),
        "error": Threshold(4.0, "the same, where a code would have to explain four times what the strongest linear one does"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding."""
        both = evidence.experiments.get("divergence")
        if not isinstance(both, Divergence) or not both.precision * both.variance > 0.0:
            return
        over = both.weight / (both.precision * both.variance)
        if over <= self.threshold("warning"):
            return
        yield self.finding(
            "error" if over > self.threshold("error") else "warning",
            "loss",
            f"The divergence outweighs the reconstruction: a code has to explain a variance of {both.weight / both.precision:.3g} of the data to pay for"
            f" itself, and the strongest direction has {both.variance:.3g}. The encoder will learn to say nothing, the decoder to answer the mean.",
            evidence={
                "over": over, "divergence_weight": both.weight, "reconstruction_precision": both.precision, "largest_variance": both.variance,
                "codes": both.codes, "entries": both.entries,
            },
            advice=f"Sum the error over the {both.entries:,} numbers of a sample (a mean only over the batch), or weigh the divergence {over:.3g}× less.",
            snippet="error = torch.nn.functional.mse_loss(x_hat, x, reduction='sum') / len(x)\n"
            "divergence = -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum(1).mean()\nloss = error + divergence",
        )  # fmt: skip

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Errors as means over the numbers of a sample, squared and of logits; a sum with a divergence that weighs too much."""
        yield Specimen("mean squared error", lambda: _autoencoder(nn.functional.mse_loss), where="loss")
        yield Specimen("mean cross-entropy of logits", lambda: _autoencoder(nn.functional.binary_cross_entropy_with_logits), where="loss")
        yield Specimen("a divergence that weighs ten times too much", lambda: _autoencoder(_summed, beta=10.0), where="loss")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Sums; a mean with a divergence as much smaller; an autoencoder without a divergence."""
        yield Specimen("squared error as a sum", lambda: _autoencoder(_summed))
        yield Specimen("a mean, and the divergence by as much", lambda: _autoencoder(nn.functional.mse_loss, beta=1.0 / 64))
        yield Specimen("no divergence", lambda: _autoencoder(nn.functional.mse_loss, beta=0.0))


class Autoencoder(nn.Module):
    """Variational, of one hidden layer on each side."""

    def __init__(self, features: int, codes: int) -> None:
        super().__init__()
        self.encode, self.mean, self.log_variance = nn.Linear(features, 32), nn.Linear(32, codes), nn.Linear(32, codes)
        self.decode, self.out = nn.Linear(codes, 32), nn.Linear(32, features)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        hidden = self.encode(x).relu()
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        code = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        return self.out(self.decode(code).relu()), mean, log_variance


def _summed(answer: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return (answer - x).square().sum(1).mean()


def _autoencoder(error: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], beta: float = 1.0) -> Case:
    """Of 64 numbers between 0 and 1 whose strongest direction has a variance near 2."""
    generator = torch.Generator().manual_seed(0)
    x = torch.sigmoid(torch.randn(128, 4, generator=generator) @ torch.randn(4, 64, generator=generator))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = Autoencoder(64, 4)

    def loss(outputs: tuple[torch.Tensor, torch.Tensor, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        answer, mean, log_variance = outputs
        return error(answer, x) - beta * 0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(1).mean()

    return Case(net, x, x, loss)
