"""Fully connected trainings."""

import torch
from benchmarks.faulty_programs import losses
from benchmarks.faulty_programs.initializers import glorot_uniform
from benchmarks.faulty_programs.program import Setting, accuracy_of_logits, r_squared
from benchmarks.injected_faults import data
from benchmarks.injected_faults.base import base
from torch import nn
from torch.optim import SGD, Adam, RMSprop


def layers(*widths: int, activation: type[nn.Module] = nn.ReLU, init: str = "") -> nn.Sequential:
    """Linear layers with an activation between them; torch's default weights, or "he", "xavier"."""
    made: list[nn.Module] = []
    for i, (fan_in, fan_out) in enumerate(zip(widths, widths[1:], strict=False)):
        layer = nn.Linear(fan_in, fan_out)
        if init == "he":
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu" if i else "linear")
        elif init == "xavier":
            nn.init.xavier_normal_(layer.weight)
        if init:
            nn.init.zeros_(layer.bias)
        made += [layer, activation()]
    return nn.Sequential(*made[:-1])


@base("digits-mlp", "classes", 0.10)
def _digits() -> Setting:
    return Setting(lambda: layers(64, 64, 32, 10), data.digit_rows, losses.logits_cross_entropy, lambda m: Adam(m.parameters(), 3e-3), 64)


@base("wine-tanh", "classes", 0.40)
def _wine() -> Setting:
    net = lambda: layers(13, 32, 32, 3, activation=nn.Tanh, init="xavier")  # noqa: E731
    return Setting(net, data.wine, losses.logits_cross_entropy, lambda m: SGD(m.parameters(), 0.1, momentum=0.9), 32)


@base("moons-logit", "binary", 0.50)
def _moons() -> Setting:
    loss = losses.logits_binary_cross_entropy
    return Setting(lambda: layers(2, 32, 32, 1), data.moons, loss, lambda m: Adam(m.parameters(), 1e-2), 64, accuracy_of_logits)


@base("tumours-deep", "binary", 0.63)
def _tumours() -> Setting:
    net = lambda: layers(30, *[32] * 5, 1, activation=nn.GELU, init="he")  # noqa: E731
    return Setting(net, data.tumours, losses.logits_binary_cross_entropy, lambda m: SGD(m.parameters(), 0.05, momentum=0.9), 64, accuracy_of_logits)


@base("friedman-regression", "values", 0.0, steps=200)
def _friedman() -> Setting:
    loss = losses.mean_squared_error
    return Setting(lambda: layers(10, 64, 64, 1), data.friedman, loss, lambda m: Adam(m.parameters(), 5e-3), 64, r_squared)


@base("digits-he-12", "classes", 0.10, steps=200)
def _deep() -> Setting:
    net = lambda: layers(64, *[48] * 12, 10, init="he")  # noqa: E731
    return Setting(net, data.digit_rows, losses.logits_cross_entropy, lambda m: Adam(m.parameters(), 1e-3), 64)


@base("digits-norm-10", "classes", 0.10)
def _normed() -> Setting:
    """Ten layers, each batch-normalized, without skip connections."""

    def net() -> nn.Module:
        made: list[nn.Module] = []
        for i in range(10):
            made += [nn.Linear(64 if i == 0 else 32, 32, bias=False), nn.BatchNorm1d(32), nn.ReLU()]
        return nn.Sequential(*made, nn.Linear(32, 10))

    return Setting(net, data.digit_rows, losses.logits_cross_entropy, lambda m: Adam(m.parameters(), 3e-3), 64)


@base("digits-softmax", "probabilities", 0.10)
def _keras() -> Setting:
    """As in Keras: Glorot's weights, a softmax in the model, cross-entropy of probabilities, RMSprop."""

    def net() -> nn.Module:
        model = layers(64, 64, 64, 10)
        for layer in model:
            if isinstance(layer, nn.Linear):
                glorot_uniform(layer.weight, layer.in_features, layer.out_features)
                nn.init.zeros_(layer.bias)
        return nn.Sequential(*model, nn.Softmax(-1))

    return Setting(net, data.digit_rows, losses.cross_entropy_of_probabilities, lambda m: RMSprop(m.parameters(), 1e-3), 64)


@base("digits-autoencoder", "values", 0.0, steps=200)
def _autoencoder() -> Setting:
    def net() -> nn.Module:
        return nn.ModuleDict({"encoder": layers(64, 48, 12), "decoder": nn.Sequential(*layers(12, 48, 64), nn.Sigmoid())})

    class Autoencoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            parts = net()
            self.encoder, self.decoder = parts["encoder"], parts["decoder"]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.decoder(self.encoder(x))

    return Setting(Autoencoder, data.digits_onto_themselves, losses.mean_squared_error, lambda m: Adam(m.parameters(), 5e-3), 64, r_squared)
