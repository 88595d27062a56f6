"""Answered with: look at how the loss is computed – shapes, sums, roots, logarithms."""

from benchmarks.faulty_programs import losses
from benchmarks.faulty_programs.initializers import he_normal
from benchmarks.faulty_programs.network import conv, dense, flatten, max_pool, network, relu
from benchmarks.faulty_programs.optimizers import adam, sgd
from benchmarks.faulty_programs.program import Cause, Setting, r_squared
from benchmarks.thread_programs import data
from benchmarks.thread_programs.judges import accuracy_of_distances
from benchmarks.thread_programs.losses import added_up_cross_entropy, contrastive, softmax_by_hand
from benchmarks.thread_programs.modules import Forecaster, Siamese, torch_dense
from benchmarks.thread_programs.thread import Thread, repaired

SHAPES = (Cause("labels", ("targets", "loss")), Cause("wrong_loss", ("loss",)))

forecaster = Setting(Forecaster, data.walks("(N,)"), losses.mean_squared_error, adam(eps=1e-8), 64, r_squared)

critic = Setting(
    lambda: network((28,), torch_dense(64), relu, torch_dense(64), relu, torch_dense(1)),
    data.states(False),
    losses.mean_squared_error,
    adam(eps=1e-8),
    64,
    r_squared,
)


def _alexnet():
    block = (conv(16, 5), relu, max_pool)
    return network((3, 32, 32), *block, *block, conv(32, 3), relu, max_pool, flatten, dense(10))


added_up = Setting(_alexnet, data.coloured, added_up_cross_entropy, sgd(0.001, 0.9, l2=0.004), 100)

twins = Setting(Siamese, data.pairs_of_points, contrastive(0.0), adam(eps=1e-8), 128, accuracy_of_distances)


def _from_scratch():
    first, second = (conv(width, kernel, he_normal, same=False) for width, kernel in ((20, 3), (50, 5)))
    return network((1, 28, 28), first, relu, max_pool, second, relu, max_pool, flatten, dense(128, he_normal), relu, dense(10, he_normal))


by_hand = Setting(_from_scratch, data.digits(), softmax_by_hand, sgd(0.01), 64)

THREADS = (
    Thread("GH-coursia-926", forecaster, repaired(forecaster, data=data.walks("(N, 1)")), SHAPES, steps=400),
    Thread("GH-reinforcement-learning-lab-1", critic, repaired(critic, data=data.states(True)), SHAPES, steps=400),
    Thread(
        "GH-singa-333", added_up, repaired(added_up, loss=losses.logits_cross_entropy),
        (Cause("wrong_loss", ("loss",)), Cause("lr_high", ("optimizer",)), Cause("exploding_activation", ("conv1",))), steps=150,
    ),
    Thread("GH-siamese-triplet-18", twins, repaired(twins, loss=contrastive(1e-9)), (Cause("numeric_log", ("loss",)),), steps=300),
    Thread("GH-straight-dope-3", by_hand, repaired(by_hand, loss=losses.logits_cross_entropy), (Cause("numeric_log", ("loss",)),), steps=150),
)  # fmt: skip
