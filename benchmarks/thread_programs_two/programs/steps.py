"""Answered with: look at how you step – the rate, the optimizer, what is left of the last step, what a batch holds."""

import torch
from benchmarks.faulty_programs import losses
from benchmarks.faulty_programs.initializers import truncated_normal
from benchmarks.faulty_programs.network import batch_norm, conv, dense, flatten, max_pool, network, relu, sigmoid
from benchmarks.faulty_programs.optimizers import adam, sgd
from benchmarks.faulty_programs.program import Cause, Setting, r_squared
from benchmarks.thread_programs.data import digits
from benchmarks.thread_programs.modules import module, torch_conv, torch_dense
from benchmarks.thread_programs.thread import repaired
from benchmarks.thread_programs_two import data
from benchmarks.thread_programs_two.losses import angular_margin, hundredfold_cross_entropy
from benchmarks.thread_programs_two.modules import Cosines
from benchmarks.thread_programs_two.thread import Thread
from torch import nn


def _faces() -> nn.Sequential:
    block = (torch_conv(16, 3), relu, max_pool)
    return network((1, 28, 28), *block, *block, flatten, torch_dense(64), batch_norm(0.1), module("cosines", lambda: Cosines(64, 10)))


faces = Setting(_faces, digits(), angular_margin, sgd(1.0, 0.9, l2=5e-4), 64)


def _five_layers() -> nn.Sequential:
    layers = [layer for width in (200, 100, 60, 30) for layer in (dense(width, truncated_normal(0.1)), sigmoid)]
    return network((784,), *layers, dense(10, truncated_normal(0.1)))


five = Setting(_five_layers, digits(flat=True), hundredfold_cross_entropy, sgd(0.003), 100)


def forgetful(model: nn.Module) -> torch.optim.Optimizer:
    """SGD whose gradients add up from step to step, as in a loop that never sets them to zero."""
    optimizer = sgd(0.1)(model)
    optimizer.zero_grad = lambda set_to_none=True: None
    return optimizer


piled = Setting(lambda: network((4,), torch_dense(2)), data.few_rows, losses.mean_squared_error, forgetful, 80, r_squared)


def _pictures() -> nn.Sequential:
    block = (conv(16, 3), relu, max_pool)
    return network((1, 28, 28), *block, *block, flatten, dense(10))


folders = Setting(_pictures, data.sorted_digits, losses.logits_cross_entropy, sgd(0.001, 0.9, nesterov=True, l2=1e-4), 64)

THREADS = (
    Thread("GH-insightface-1734", faces, repaired(faces, optimizer=sgd(0.1, 0.9, l2=5e-4)), (Cause("lr_high", ("optimizer",)),), steps=200),
    Thread(
        "GH-codelabs-228", five, repaired(five, optimizer=adam(0.003)),
        (Cause("optimizer", ("optimizer",)), Cause("saturating_activation", ("act1",), ("act*",)), Cause("lr_low", ("optimizer",))), steps=400,
    ),
    Thread("GH-aihwkit-446", piled, repaired(piled, optimizer=sgd(0.1)), (Cause("none_visible", ("optimizer",)),), steps=100),
    Thread(
        "GH-super-gradients-416", folders, repaired(folders, data=digits()),
        (Cause("data_balance", ("targets", "inputs")), Cause("labels", ("targets",))), steps=400,
    ),
)  # fmt: skip
