"""Programs of UMLAUT, NeuraLint, GRIST and TrainCheck (Keras and PyTorch)."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

import torch
from benchmarks.faulty_programs import data, losses, program
from benchmarks.faulty_programs.initializers import glorot_uniform, normal
from benchmarks.faulty_programs.network import (
    Layer,
    batch_norm,
    conv,
    dense,
    dropout,
    flatten,
    leaky_relu,
    max_pool,
    network,
    relu,
    sigmoid,
    softmax,
    zero_pad,
)
from benchmarks.faulty_programs.optimizers import adam, sgd
from benchmarks.faulty_programs.program import Cause, Program, Setting
from torch import Tensor, nn
from torch.optim import Optimizer


def pictures(seed: int) -> data.Dataset:
    return data.cifar_like(seed).changed(inputs=lambda x: x / 255)


def umlaut(*act: Layer, lr: float) -> Setting:
    """The user study's CNN; `act` follows every layer but the last."""
    layers: list[Layer] = []
    for channels in (64, 128):
        layers += [conv(channels, 3, same=False), *act] * 2 + [max_pool, dropout(0.2)]
    layers += [flatten, *[dense(128), *act] * 2, dropout(0.2), dense(10)]
    return Setting(lambda: network((3, 32, 32), *layers), pictures, losses.logits_cross_entropy, adam(lr), batch=128)


def sequences(head: Layer) -> Setting:
    """The 1-d CNN on sequences of 4 channels and 10 steps."""
    layers = [zero_pad(1, 2), conv(16, 4, same=False), batch_norm(), leaky_relu, dropout(0.2)]
    layers += [zero_pad(1, 2), conv(8, 4, same=False), batch_norm(), leaky_relu, dropout(0.2)]
    layers += [flatten, dense(64), batch_norm(), leaky_relu, dense(1), head]
    return Setting(
        lambda: network((4, 10), *layers),
        data.linear_rule(1000, (4, 10), 2),
        losses.binary_cross_entropy_of_probabilities,
        adam(),
        batch=128,
        judge=program.accuracy_of_probabilities,
    )


SIX_CLASSES = Setting(
    lambda: network((28,), *(layer for width in (20, 15, 6) for layer in (dense(width, normal(0.05)), relu)),
                    dense(6, normal(0.05)), sigmoid),
    data.linear_rule(1000, (28,), 6, one_hot=True),
    losses.mean_absolute_error,
    adam(),
    batch=32,
)  # fmt: skip
SIX_CLASSES_FIXED = replace(
    SIX_CLASSES,
    network=lambda: network(
        (28,),
        *(layer for width in (20, 15, 6) for layer in (dense(width, glorot_uniform), relu)),
        *(dense(6, glorot_uniform), sigmoid),
    ),
    loss=losses.binary_cross_entropy_of_probabilities,
)


def by_hand(points: Callable[[int], data.Dataset], lr: float) -> tuple[Setting, Setting]:
    """Logistic regression with torch's own initialization: cross-entropy written by hand, and from logits."""
    faulty = Setting(
        lambda: nn.Sequential(OrderedDict(fc1=nn.Linear(2, 1), act1=nn.Sigmoid())),
        points,
        losses.unclipped_binary_cross_entropy,
        sgd(lr),
        batch=8,
        judge=program.accuracy_of_probabilities,
    )
    fixed = replace(
        faulty,
        network=lambda: nn.Sequential(OrderedDict(fc1=nn.Linear(2, 1))),
        loss=losses.logits_binary_cross_entropy,
        judge=program.accuracy_of_logits,
    )
    return faulty, fixed


log_of_zero = Cause("numeric_log", ("loss", "act1"))
SOFTMAX_COST = Setting(
    lambda: nn.Sequential(OrderedDict(fc1=nn.Linear(4, 3))),
    data.linear_rule(12, (4,), 3, one_hot=True),
    losses.unclipped_cross_entropy,
    None,
    batch=12,
)


