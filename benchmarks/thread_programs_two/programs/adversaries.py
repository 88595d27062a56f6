"""Answered with: nothing tells your generator the right way."""

import torch
from benchmarks.faulty_programs import losses
from benchmarks.faulty_programs.optimizers import rmsprop
from benchmarks.faulty_programs.program import Cause, Setting
from benchmarks.thread_programs.thread import repaired
from benchmarks.thread_programs_two import data
from benchmarks.thread_programs_two.adversaries import Pair
from benchmarks.thread_programs_two.judges import belief
from benchmarks.thread_programs_two.losses import mean_score, negative_mean_score
from benchmarks.thread_programs_two.thread import Thread


def _of_generator(model: Pair) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.generator.parameters(), lr=2e-4, betas=(0.5, 0.999))


cut = Setting(lambda: Pair(cut=True), data.latent, losses.logits_binary_cross_entropy, _of_generator, 64, belief)

downhill = Setting(lambda: Pair(frozen=True), data.latent, mean_score, rmsprop(5e-5, eps=1e-8), 64, belief)

THREADS = (
    Thread("WEB-dcgan-detach", cut, repaired(cut, network=Pair), (Cause("frozen", ("generator",), ("generator.*",)),), steps=300),
    Thread("GH-pytorch-wgan-53", downhill, repaired(downhill, loss=negative_mean_score), (Cause("gradient_sign", ("loss",)),), steps=800),
)
