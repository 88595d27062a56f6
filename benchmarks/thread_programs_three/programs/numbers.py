"""Answered with: something is not a number – a logarithm or a quotient at zero."""

from benchmarks.faulty_programs import losses
from benchmarks.faulty_programs.network import dense, network, relu
from benchmarks.faulty_programs.optimizers import adam
from benchmarks.faulty_programs.program import Cause, Setting, r_squared
from benchmarks.thread_programs.thread import repaired
from benchmarks.thread_programs_three import data
from benchmarks.thread_programs_three.modules import Loudness
from benchmarks.thread_programs_three.thread import Thread

sounds = Setting(lambda: Loudness(0.0), data.tones, losses.logits_cross_entropy, adam(eps=1e-8), 32)

counted = Setting(lambda: network((18,), dense(8), relu, dense(18)), data.counts(False), losses.mean_squared_error, adam(0.003), 32, r_squared)

THREADS = (
    Thread("PT-torch-log", sounds, repaired(sounds, network=lambda: Loudness(1e-7)), (Cause("numeric_log", ("log",)),), steps=200),
    Thread(
        "GH-deepreflect-11", counted, repaired(counted, data=data.counts(True)),
        (Cause("input_scale", ("inputs", "targets")), Cause("target_scale", ("targets",))), steps=400,
    ),
)  # fmt: skip
