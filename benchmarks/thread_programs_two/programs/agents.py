"""Answered with: look at what the agent is told – whose gradient, which target, which axis."""

from benchmarks.faulty_programs.network import network, relu
from benchmarks.faulty_programs.optimizers import adam
from benchmarks.faulty_programs.program import Cause, Setting, r_squared
from benchmarks.thread_programs.modules import torch_dense
from benchmarks.thread_programs.thread import repaired
from benchmarks.thread_programs_two import data, texts
from benchmarks.thread_programs_two.judges import accuracy_of_first_scores, r_squared_of_columns
from benchmarks.thread_programs_two.losses import (
    actor_and_critic,
    actor_and_critic_apart,
    broadcast_likelihood,
    of_taken_action,
    quantiles_along_draws,
    quantiles_along_outputs,
    squared_difference,
    weighed_likelihood,
)  # fmt: skip
from benchmarks.thread_programs_two.modules import Choices, Reader
from benchmarks.thread_programs_two.thread import Thread
from torch import nn


def _net(states: int, width: int):
    return lambda: network((states,), torch_dense(64), relu, torch_dense(64), relu, torch_dense(width))


quantiles = Setting(_net(6, 16), data.returns, quantiles_along_draws, adam(eps=1e-8), 64, r_squared)

choices = Setting(Choices, data.logged_choices, actor_and_critic, adam(eps=1e-8), 64, accuracy_of_first_scores(4))

worths = Setting(lambda: Reader(30, 8, 1, nn.Flatten(0)), texts.returns_of_texts, squared_difference, adam(eps=1e-8), 32, r_squared_of_columns)

imitation = Setting(_net(6, 2), data.weighed_actions, broadcast_likelihood, adam(eps=1e-8), 64, r_squared)

values = Setting(_net(8, 6), data.transitions("index"), of_taken_action, adam(0.003, eps=1e-8), 64, r_squared)

THREADS = (
    Thread(
        "GH-QR-DQN-1", quantiles, repaired(quantiles, loss=quantiles_along_outputs),
        (Cause("wrong_loss", ("loss",)), Cause("labels", ("loss",))), steps=400,
    ),
    Thread("GH-RLexample-12", choices, repaired(choices, loss=actor_and_critic_apart), (Cause("wrong_loss", ("loss",)),), steps=400),
    Thread(
        "GH-RLinf-1568", worths, repaired(worths, network=lambda: Reader(30, 8, 1, nn.Identity())),
        (Cause("labels", ("targets", "loss", "last")), Cause("wrong_loss", ("loss",))), steps=300,
    ),
    Thread(
        "GH-acme-277", imitation, repaired(imitation, loss=weighed_likelihood),
        (Cause("labels", ("targets", "loss")), Cause("wrong_loss", ("loss",))), steps=300,
    ),
    Thread("GH-Game-AI-7", values, repaired(values, data=data.transitions("value")), (Cause("labels", ("targets",)),), steps=400),
)  # fmt: skip
