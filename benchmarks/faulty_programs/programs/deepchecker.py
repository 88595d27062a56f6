"""TheDeepChecker's clean and seeded programs, and two questions it collected (TensorFlow 1.15)."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from benchmarks.faulty_programs import data, losses, program
from benchmarks.faulty_programs.initializers import Initializer, he_normal, normal, truncated_normal
from benchmarks.faulty_programs.network import (
    Layer,
    batch_norm,
    conv,
    dense,
    dropout,
    flatten,
    max_pool,
    network,
    relu,
    softmax,
    softmax_over,
)
from benchmarks.faulty_programs.optimizers import adam, sgd
from benchmarks.faulty_programs.program import Cause, Program, Setting


def pictures(seed: int, divisions: int = 1) -> data.Dataset:
    """CIFAR-like pictures, divided by their range once, or twice by mistake."""
    return data.cifar_like(seed).changed(inputs=lambda x: x / 255**divisions)


def unbalanced(seed: int) -> data.Dataset:
    """Class c keeps each training row with probability 1 − c/10; the last quarter, which judges, stays whole."""
    whole = pictures(seed)
    rows = len(whole.truth)
    keep = torch.as_tensor(np.random.default_rng(seed).random(rows)) < 1 - whole.truth / 10
    keep[rows * 3 // 4 :] = True
    return data.Dataset(whole.inputs[keep], whole.targets[keep], whole.truth[keep])


def deep(*head: Layer, norm: tuple[Layer, ...] = (batch_norm(),), **other: Any) -> Setting:
    """The VGG-like network: three pairs of convolutions, each followed by ReLU and `norm`; batch 32 assumed."""
    layers: list[Layer] = []
    for channels, drop in ((32, 0.2), (64, 0.3), (128, 0.4)):
        layers += [conv(channels, 3, he_normal, bias=False), relu, *norm] * 2 + [max_pool, dropout(drop)]
    layers += [flatten, dense(128, he_normal), relu, *norm, dropout(0.5), dense(10), *head]
    clean = Setting(
        lambda: network((3, 32, 32), *layers),
        pictures,
        losses.logits_cross_entropy,
        sgd(1e-3, momentum=0.9),
        batch=32,
    )
    return replace(clean, **other)


def base(*head: Layer, init: Initializer = he_normal, **other: Any) -> Setting:
    """The LeNet-like network; batch 64 assumed."""
    clean = Setting(
        lambda: network(
            (1, 28, 28),
            *(conv(32, 5, init), relu, max_pool),
            *(conv(64, 3, init), relu, max_pool),
            *(flatten, dense(512, init), relu, dense(10), *head),
        ),
        data.mnist_like,
        losses.logits_cross_entropy,
        sgd(0.1, l2=1e-5),
        batch=64,
    )
    return replace(clean, **other)


def regression(*head: Layer, divisions: int = 0) -> Setting:
    """The network for cars; `divisions` more divisions of the standardized columns by their raw spread; batch 32."""

    def cars(seed: int) -> data.Dataset:
        standardized, std = data.cars(seed)
        return standardized.changed(inputs=lambda x: x / std**divisions)

    return Setting(
        lambda: network((9,), *(dense(64, he_normal), relu) * 2, dense(1), *head),
        cars,
        losses.mean_squared_error,
        adam(eps=1e-8, l2=1e-5),
        batch=32,
        judge=program.r_squared,
    )


CLEAN_DEEP, CLEAN_BASE, CLEAN_REGRESSION = deep(), base(), regression()


def questions_ips_12(init: Initializer) -> Setting:
    return Setting(
        lambda: network(
            (14,),
            *(dense(20, truncated_normal((2 / 14) ** 0.5)), relu),
            *(dense(20, init), relu, dense(15, init), relu, dense(1, init)),
        ),
        data.linear_rule(100, (14,), 2),
        losses.logits_binary_cross_entropy,
        adam(0.005, eps=1e-8),
        batch=100,
        judge=program.accuracy_of_logits,
    )


RAW_HEART = Setting(
    lambda: network((9,), dense(2)),
    data.heart,
    losses.logits_cross_entropy,
    sgd(0.5, l2=1.0),
    batch=7,
)
SCALED_HEART = replace(
    RAW_HEART,
    data=lambda seed: data.heart(seed).changed(inputs=lambda x: (x - x.mean(0)) / x.std(0)),
    optimizer=sgd(0.05, l2=1.0),
)

SEEDED_DEEP = (
    ("double_normalization", deep(data=lambda seed: pictures(seed, 2)), (Cause("input_scale", ("inputs", "conv1")),)),
    (
        "flipped_sign",
        deep(optimizer=sgd(1e-3, momentum=0.9, ascend=True)),
        (Cause("gradient_sign", ("optimizer", "loss")),),
    ),
    ("high_lr", deep(optimizer=sgd(0.1, momentum=0.9)), (Cause("lr_high", ("optimizer",)),)),
    (
        "low_adam_epsilon",
        deep(optimizer=adam(0.01, eps=1e-16)),
        (Cause("optimizer", ("optimizer",)), Cause("lr_high", ("optimizer",))),
    ),
    ("low_lr", deep(optimizer=sgd(1e-5, momentum=0.9)), (Cause("lr_low", ("optimizer",)),)),
    (
        "missing_batchnorm",
        deep(norm=()),
        (Cause("normalization", ("conv1", "act1"), ("conv*", "act*")), Cause("architecture", ("conv1", "act1"))),
    ),
    (
        "missing_infer_batchnorm",
        deep(norm=(batch_norm(momentum=0.0),)),
        (Cause("normalization", ("bn1",), ("bn*",)),),
    ),
    ("redundant_softmax", deep(softmax), (Cause("loss_pairing", ("act8", "loss")),)),
    ("unbalanced_data", deep(data=unbalanced), (Cause("data_balance", ("targets",)),)),
    (
        "wrong_loss_function",
        deep(loss=losses.summed_logits_cross_entropy),
        (Cause("wrong_loss", ("loss",)), Cause("lr_high", ("optimizer",))),
    ),
)
wrong_axis = (Cause("loss_pairing", ("act8", "loss")), Cause("architecture", ("act8",)))
wrong_axis_base = (Cause("loss_pairing", ("act4", "loss")), Cause("architecture", ("act4",)))

PROGRAMS = (
    Program("TDC-clean-deepCNN", CLEAN_DEEP, steps=200),
    *(Program(f"TDC-{fault}-deepCNN", faulty, CLEAN_DEEP, causes, 200) for fault, faulty, causes in SEEDED_DEEP),
    Program(
        "TDC-wrong_softmax_impl-deepCNN",
        deep(softmax_over(0), loss=losses.cross_entropy_as_given),
        deep(softmax, loss=losses.cross_entropy_as_given),
        wrong_axis,
        steps=200,
    ),
    Program(
        "TDC-wrong_softmax_impl-baseCNN",
        base(softmax_over(0), loss=losses.cross_entropy_as_given),
        base(softmax, loss=losses.cross_entropy_as_given),
        wrong_axis_base,
        steps=60,
    ),
    Program(
        "TDC-flipped_sign-baseCNN",
        base(optimizer=sgd(0.1, l2=1e-5, ascend=True)),
        CLEAN_BASE,
        (Cause("gradient_sign", ("optimizer", "loss")),),
        steps=60,
    ),
    Program(
        "TDC-wrong_init_random-baseCNN",
        base(init=normal(0.1)),
        CLEAN_BASE,
        (Cause("init_scale", ("fc1",), ("conv*", "fc1", "act*")),),
        steps=60,
    ),
    Program(
        "TDC-wrong_loss_selection-baseCNN",
        base(loss=losses.softmax_squared_error),
        CLEAN_BASE,
        (Cause("wrong_loss", ("loss",)),),
        steps=60,
    ),
    Program(
        "TDC-double_normalization-regrNN",
        regression(divisions=1),
        CLEAN_REGRESSION,
        (Cause("input_scale", ("inputs", "fc1")),),
        steps=2000,
    ),
    Program(
        "TDC-wrong_activation_out_softmax1-regrNN",
        regression(softmax),
        CLEAN_REGRESSION,
        (Cause("output_constant", ("act3", "fc3", "loss")), Cause("output_range", ("act3", "fc3", "loss"))),
        steps=2000,
    ),
    Program(
        "TDC-SO-IPS_12",
        questions_ips_12(truncated_normal(0.5)),
        questions_ips_12(he_normal),
        (Cause("init_scale", ("fc2",), ("fc*", "act*")),),
        steps=200,
    ),
    Program(
        "TDC-SO-IPS_13",
        RAW_HEART,
        SCALED_HEART,
        (Cause("lr_high", ("optimizer",)), Cause("input_scale", ("inputs", "fc1"))),
        steps=500,
    ),
)
