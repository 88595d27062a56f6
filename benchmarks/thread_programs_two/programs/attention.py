"""Answered with: your attention's softmax runs over the wrong axis."""

from benchmarks.faulty_programs import losses
from benchmarks.faulty_programs.optimizers import adam
from benchmarks.faulty_programs.program import Cause, Setting
from benchmarks.thread_programs.thread import repaired
from benchmarks.thread_programs_two import texts
from benchmarks.thread_programs_two.attention import Lookup, Questions
from benchmarks.thread_programs_two.thread import Thread
from torch import nn

lookups = Setting(lambda: Lookup(nn.Softmax(0)), texts.lookups, losses.logits_cross_entropy, adam(0.003, eps=1e-8), 8)

relations = Setting(lambda: Questions(2), texts.questions, losses.logits_cross_entropy, adam(0.003, eps=1e-8), 64)

THREADS = (
    Thread(
        "GH-PyTorch-NLP-2", lookups, repaired(lookups, network=lambda: Lookup(nn.Softmax(1))),
        (Cause("architecture", ("shares", "")), Cause("loss_pairing", ("shares",))), steps=600,
    ),
    Thread(
        "GH-KEQA-2", relations, repaired(relations, network=lambda: Questions(1)),
        (Cause("output_constant", ("softmax",)), Cause("architecture", ("softmax", "weigh", ""))), steps=400,
    ),
)  # fmt: skip
