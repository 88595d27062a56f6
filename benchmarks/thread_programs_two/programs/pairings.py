"""Answered with: the loss wants log-probabilities."""

from collections import OrderedDict

from benchmarks.faulty_programs.optimizers import adam
from benchmarks.faulty_programs.program import Cause, Setting
from benchmarks.thread_programs.data import markov_text
from benchmarks.thread_programs.judges import accuracy_along
from benchmarks.thread_programs.modules import LanguageModel
from benchmarks.thread_programs.thread import repaired
from benchmarks.thread_programs_two import data, texts
from benchmarks.thread_programs_two.losses import negative_at_target
from benchmarks.thread_programs_two.modules import Cloud, Reader
from benchmarks.thread_programs_two.thread import Thread
from torch import nn


def _language(last: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(model=LanguageModel(), last=last))


language = Setting(lambda: _language(nn.Identity()), markov_text, negative_at_target, adam(0.005, eps=1e-8), 32, accuracy_along)

clouds = Setting(lambda: Cloud(nn.Identity()), data.clouds, negative_at_target, adam(eps=1e-8), 32)

articles = Setting(lambda: Reader(60, 16, 4, nn.Softmax(1)), texts.topics, negative_at_target, adam(eps=1e-8), 32)

THREADS = (
    Thread(
        "GH-flashlight-139", language, repaired(language, network=lambda: _language(nn.LogSoftmax(1))),
        (Cause("loss_pairing", ("model.fc", "last", "loss")),), steps=150,
    ),
    Thread(
        "GH-pointnet-30", clouds, repaired(clouds, network=lambda: Cloud(nn.LogSoftmax(1))),
        (Cause("loss_pairing", ("fc2", "last", "loss")),), steps=150,
    ),
    Thread(
        "GH-text-classification-models-9", articles, repaired(articles, network=lambda: Reader(60, 16, 4, nn.LogSoftmax(1))),
        (Cause("loss_pairing", ("last", "loss")),), steps=200,
    ),
)  # fmt: skip
