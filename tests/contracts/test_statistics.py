"""What every statistic promises, run over the whole catalogue."""

import json
import math

import pytest
import torch

from steadygrad.probes.statistics import source
from steadygrad.probes.statistics.catalog import statistics
from steadygrad.probes.statistics.in_memory import CODES, DefinitionReader
from steadygrad.probes.statistics.on_device import DeviceReader

every = pytest.mark.parametrize("statistic", statistics, ids=lambda statistic: statistic.name)


def example(dtype=torch.float32):
    x = torch.randn(8, 5, 6, generator=torch.Generator().manual_seed(3)).to(dtype)
    x[:, 2] = x[:, 1]
    x[3, 0, 0] = math.nan
    return x


@every
@pytest.mark.parametrize("dtype", CODES, ids=str)
def test_its_record_is_json(statistic, dtype):
    plain = statistic.observe(example(dtype)).to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) and statistic.cost in ("pass", "product") and statistic.unit


@every
def test_it_disturbs_nothing(statistic):
    x = example().requires_grad_()
    y = (2 * x).tanh()
    before, version, state = y.detach().clone(), y._version, torch.get_rng_state()
    statistic.observe(y)
    assert torch.equal(y.detach().view(torch.int32), before.view(torch.int32)) and y._version == version
    assert torch.equal(torch.get_rng_state(), state)
    y.nan_to_num().sum().backward()
    assert x.grad is not None and torch.is_grad_enabled()


@every
def test_it_is_the_same_twice_and_read_any_way(statistic, monkeypatch):
    x = example()
    first = statistic.observe(x).to_dict()
    assert statistic.observe(x.clone()).to_dict() == first
    for other in (DefinitionReader, DeviceReader):
        monkeypatch.setattr(source, "reader", lambda tensor, other=other: other(source.readable(tensor)))
        again = statistic.observe(x).to_dict()
        assert {
            name: pytest.approx(value, rel=1e-12) if isinstance(value, float) else value
            for name, value in first.items()
        } == again


@every
def test_it_reads_the_smallest_tensors(statistic):
    for shape in [(0,), (1,), (0, 3), (3, 0), (1, 1, 1)] + ([()] if not statistic.axes else []):
        json.dumps(statistic.observe(torch.zeros(shape)).to_dict(), allow_nan=False)
