"""Hooks without handles: called as `register_hook` calls them, beside those of others, and gone when detached."""

import torch

from steadygrad.probes.gradient_hooks import attach, detach


def test_leaves_and_results_call_their_hooks_in_turn():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * 3
    seen = []
    y.register_hook(lambda g: seen.append(("theirs", g.tolist())))
    attach(y, lambda g: seen.append(("ours", g.tolist())))
    attach(x, lambda g: seen.append(("leaf", g.tolist())))
    x.register_hook(lambda g: g * 10)
    (y * torch.tensor([1.0, 5.0])).sum().backward()
    assert seen == [("theirs", [1.0, 5.0]), ("ours", [1.0, 5.0]), ("leaf", [3.0, 15.0])]
    assert x.grad.tolist() == [30.0, 150.0]


def test_detached_hooks_are_not_called_and_others_stay():
    x, seen = torch.ones(2, requires_grad=True), []
    handle = x.register_hook(lambda g: seen.append("theirs"))

    def ours(_gradient):
        seen.append("ours")

    attach(x, ours)
    detach(x, ours)
    detach(x, ours)
    x.sum().backward()
    assert seen == ["theirs"]
    handle.remove()
    x.sum().backward()
    assert seen == ["theirs"]


def test_nothing_to_detach():
    x = torch.ones(2, requires_grad=True)
    detach(x, print)
    assert x._backward_hooks is None


def test_results_of_custom_functions_and_views_changed_in_place():
    x = torch.arange(4.0, requires_grad=True)
    y = x.clone()
    y[:2].mul_(2.0)
    seen = []
    attach(y, lambda g: seen.append(g.tolist()))
    y.exp().sum().backward()
    assert torch.allclose(torch.tensor(seen[0]), y.exp())
