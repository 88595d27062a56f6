"""Networks of these threads that are no chain of layers."""

import torch
from torch import Tensor, nn


class Factors(nn.Module):
    """(a x + b)(c x + d), its four numbers all ½ or drawn from −1 … 1."""

    def __init__(self, drawn: bool) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(1, 1), nn.Linear(1, 1)
        for number in self.parameters():
            if drawn:
                nn.init.uniform_(number, -1, 1)
            else:
                nn.init.constant_(number, 0.5)

    def forward(self, x: Tensor) -> Tensor:
        return self.first(x) * self.second(x)


class Last(nn.Module):
    """An LSTM over a sequence (N, T, C), what `head` makes of its last output, and what `act` makes of that."""

    def __init__(self, channels: int, width: int, head: nn.Module, act: nn.Module, layers: int = 1) -> None:
        super().__init__()
        self.lstm, self.head, self.act = nn.LSTM(channels, width, layers, batch_first=True), head, act

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.head(self.lstm(x)[0][:, -1]))


class Log(nn.Module):
    """log(x + ε)."""

    def __init__(self, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        return torch.log(x + self.epsilon)

    def extra_repr(self) -> str:
        return f"epsilon={self.epsilon}"


class Loudness(nn.Module):
    """Sounds (N, 1, 128) → eight learned filters → their energy in windows of 16 → its logarithm → scores of three classes."""

    def __init__(self, epsilon: float) -> None:
        super().__init__()
        self.filters, self.pool, self.log = nn.Conv1d(1, 8, 9, padding=4, bias=False), nn.AvgPool1d(16), Log(epsilon)
        self.fc1, self.act1, self.fc2 = nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Tensor:
        energy = self.pool(self.filters(x).square())
        return self.fc2(self.act1(self.fc1(self.log(energy).flatten(1))))


class DeepReader(nn.Module):
    """Tokens (N, 16) out of 60 → six transformer layers, normalized after each half → their mean → four scores."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.position = nn.Embedding(60, 32), nn.Parameter(0.02 * torch.randn(16, 32))
        self.encoder = nn.ModuleList(nn.TransformerEncoderLayer(32, 4, 64, dropout=0.1, activation="gelu", batch_first=True) for _ in range(6))
        self.fc = nn.Linear(32, 4)

    def forward(self, tokens: Tensor) -> Tensor:
        h = self.embedding(tokens) + self.position
        for layer in self.encoder:
            h = layer(h)
        return self.fc(h.mean(1))
