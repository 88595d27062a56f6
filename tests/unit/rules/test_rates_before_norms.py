"""Networks with batch norm promise falls of many times the loss at rates that train them."""

import torch
from torch import nn

import steadygrad as sg
from steadygrad.rules.catalog.lr_too_high import _normed


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
