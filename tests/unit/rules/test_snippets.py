"""What a finding advises is run as written, and the finding is gone."""

import pytest
import torch
from torch import nn

from steadygrad.door import check
from steadygrad.rules.specimens import classification, mlp


@pytest.mark.parametrize(("activation", "depth"), [(nn.Sigmoid, 20), (nn.Tanh, 20), (nn.ReLU, 30)])
def test_the_advised_initialization_ends_the_finding(activation: type[nn.Module], depth: int) -> None:
    model = mlp(16, *[256] * depth, 4, activation=activation)
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, 0.0, 0.01, generator=torch.Generator().manual_seed(0))
    finding = next(f for f in check(classification(model)).findings if f.slug == "weight-scale")
    torch.manual_seed(0)
    exec(finding.snippet, {"torch": torch, "model": model})
    report = check(classification(model))
    assert report.ok and "weight-scale" not in [f.slug for f in report.findings], report
    signals = [row.q for row in report.layers if row.op == activation.__name__.lower()]
    assert max(signals) / min(signals) < 10
