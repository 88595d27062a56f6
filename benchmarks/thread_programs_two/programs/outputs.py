"""Answered with: your last activation cannot make these numbers, or stops learning."""

from benchmarks.faulty_programs import losses
from benchmarks.faulty_programs.optimizers import adam, rmsprop
from benchmarks.faulty_programs.program import Cause, Setting, r_squared
from benchmarks.thread_programs.data import copied_digits
from benchmarks.thread_programs.thread import repaired
from benchmarks.thread_programs_two import data, texts
from benchmarks.thread_programs_two.judges import r_squared_of_first
from benchmarks.thread_programs_two.losses import variational
from benchmarks.thread_programs_two.modules import Chains, MultiView, Variational
from benchmarks.thread_programs_two.thread import Thread
from torch import nn

grey = Setting(
    lambda: Variational(768, 64, 16),
    data.copied_colours(-1.0),
    variational(768, 16, losses.mean_squared_error, 1.0),
    adam(eps=1e-8),
    64,
    r_squared_of_first(768),
)

times = Setting(lambda: Chains(nn.ReLU()), texts.peptides, losses.mean_squared_error, adam(0.005), 32, r_squared)

sides = Setting(lambda: MultiView(nn.ReLU()), data.views, losses.logits_cross_entropy, adam(eps=1e-8), 16)

flat = Setting(
    lambda: Variational(784, 120, 2), copied_digits(), variational(784, 2, losses.binary_cross_entropy_of_probabilities, 1.0), rmsprop(), 100,
    r_squared_of_first(784),
)  # fmt: skip

THREADS = (
    Thread(
        "SO-vae-grey-noise", grey, repaired(grey, data=data.copied_colours(0.0), loss=variational(768, 16, losses.mean_squared_error, 768.0)),
        (Cause("output_range", ("act", "targets")), Cause("wrong_loss", ("loss",))), steps=400,
    ),
    Thread(
        "GH-keras-3383", flat, repaired(flat, loss=variational(784, 2, losses.binary_cross_entropy_of_probabilities, 784.0)),
        (Cause("wrong_loss", ("loss",)),), steps=400,
    ),
    Thread(
        "GH-ProteomicsML-203", times, repaired(times, network=lambda: Chains(nn.Identity())),
        (Cause("dead_units", ("act", "fc")), Cause("output_range", ("act",))), steps=700,
    ),
    Thread(
        "GH-MVCNN-14", sides, repaired(sides, network=lambda: MultiView(nn.Identity())),
        (Cause("dead_units", ("act8",)), Cause("output_range", ("act8",)), Cause("loss_pairing", ("act8", "loss"))), steps=200,
    ),
)  # fmt: skip
