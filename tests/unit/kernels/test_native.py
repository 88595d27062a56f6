"""The C kernel gives the bits of its NumPy definition: every type, shape, instruction set and number of threads."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from steadygrad.kernels import loader
from steadygrad.kernels.loader import native
from steadygrad.probes.statistics.in_memory import CODES, DefinitionReader, NativeReader

pytestmark = pytest.mark.skipif(native is None, reason="the C extension was not built here")
SHAPES = [
    ((1,), 0),
    ((7,), 0),
    ((5, 33, 3), 1),
    ((40, 100), 1),
    ((3, 5, 64), 1),
    ((2, 3, 49), 1),
    ((3, 4, 2100), 1),
    ((30, 513), 0),
    ((17, 9, 63), 1),
    ((40_000,), 0),
    ((131_100,), 0),
]


def awkward(shape, dtype, finite):
    """Numbers over many octaves with zeros of both signs, a subnormal, and (unless `finite`) NaN and infinities."""
    draw = torch.Generator().manual_seed(len(shape))
    spread = 5 if dtype == torch.float16 else 20
    x = torch.randn(shape, generator=draw) * torch.exp2(spread * torch.randn(shape, generator=draw))
    x = x.to(dtype)
    flat = x.view(-1)
    flat[::7], flat[3::11] = 0, -0.0
    flat[2:3] = 3e-7 if dtype == torch.float16 else 1e-42
    if not finite:
        flat[1::13], flat[2::17], flat[2::19] = float("nan"), float("inf"), -float("inf")
    return x


def assert_same(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        assert np.array_equal(np.asarray(one), np.asarray(other))


@pytest.fixture(params=[0, 1, 2], ids=["plain", "avx2", "avx512"])
def instructions(request):
    """Each instruction set the machine has, at most the requested one."""
    yield native.prepare(request.param)
    native.prepare(2)


@pytest.mark.parametrize("finite", [True, False])
@pytest.mark.parametrize("dtype", CODES, ids=str)
def test_same_bits_as_the_definition(instructions, dtype, finite):
    for shape, axis in SHAPES:
        x = awkward(shape, dtype, finite)
        ours, theirs = NativeReader(x), DefinitionReader(x)
        assert_same(ours.moments(), theirs.moments())
        for one, other in zip(ours.elements(), theirs.elements(), strict=True):
            assert_same(one, other)
        for limits in ((None, None), (-0.1, 0.3), (None, 2.0)):
            assert_same(ours.units(axis, *limits), theirs.units(axis, *limits))


@pytest.mark.parametrize("dtype", CODES, ids=str)
def test_short_and_long_sums_are_chosen_as_in_the_definition(instructions, dtype):
    x = torch.randn(100_003, generator=torch.Generator().manual_seed(0)).double()
    later = torch.arange(len(x)) > 40_000  # the first chunk differs from the others
    shifted = [x.relu(), x + 0.99, x + 1.01, x + 9, torch.where(later, x, x + 9), torch.cat([x[:512] + 9, x[512:]])]
    shifted += [torch.cat([0 * x[:n], x[n:] * scale]) for n in (511, 512, 1_700, 32_768, 99_999) for scale in (1, 2.0**-40)]  # units that are off
    scales = (0, *(2.0**order for order in (-60, -40, -28, -27, -26, -25, 22, 23, 24, 57, 63)))  # no scaling between 2⁻²⁴ and 2²⁵
    cases = [x, *shifted, *(x * scale for scale in scales)]
    for case in [*cases, *(x[:n] for n in (1, 31, 32, 511, 512, 513, 2049, 32_768, 32_769))]:
        tensor = case.to(dtype)
        for one, other in zip(NativeReader(tensor).elements(), DefinitionReader(tensor).elements(), strict=True):
            assert_same(one, other)


@pytest.mark.parametrize("dtype", CODES, ids=str)
def test_zeros_are_counted_wherever_the_first_stands(instructions, dtype):
    for rare in (0.0, -0.0, 5e-324, 1e-42):  # subnormals of some types are zeros of others
        for at in (0, 511, 512, 1_600, 33_000, 40_001):
            x = torch.ones(40_002, dtype=torch.float64)
            x[1::2] = -1
            x[at] = rare
            tensor = x.to(dtype)
            assert NativeReader(tensor).moments()[4] == DefinitionReader(tensor).moments()[4] == int((tensor == 0).sum())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_all_patterns_of_short_types(dtype):
    x = torch.arange(-(1 << 15), 1 << 15, dtype=torch.int16).view(dtype)
    for one, other in zip(NativeReader(x).elements(), DefinitionReader(x).elements(), strict=True):
        assert_same(one, other)
    assert_same(NativeReader(x).units(0, None, None), DefinitionReader(x).units(0, None, None))


@pytest.mark.parametrize("threads", [2, 3, 70])
def test_threads_do_not_change_a_bit(threads, monkeypatch):
    x = awkward((3, 11, 40_000), torch.float32, finite=False)
    one = NativeReader(x).elements(), NativeReader(x).units(1, -1.0, 1.0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    many = NativeReader(x).elements(), NativeReader(x).units(1, -1.0, 1.0)
    assert one[0] == many[0]
    assert_same(one[1], many[1])


def test_memory_that_is_not_aligned_to_vectors():
    x = awkward((5000,), torch.float32, finite=True)
    shifted = torch.empty(5001)[1:].copy_(x)
    assert NativeReader(shifted).elements() == NativeReader(x).elements()


def test_what_does_not_lie_row_after_row_is_not_read_in_place():
    x = torch.randn(4, 6)
    others = [x.T, x[:, 1:], x.to_sparse(), x.to("meta"), x.int(), x.to(torch.complex64), torch._neg_view(x), x[:, :1].expand(4, 6)]
    assert [native.elements(other, False) for other in others] == [None] * len(others)
    held = [x, x[1:], x[:, None], x[1, 2], x[:, :1][1:2], torch.nn.Parameter(x), x.requires_grad_() * 2, torch.empty(0, 3)]
    assert all(native.elements(other, False) == NativeReader(other.detach().clone()).row(False)._words for other in held)


def test_without_the_exchange_of_tensors_nothing_is_read_in_place(monkeypatch):
    from steadygrad.probes.statistics import source

    exchange = torch.Tensor.__dlpack_c_exchange_api__
    try:
        native.introduce(source.PLAIN, torch.get_num_threads, None)
        assert native.elements(torch.ones(3), False) is None
        with pytest.raises(ValueError, match="PyCapsule_GetPointer"):
            native.introduce(source.PLAIN, torch.get_num_threads, 3)
    finally:
        native.introduce(source.PLAIN, torch.get_num_threads, exchange)


def test_wrong_arguments_are_refused():
    with pytest.raises(TypeError, match="at least 7 arguments, got 2"):
        native.read(0, 0)
    with pytest.raises(ValueError, match="0 to 3, got 9"):
        native.read(0, 1, 1, 0, 9, 1, 0)
    with pytest.raises(TypeError, match="integer"):
        native.read("0", 1, 1, 0, 0, 1, 0)
    with pytest.raises(TypeError, match="must be real number, not str"):
        native.read(0, 1, 1, 0, 0, 1, 2, "low", 1.0)
    with pytest.raises(ValueError, match="0 to 3, got -1"):
        native.squares(0, 0, 0, -1)


def test_wrong_numbers_of_arguments_are_refused():
    for function, wanted in ((native.introduce, 3), (native.elements, 2), (native.note, 5)):
        with pytest.raises(TypeError, match=f"expected {wanted} arguments, got 1"):
            function(torch.zeros(1))


@pytest.mark.parametrize("dtype", CODES, ids=str)
def test_tensors_are_read_as_their_memory_is(dtype):
    x = awkward((5, 33), dtype, finite=False)
    row = NativeReader(x).row(True)
    for tensor in (x, torch.nn.Parameter(x), (x.requires_grad_() * 1).detach()):
        assert native.elements(tensor, True) == row._words and native.elements(tensor, False) == NativeReader(x).row(False)._words


def test_what_does_not_lie_as_it_should_is_left_to_others():
    x, found = torch.randn(4, 6), {}
    conjugate = torch.randn(3, dtype=torch.complex64).conj()
    for tensor in (x.T, x[:, ::2], x.long(), x.to_sparse(), conjugate, conjugate.imag, x.to("meta"), 3.0):
        assert native.elements(tensor, True) is None
    native.note(found, "seen", False, lambda tensor, magnitudes: (tensor.shape, magnitudes), x.T)
    native.note(found, "read", False, None, x)
    assert found == {"seen": ((6, 4), False), "read": native.elements(x, False)}
    with pytest.raises(ZeroDivisionError):
        native.note(found, "raised", False, lambda tensor, magnitudes: 1 / 0, x.T)


def test_a_module_built_from_older_sources_is_none(monkeypatch):
    monkeypatch.setattr(loader.importlib, "import_module", lambda name: object())
    assert loader.load() is None


@pytest.mark.parametrize("finite", [True, False])
@pytest.mark.parametrize("dtype", CODES, ids=str)
def test_squares_of_samples_are_those_of_the_definition(instructions, dtype, finite):
    for shape in [(3, 1), (4, 33), (2, 64), (5, 65), (1, 40_000), (3, 17, 9), (0, 4)]:
        x = awkward(shape, dtype, finite) if shape[0] else torch.empty(shape, dtype=dtype)
        assert np.array_equal(NativeReader(x).squares(), DefinitionReader(x).squares())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_magnitudes_far_below_the_largest_are_counted(instructions, dtype):
    """Octaves next to the largest are counted by comparing, all others by table: over many, few and single values."""
    draw = torch.Generator().manual_seed(5)
    for octaves in (3, 20, 60, 200):
        x = torch.exp2(60 - octaves * torch.rand(70_001, generator=draw)).to(dtype)
        x[::50] = 0
        assert NativeReader(x).histogram() == DefinitionReader(x).histogram()


@pytest.mark.parametrize("switch", ["0", "1"])
def test_environment_switches_the_kernels_off(switch):
    code = "from steadygrad.kernels.loader import native; print(native is None)"
    environment = {**os.environ, "STEADYGRAD_KERNELS": switch}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(switch == "0")
