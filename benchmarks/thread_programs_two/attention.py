"""Networks of these threads that attend."""

import torch
from torch import Tensor, nn


class Lookup(nn.Module):
    """A key, then pairs of keys and values → attention of the key over the pairs' keys → scores of the value; `shares` is its softmax."""

    def __init__(self, shares: nn.Softmax) -> None:
        super().__init__()
        self.key, self.value, self.shares = nn.Embedding(12, 16), nn.Embedding(8, 16), shares
        self.fc1, self.act, self.fc2 = nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 8)

    def forward(self, rows: Tensor) -> Tensor:
        asked, keys, values = self.key(rows[:, 0]), self.key(rows[:, 1::2]), self.value(rows[:, 2::2])
        shares = self.shares((keys @ asked[:, :, None]).squeeze(2))
        return self.fc2(self.act(self.fc1((shares[:, None] @ values).squeeze(1))))


class Questions(nn.Module):
    """Tokens → a bidirectional LSTM → its states weighed by attention → scores; the weight is one number a token, softmax over `dim`."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.embedding, self.lstm = nn.Embedding(200, 16), nn.LSTM(16, 16, batch_first=True, bidirectional=True)
        self.weigh, self.softmax, self.fc = nn.Linear(48, 1), nn.Softmax(dim), nn.Linear(32, 8)

    def forward(self, tokens: Tensor) -> Tensor:
        words = self.embedding(tokens)
        states = self.lstm(words)[0]
        weights = self.softmax(self.weigh(torch.cat([words, states], 2)))
        return self.fc((weights * states).sum(1))


class Places(nn.Module):
    """A picture and a place asked for, as one row → features (N, 32, 4, 4) → attention over 16 pixels of 32 features → scores of ten digits.

    `permuted`: the features are brought behind the pixels before both are flattened.
    """

    def __init__(self, permuted: bool) -> None:
        super().__init__()
        self.permuted = permuted
        self.cnn = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.ask, self.shares = nn.Linear(4, 16), nn.Softmax(1)
        self.fc1, self.act, self.fc2 = nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 10)

    def forward(self, rows: Tensor) -> Tensor:
        features = self.cnn(rows[:, :256].view(-1, 1, 16, 16))
        if self.permuted:
            features = features.permute(0, 2, 3, 1).contiguous()
        pixels = features.view(len(rows), 16, 32)
        shares = self.shares(self.ask(rows[:, 256:]))
        return self.fc2(self.act(self.fc1((shares[:, None] @ pixels).squeeze(1))))
