"""The criterion of L119 against training: below λ₁ = β/κ a linear variational autoencoder says nothing, above it does."""

import pytest
import torch
from torch import nn

import steadygrad as sg

SPREAD = torch.tensor([1.0, 0.25, 0.1, 0.1, 0.1, 0.1])


class Linear(nn.Module):
    """Probabilistic principal components as an autoencoder."""

    def __init__(self) -> None:
        super().__init__()
        self.mean, self.log_variance, self.out = nn.Linear(6, 2), nn.Parameter(torch.zeros(2)), nn.Linear(2, 6)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        mean = self.mean(x)
        log_variance = self.log_variance.expand_as(mean)
        return self.out(mean + torch.randn_like(mean) * (0.5 * log_variance).exp()), mean, log_variance


def divergence(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(1).mean()


def whitened(samples: int) -> torch.Tensor:
    """Data whose covariance over the samples is diag(SPREAD) exactly."""
    drawn = torch.randn(samples, 6, dtype=torch.float64)
    q, _ = torch.linalg.qr(drawn - drawn.mean(0))
    return (q * (samples - 1) ** 0.5 * SPREAD.double().sqrt()).float()


@pytest.mark.slow
@pytest.mark.parametrize(("beta", "silent"), [(3.0, True), (1.4, False)])
def test_training_agrees(beta: float, silent: bool) -> None:
    """κ = 2 of a summed square, λ₁ = 1: the code is silent from β = 2 on, and says ½·log(λ₁κ/β) = 0.18 nats at β = 1.4."""
    torch.manual_seed(0)
    net, x = Linear(), whitened(256)

    def loss(outputs: tuple[torch.Tensor, torch.Tensor, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        return (outputs[0] - x).square().sum(1).mean() + beta * divergence(*outputs[1:])

    found = [f for f in sg.check(net, x, x, loss).findings if f.code == "L119"]
    assert bool(found) == silent
    if found:
        assert found[0].evidence["over"] == pytest.approx(beta / 2.0, rel=1e-3)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for step in range(3000):
        for group in optimizer.param_groups:
            group["lr"] = 0.01 * (1 - step / 3000)
        optimizer.zero_grad()
        loss(net(x), x).backward()
        optimizer.step()
    said = float(divergence(*net(x)[1:]).detach())
    if silent:
        assert said < 0.01
    else:
        assert said == pytest.approx(0.5 * torch.log(torch.tensor(2.0 / beta)).item(), rel=0.2)
