"""Rates that train: where norms take a long step's length out, where a step serves, where learned scales let nothing through yet."""

import torch
from torch import nn

import steadygrad as sg
from steadygrad.rules.catalog.lr_too_high import _normed
from steadygrad.rules.catalog.lr_too_low import _layer_scale


def test_a_step_that_promises_much_and_trains() -> None:
    case = _normed()
    assert "O101" not in {f.code for f in sg.check(case).findings}
    start = case.loss_fn(case.model(case.inputs), case.targets)
    case.optimizer.zero_grad()
    start.backward()
    promised = 0.4 * sum(p.grad.square().sum() for p in case.model.parameters())
    assert promised > 10 * start, "so that the promise alone would call it"
    case.optimizer.step()
    for _ in range(60):
        loss = case.loss_fn(case.model(case.inputs), case.targets)
        case.optimizer.zero_grad()
        loss.backward()
        case.optimizer.step()
    assert loss < 0.3 * start


def test_without_norms_it_is_still_named() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(16, 64), nn.Tanh(), nn.Linear(64, 4))
    x, y = 60.0 * torch.randn(64, 16), torch.randint(0, 4, (64,))
    report = sg.check(net, x, y, nn.functional.cross_entropy, optimizer=torch.optim.SGD(net.parameters(), lr=50.0))
    assert not report.ok


def test_weights_behind_learned_scales_wait_for_them() -> None:
    assert not {"O101", "O102"} & {f.code for f in sg.check(_layer_scale()).findings}


def test_a_step_that_serves_is_no_error() -> None:
    """Adam takes this loss to a hundredth in one step, of which the gradient promised far more."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(16, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 4))
    for layer in net[::2]:
        nn.init.kaiming_normal_(layer.weight)
        nn.init.zeros_(layer.bias)
    x, y = torch.randn(4, 16), torch.tensor([0, 1, 2, 3])
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    found = sg.check(net, x, y, nn.functional.cross_entropy, optimizer=optimizer)
    before = nn.functional.cross_entropy(net(x), y)
    before.backward()
    promised = 5e-3 * sum(p.grad.abs().sum() for p in net.parameters())
    optimizer.step()
    assert promised > 10 * before and nn.functional.cross_entropy(net(x), y) < 0.5 * before
    assert found.ok and [f.severity for f in found.findings if f.code == "O101"] == ["warning"]
