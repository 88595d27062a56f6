"""Every kind of tensor reaches a reader, and every reader gives the same numbers."""

import math

import numpy as np
import pytest
import torch

from steadygrad.errors import InputError
from steadygrad.probes.statistics import moments, notes, units
from steadygrad.probes.statistics.in_memory import CODES, DefinitionReader, dense
from steadygrad.probes.statistics.on_device import DeviceReader
from steadygrad.probes.statistics.source import readable, reader


@pytest.mark.parametrize("shape", [(), (0, 3), (1, 1), (6, 5, 7), (4, 3, 8, 9)])
@pytest.mark.parametrize("dtype", CODES, ids=str)
def test_readers_agree(dtype, shape):
    x = (torch.randn(shape, generator=torch.Generator().manual_seed(1)) * 100).to(dtype)
    if x.numel() > 9:
        x.view(-1)[:8] = torch.tensor([0.0, -0.0, math.nan, math.inf, -math.inf, 1e-6, 65504.0, math.nan]).to(dtype)
    here, definition, device = reader(x), DefinitionReader(x), DeviceReader(x)
    assert here.moments() == definition.moments() and here.histogram() == definition.histogram()
    assert device.histogram() == here.histogram() and device.elements() == (device.moments(), device.histogram())
    count, total, square, *rest = device.moments()
    assert (count, *rest) == (here.moments()[0], *here.moments()[3:])
    scale = x.numel() * 2**-53
    assert abs(total - here.moments()[1]) <= scale * float(x[x.isfinite()].double().abs().sum())
    assert abs(square - here.moments()[2]) <= 2 * scale * here.moments()[2]
    for one, two, three in (
        zip(*(r.units(0, -1.0, 50.0) for r in (here, definition, device)), strict=True) if shape else ()
    ):
        assert np.array_equal(one, two)
        assert (
            np.allclose(one, three, rtol=1e-13, atol=1e-10)
            if np.asarray(one).dtype == float
            else np.array_equal(one, three)
        )


def test_dense_layouts_are_read_in_place():
    x = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)
    assert dense(x)[0].data_ptr() == x.data_ptr() and dense(x)[1] == (0, 2, 3, 1)
    assert dense(x.transpose(0, 2))[0].data_ptr() == x.data_ptr()
    assert dense(x[:, :, ::2])[0].data_ptr() != x.data_ptr()


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.to(memory_format=torch.channels_last),
        lambda x: x.permute(3, 1, 0, 2),
        lambda x: x[:, :, ::2, 1:],
        lambda x: x[:1].expand(4, -1, -1, -1),
        lambda x: x.flip(2),
    ],
    ids=["channels_last", "permuted", "sliced", "expanded", "flipped"],
)
def test_layout_changes_rounding_only(view):
    x = view(torch.randn(4, 3, 6, 5, generator=torch.Generator().manual_seed(2)).double())
    plain = x.contiguous()
    assert moments(x).to_dict() == pytest.approx(moments(plain).to_dict(), rel=1e-12)
    ours, theirs = units(x, 1, high=0.5), units(plain, 1, high=0.5)
    for name in ("zeros", "outside", "absmax", "nonfinite"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name))
    assert np.allclose(ours.square, theirs.square, rtol=1e-13)


def test_integers_and_booleans_are_exact():
    found = moments(torch.tensor([1, -(2**40), 0]))
    assert (found.sum, found.absmax, found.zeros) == (1.0 - 2**40, 2.0**40, 1)
    assert moments(torch.tensor([True, False, True])).sum == 2.0
    assert readable(torch.tensor([1], dtype=torch.int16)).dtype == torch.float32
    assert moments(torch.tensor([1.0, 448.0]).to(torch.float8_e4m3fn)).absmax == 448.0


def test_complex_numbers_are_two_entries():
    x = torch.tensor([3 - 4j, 0 + 1j]).conj()
    found = moments(x)
    assert (found.count, found.sum, found.square, found.absmax, found.zeros) == (4, 6.0, 26.0, 4.0, 1)
    assert units(torch.ones(3, 2, dtype=torch.complex64), 1).size == 6
    assert notes(x) == ("complex tensor: real and imaginary parts were read as separate entries",)


def test_lazy_negation_is_seen():
    assert torch.tensor([1 + 2j]).conj().imag.is_neg()
    assert moments(torch.tensor([1 + 2j]).conj().imag).sum == -2.0


def test_sparse_and_quantized_tensors():
    sparse = torch.sparse_coo_tensor([[0, 0, 2]], [1.0, 2.0, 5.0], (4,), check_invariants=True)
    assert (moments(sparse).sum, moments(sparse).zeros) == (8.0, 2)
    assert "sparse" in notes(sparse)[0]
    assert notes(torch.ones(2)) == ()


def test_a_distributed_tensor_is_read_locally():
    class Sharded(torch.Tensor):
        def to_local(self):
            return self.as_subclass(torch.Tensor)[:2]

    x = torch.arange(4.0).as_subclass(Sharded)
    assert moments(x).count == 2
    assert "only the shard" in notes(x)[0]


def test_subclasses_and_parameters():
    parameter = torch.nn.Parameter(torch.ones(3, 2))
    assert moments(parameter).sum == 6.0
    assert moments(torch.nn.Buffer(torch.ones(3))).count == 3


def test_what_has_no_values_is_refused():
    with pytest.raises(InputError, match=r"a meta tensor of shape \(2, 3\) has no values; materialise it"):
        moments(torch.empty(2, 3, device="meta"))
    with pytest.raises(InputError, match=r"a torch.Tensor is read, got ndarray"):
        moments(np.ones(3))
