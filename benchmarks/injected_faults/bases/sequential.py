"""Trainings on sequences."""

from benchmarks.faulty_programs import losses
from benchmarks.faulty_programs.program import Setting, r_squared
from benchmarks.injected_faults import data
from benchmarks.injected_faults.base import base
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW


class _Recurrent(nn.Module):
    def __init__(self, kind: type[nn.Module], features: int, width: int, outputs: int) -> None:
        super().__init__()
        self.memory = kind(features, width, batch_first=True)
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.memory(x)[0][:, -1])


@base("lstm-lines", "classes", 0.10, steps=120)
def _lstm() -> Setting:
    return Setting(lambda: _Recurrent(nn.LSTM, 8, 48, 10), data.digit_lines, losses.logits_cross_entropy, lambda m: Adam(m.parameters(), 1e-2), 64)


@base("gru-waves", "values", 0.0, steps=80)
def _gru() -> Setting:
    return Setting(lambda: _Recurrent(nn.GRU, 1, 24, 1), data.waves, losses.mean_squared_error, lambda m: Adam(m.parameters(), 1e-2), 64, r_squared)


def _token_loss(scores: Tensor, tokens: Tensor) -> Tensor:
    return nn.functional.cross_entropy(scores.flatten(0, 1), tokens.flatten())


class _Layer(nn.Module):
    """A pre-norm layer of attention and a dense network."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(width), nn.MultiheadAttention(width, 4, batch_first=True)
        self.norm2, self.up, self.act, self.down = nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return x + self.down(self.act(self.up(self.norm2(x))))


class _Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(16, 32), nn.Embedding(12, 32)
        self.layers = nn.Sequential(_Layer(32), _Layer(32))
        self.norm, self.head = nn.LayerNorm(32), nn.Linear(32, 16)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.layers(self.tokens(x) + self.places.weight)))


@base("transformer-echo", "other", 0.0625, steps=120)
def _transformer() -> Setting:
    return Setting(_Transformer, data.echoes, _token_loss, lambda m: AdamW(m.parameters(), 3e-3), 32)


class _Bag(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(200, 24)
        self.hidden, self.act, self.head = nn.Linear(24, 32), nn.ReLU(), nn.Linear(32, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.act(self.hidden(self.words(x).mean(1))))


@base("topics-bag", "classes", 0.25, steps=200)
def _bag() -> Setting:
    return Setting(_Bag, data.topics, losses.logits_cross_entropy, lambda m: Adam(m.parameters(), 1e-2), 64)


@base("rnn-sgd", "classes", 0.10, steps=200)
def _rnn() -> Setting:
    return Setting(lambda: _Recurrent(nn.RNN, 8, 48, 10), data.digit_lines, losses.logits_cross_entropy, lambda m: SGD(m.parameters(), 0.05, momentum=0.9), 64)
