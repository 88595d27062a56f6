"""A view is computed once per evidence, and kept nowhere else."""

import gc
import weakref
from dataclasses import replace

import torch

from steadygrad.pipeline import examine, observe
from steadygrad.probes.evidence import Evidence
from steadygrad.rules import weights
from steadygrad.rules.catalog import RULES
from steadygrad.rules.gradient_flow import gradient_flow
from steadygrad.rules.once import once
from steadygrad.rules.specimens import classification, mlp


def evidence() -> Evidence:
    net = mlp(16, 32, 32, 4)
    return observe(classification(net, optimizer=torch.optim.SGD(net.parameters(), 0.1)))


def test_computed_once_for_each_evidence() -> None:
    calls = []
    view = once(lambda evidence: calls.append(evidence) or len(calls))
    first = evidence()
    second = replace(first, signals={})
    assert [view(first), view(first), view(second), view(first)] == [1, 1, 2, 1]


def test_rules_share_what_they_derive(monkeypatch) -> None:
    calls = []
    small = weights._small_scale
    monkeypatch.setattr(weights, "_small_scale", lambda evidence, node: calls.append(node.index) or small(evidence, node))
    found = evidence()
    examine(found, [rule() for rule in RULES])
    assert len(calls) == sum(len(readers) for readers in found.graph.consumers().values())


def test_nothing_outlives_the_evidence_and_equality_ignores_it() -> None:
    found = evidence()
    same = replace(found)
    assert gradient_flow(found) is gradient_flow(found) and found == same and "views" not in repr(found)
    gone = weakref.ref(found)
    del found, same
    gc.collect()
    assert gone() is None
