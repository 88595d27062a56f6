"""The networks that are no chain of layers, and the layers `benchmarks.faulty_programs.network` has not."""

from collections.abc import Callable

import torch
from benchmarks.faulty_programs.network import Layer, Shape
from torch import Tensor, nn


def _named(kind: str, module: Callable[[Shape], nn.Module]) -> Layer:
    return lambda shape: (kind, module(shape))


def torch_dense(width: int) -> Layer:
    """A linear layer with torch's own initialization."""
    return _named("fc", lambda shape: nn.Linear(shape[0], width))


def torch_conv(channels: int, kernel: int, stride: int = 1, padding: int = 0) -> Layer:
    """A 1-d or 2-d convolution with torch's own initialization."""
    kinds = {2: nn.Conv1d, 3: nn.Conv2d}
    return _named("conv", lambda shape: kinds[len(shape)](shape[0], channels, kernel, stride, padding))


def reshape(*shape: int) -> Layer:
    return _named("view", lambda before: nn.Unflatten(1, shape))


def module(kind: str, make: Callable[[], nn.Module]) -> Layer:
    """Any module under a path of this kind."""
    return _named(kind, lambda shape: make())


log_softmax = module("act", lambda: nn.LogSoftmax(-1))
elu = module("act", nn.ELU)


class Recommender(nn.Module):
    """Pairs (user, item) → embeddings → an MLP → one score, and what `head` makes of it."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.user, self.item = nn.Embedding(60, 16), nn.Embedding(80, 16)
        self.fc1, self.act1, self.fc2, self.head = nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1), head

    def forward(self, pairs: Tensor) -> Tensor:
        both = torch.cat([self.user(pairs[:, 0]), self.item(pairs[:, 1])], 1)
        return self.head(self.fc2(self.act1(self.fc1(both)))).squeeze(1)


class Unet(nn.Module):
    """One step down, one step up, a skip connection; scores for every pixel, and what `head` makes of them."""

    def __init__(self, classes: int, head: nn.Module) -> None:
        super().__init__()
        self.down1 = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.down2 = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.up = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(16, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.out, self.head = nn.Conv2d(16, classes, 1), head

    def forward(self, x: Tensor) -> Tensor:
        high = self.down1(x)
        return self.head(self.out(torch.cat([high, self.up(self.down2(high))], 1)))


class Forecaster(nn.Module):
    """A GRU over a window and a linear layer on its last state."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.fc = nn.GRU(1, 32, batch_first=True), nn.Linear(32, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.gru(x)[0][:, -1])


class Siamese(nn.Module):
    """Rows (N, 2, 784) → embeddings (N, 2, 8) by one network."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.act1, self.fc2 = nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 8)

    def forward(self, pairs: Tensor) -> Tensor:
        return self.fc2(self.act1(self.fc1(pairs)))


class Gate(nn.Module):
    """Mixture of four experts whose gate is softmax of `activation` of a linear layer on a domain's embedding, which starts at zero."""

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.domain, self.gate, self.act = nn.Embedding(4, 8), nn.Linear(8, 4), activation
        nn.init.zeros_(self.domain.weight)
        nn.init.zeros_(self.gate.bias)
        self.experts = nn.ModuleList(nn.Sequential(nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1)) for _ in range(4))

    def forward(self, rows: Tensor) -> Tensor:
        shares = torch.softmax(self.act(self.gate(self.domain(rows[:, 0].long()))), 1)
        said = torch.cat([expert(rows[:, 1:]) for expert in self.experts], 1)
        return (shares * said).sum(1, keepdim=True)


class LanguageModel(nn.Module):
    """Tokens (N, T) → scores of the next token (N, V, T)."""

    def __init__(self, words: int = 40) -> None:
        super().__init__()
        self.embedding, self.lstm, self.fc = nn.Embedding(words, 32), nn.LSTM(32, 64, batch_first=True), nn.Linear(64, words)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc(self.lstm(self.embedding(tokens))[0]).transpose(1, 2)


class Tagger(nn.Module):
    """Tokens (N, T) → scores of five tags (N, 5, T)."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.encoder, self.fc = nn.Embedding(60, 32), nn.GRU(32, 32, batch_first=True), nn.Linear(32, 5)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc(self.encoder(self.embedding(tokens))[0]).transpose(1, 2)


class Steps(nn.Module):
    """Gradients → a step: two hidden layers and an output layer; `registered` puts the hidden ones where torch finds them."""

    def __init__(self, registered: bool) -> None:
        super().__init__()
        cells = [nn.Linear(4, 32), nn.Linear(32, 32)]
        self.cells = nn.ModuleList(cells) if registered else cells
        self.fc = nn.Linear(32, 1)

    def forward(self, g: Tensor) -> Tensor:
        for cell in self.cells:
            g = torch.tanh(cell(g))
        return self.fc(g)


class RectifiedLSTM(nn.Module):
    """An LSTM whose candidate and output go through `activation` (Keras' activation="relu"); (N, C, T) → last state."""

    def __init__(self, channels: int, width: int, activation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.width, self.activation = width, activation
        self.kernel, self.recurrent = nn.Linear(channels, 4 * width), nn.Linear(width, 4 * width, bias=False)
        nn.init.xavier_uniform_(self.kernel.weight)
        nn.init.zeros_(self.kernel.bias)
        nn.init.orthogonal_(self.recurrent.weight)

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(len(x), self.width)
        for drive in self.kernel(x.transpose(1, 2)).unbind(1):
            i, f, g, o = (drive + self.recurrent(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * self.activation(g)
            h = torch.sigmoid(o) * self.activation(c)
        return h
