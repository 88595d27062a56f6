"""What a trace has seen is gone with the last who holds it, and does not wait for a garbage collection."""

import gc
import weakref

import torch
from torch import nn

from steadygrad.graph.trace import NoObserver, trace


class Watching(NoObserver):
    """One that a weak reference can point to."""


def test_a_trace_leaves_no_circles() -> None:
    net, observer = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), Watching()
    held = weakref.ref(observer)
    gc.collect()
    gc.disable()
    try:
        found = trace(net, torch.ones(5, 3), observer=observer)
        assert len(found.graph.nodes) > 3
        del observer, found
        assert held() is None
    finally:
        gc.enable()
