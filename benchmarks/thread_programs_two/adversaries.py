"""Generators that learn from a discriminator, as one network: numbers → samples → the discriminator's scores."""

from torch import Tensor, nn


def generator() -> nn.Sequential:
    """Eight numbers → a picture of 1×8×8 in −1 … 1."""
    return nn.Sequential(
        nn.Linear(8, 128), nn.Unflatten(1, (32, 2, 2)), nn.BatchNorm2d(32), nn.ReLU(),
        nn.ConvTranspose2d(32, 16, 4, 2, 1), nn.BatchNorm2d(16), nn.ReLU(), nn.ConvTranspose2d(16, 1, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip


def discriminator() -> nn.Sequential:
    """A picture → one score."""
    return nn.Sequential(nn.Conv2d(1, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 32, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(128, 1))


class Pair(nn.Module):
    """`cut` takes the samples out of the graph before they are judged; `frozen` parameters of the discriminator get no gradient."""

    def __init__(self, cut: bool = False, frozen: bool = False) -> None:
        super().__init__()
        self.cut, self.generator, self.discriminator = cut, generator(), discriminator()
        self.discriminator.requires_grad_(not frozen)

    def forward(self, z: Tensor) -> Tensor:
        samples = self.generator(z)
        return self.discriminator(samples.detach() if self.cut else samples)