class InvertedResidual(nn.Module):
    """EfficientNet's block: expand ×4, depthwise 3×3, squeeze and excite, project; a skip where shapes allow."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        wide = 4 * channels
        self.expand = nn.Sequential(nn.Conv2d(channels, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.SiLU())
        self.depthwise = nn.Sequential(nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False), nn.BatchNorm2d(wide), nn.SiLU())
        self.excite = nn.Sequential(
            *(nn.AdaptiveAvgPool2d(1), nn.Conv2d(wide, channels // 4, 1), nn.SiLU()),
            *(nn.Conv2d(channels // 4, wide, 1), nn.Sigmoid()),
        )
        self.project = nn.Sequential(nn.Conv2d(wide, out, 1, bias=False), nn.BatchNorm2d(out))
        self.skip = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        y = self.depthwise(self.expand(x))
        y = self.project(y * self.excite(y))
        return x + y if self.skip else y


def frozen_efficient_net() -> nn.Sequential:
    """A small EfficientNet with a frozen body and a new head for ten classes.

    The body's weights are random, not pretrained; averaged over the picture its features tell nothing apart, so the
    head reads the 4×4 map itself.
    """
    body = nn.Sequential(
        *(nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.SiLU()),
        *(InvertedResidual(16, 24, 2), InvertedResidual(24, 24, 1), InvertedResidual(24, 40, 2)),
        *(nn.Conv2d(40, 160, 1, bias=False), nn.BatchNorm2d(160), nn.SiLU(), nn.Flatten()),
    )
    body.requires_grad_(False)
    return nn.Sequential(OrderedDict(body=body, head=nn.Linear(2560, 10)))


def adam_of_the_old_head(model: nn.Module) -> Optimizer:
    """Adam holding the head that the new one replaced, so that no step changes the model."""
    return torch.optim.Adam(nn.Linear(2560, 1000).parameters(), lr=1e-3)


TRANSFER = Setting(
    frozen_efficient_net,
    lambda seed: data.cifar_like(seed).changed(inputs=lambda x: (x / 255 - 0.45) / 0.25),
    losses.logits_cross_entropy,
    adam_of_the_old_head,
    batch=64,
)

PROGRAMS = (
    Program(
        "UMLAUT-eval_b",
        umlaut(lr=-1000.0),
        umlaut(relu, lr=1e-3),
        (
            Cause("lr_high", ("optimizer",)),
            Cause("gradient_sign", ("optimizer",)),
            Cause("optimizer", ("optimizer",)),
            Cause("missing_nonlinearity", ("conv1", "conv2"), ("conv*", "fc*")),
        ),
        steps=40,
    ),
    Program(
        "NL-SO-45378493",
        sequences(softmax),
        sequences(sigmoid),
        (Cause("output_constant", ("act4", "fc2", "loss")), Cause("loss_pairing", ("act4", "loss"))),
        steps=200,
    ),
    Program(
        "NL-SO-50555434",
        SIX_CLASSES,
        SIX_CLASSES_FIXED,
        (
            Cause("wrong_loss", ("loss",)),
            Cause("architecture"),
            Cause("init_scale", ("fc1", "act1"), ("fc*", "act*")),
            Cause("dead_units", ("act1", "fc1"), ("act*",)),
        ),
        steps=600,
    ),
    Program("GRIST-ID_56", *by_hand(data.hand_points, 1.0), (log_of_zero, Cause("lr_high", ("optimizer",))), 2000),
    Program("GRIST-ID_37", *by_hand(data.hand_points, 0.01), (log_of_zero,), 2000),
    Program(
        "GRIST-ID_38",
        *by_hand(data.exclusive_or, 0.1),
        (log_of_zero, Cause("architecture"), Cause("missing_nonlinearity", ("fc1",))),
        2000,
    ),
    Program(
        "GRIST-ID_57",
        SOFTMAX_COST,
        replace(SOFTMAX_COST, loss=losses.log_softmax_cross_entropy),
        (Cause("numeric_log", ("loss",)),),
    ),
    Program(
        "TC-forum-84911",
        TRANSFER,
        replace(TRANSFER, optimizer=adam(eps=1e-8)),
        (Cause("frozen", ("head", "optimizer")), Cause("optimizer", ("optimizer", "head"))),
        steps=40,
    ),
)
