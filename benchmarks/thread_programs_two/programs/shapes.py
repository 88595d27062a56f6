"""Answered with: `view` does not turn axes."""

from benchmarks.faulty_programs import losses
from benchmarks.faulty_programs.optimizers import adam
from benchmarks.faulty_programs.program import Cause, Setting
from benchmarks.thread_programs.judges import accuracy_along
from benchmarks.thread_programs.thread import repaired
from benchmarks.thread_programs_two import data, texts
from benchmarks.thread_programs_two.attention import Places
from benchmarks.thread_programs_two.modules import SentenceCopier, beside_each_other, cut_into_rows
from benchmarks.thread_programs_two.thread import Thread

copies = Setting(lambda: SentenceCopier(cut_into_rows), texts.sentences, losses.logits_cross_entropy, adam(0.003, eps=1e-8), 32, accuracy_along)

places = Setting(lambda: Places(False), data.asked_digits, losses.logits_cross_entropy, adam(0.003, eps=1e-8), 64)

THREADS = (
    Thread(
        "GH-sentence-vae-15", copies, repaired(copies, network=lambda: SentenceCopier(beside_each_other)),
        (Cause("architecture", ("", "encoder", "code")),), steps=600,
    ),
    Thread("GH-adaptive-attention-6", places, repaired(places, network=lambda: Places(True)), (Cause("architecture", ("", "cnn")),), steps=800),
)  # fmt: skip
