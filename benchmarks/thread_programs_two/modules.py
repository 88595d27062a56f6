"""Networks of these threads that are no chain of layers."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


class Variational(nn.Module):
    """Rows → a code drawn from N(μ, σ²) → rows; gives rows, μ and log σ² beside each other; in evaluation the code is μ."""

    def __init__(self, pixels: int, hidden: int, codes: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(pixels, hidden), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(hidden, codes), nn.Linear(hidden, codes)
        self.decoder = nn.Sequential(nn.Linear(codes, hidden), nn.ReLU(), nn.Linear(hidden, pixels))
        self.act = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        h = self.encoder(x)
        mean, log_variance = self.mean(h), self.log_variance(h)
        noise = torch.randn_like(mean) if self.training else torch.zeros_like(mean)
        return torch.cat([self.act(self.decoder(mean + noise * (log_variance / 2).exp())), mean, log_variance], 1)


class Chains(nn.Module):
    """Tokens → an LSTM's last state → one number, and what `act` makes of it.

    The start is the unlucky one of two: the last layer's sign is such that a chain of nothing gives less than zero.
    """

    def __init__(self, act: nn.Module) -> None:
        super().__init__()
        self.embedding, self.lstm = nn.Embedding(21, 16, padding_idx=20), nn.LSTM(16, 32, batch_first=True)
        self.fc, self.act = nn.Linear(32, 1), act
        with torch.no_grad():
            if self.number(torch.full((1, 12), 20)) > 0:
                self.fc.weight.neg_()
                self.fc.bias.neg_()

    def number(self, tokens: Tensor) -> Tensor:
        return self.fc(self.lstm(self.embedding(tokens))[0][:, -1])

    def forward(self, tokens: Tensor) -> Tensor:
        return self.act(self.number(tokens))


class MultiView(nn.Module):
    """One convolutional network for every view, the largest of each feature over the views, a classifier."""

    def __init__(self, last: nn.Module) -> None:
        super().__init__()
        self.cnn = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 16, 3), nn.ReLU(), nn.Flatten())
        self.fc7, self.act7, self.fc8, self.act8 = nn.Linear(400, 64), nn.ReLU(), nn.Linear(64, 10), last

    def forward(self, views: Tensor) -> Tensor:
        features = self.cnn(views.flatten(0, 1)).unflatten(0, views.shape[:2]).amax(1)
        return self.act8(self.fc8(self.act7(self.fc7(features))))


class Cloud(nn.Module):
    """Points (N, 3, P) → features of every point → the largest of each → scores, and what `last` makes of them (Qi et al. 2017)."""

    def __init__(self, last: nn.Module) -> None:
        super().__init__()
        self.conv1, self.bn1, self.conv2, self.bn2 = nn.Conv1d(3, 32, 1), nn.BatchNorm1d(32), nn.Conv1d(32, 64, 1), nn.BatchNorm1d(64)
        self.fc1, self.act, self.fc2, self.last = nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 4), last

    def forward(self, points: Tensor) -> Tensor:
        h = torch.relu(self.bn1(self.conv1(points)))
        return self.last(self.fc2(self.act(self.fc1(self.bn2(self.conv2(h)).amax(2)))))


class Reader(nn.Module):
    """Tokens → a transformer layer → their mean → `width` outputs, and what `last` makes of them."""

    def __init__(self, words: int, length: int, width: int, last: nn.Module) -> None:
        super().__init__()
        self.embedding, self.position = nn.Embedding(words, 32), nn.Parameter(0.02 * torch.randn(length, 32))
        self.encoder = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.1, batch_first=True)
        self.fc, self.last = nn.Linear(32, width), last

    def forward(self, tokens: Tensor) -> Tensor:
        return self.last(self.fc(self.encoder(self.embedding(tokens) + self.position).mean(1)))


class Choices(nn.Module):
    """States → the scores of four actions and a value beside them, each by its own network."""

    def __init__(self) -> None:
        super().__init__()
        self.actor = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
        self.critic = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, states: Tensor) -> Tensor:
        return torch.cat([self.actor(states), self.critic(states)], 1)


class Cosines(nn.Module):
    """Cosines between features and one direction a class."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(0.01 * torch.randn(classes, width))

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(functional.normalize(x, dim=1), functional.normalize(self.weight, dim=1))


class SentenceCopier(nn.Module):
    """Tokens → the last states of a bidirectional GRU → a code → scores of every token again, (N, V, T).

    torch gives the states as (2, N, 32), also with `batch_first`; `join` makes them (N, 64).
    """

    def __init__(self, join: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.join, self.embedding = join, nn.Embedding(20, 16)
        self.encoder = nn.GRU(16, 32, batch_first=True, bidirectional=True)
        self.code, self.decoder = nn.Linear(64, 48), nn.Linear(48, 120)

    def forward(self, tokens: Tensor) -> Tensor:
        states = self.encoder(self.embedding(tokens))[1]
        return self.decoder(torch.tanh(self.code(self.join(states)))).unflatten(1, (20, 6))


def cut_into_rows(states: Tensor) -> Tensor:
    """(2, N, H) → (N, 2H) by `view`: a row gets two neighbours' states of one direction."""
    return states.view(states.shape[1], -1)


def beside_each_other(states: Tensor) -> Tensor:
    """(2, N, H) → (N, 2H): both directions of one sample."""
    return torch.cat([*states], 1)
