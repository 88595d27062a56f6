"""`draw_` puts the definition's bits into any tensor of floats, touches nothing else, and refuses what cannot hold them."""

import numpy as np
import pytest
import torch
from torch import nn

import steadygrad as sg
from steadygrad import schemes
from steadygrad.drawing import draw_, law_of, overlapping, smallest
from steadygrad.errors import InputError, TargetError
from steadygrad.randomness import Fans, blocks, constant, identity, normal, orthogonal, rademacher, sparse, truncated_normal, uniform
from steadygrad.randomness.assembly import Source, draw
from steadygrad.randomness.backends import torch as backend
from steadygrad.schemes.scheme import Scheme

LAWS = [
    *(normal(0.3), uniform(-1.0, 2.0), truncated_normal(0.1), rademacher(0.5), orthogonal(), identity(), identity(-0.3), identity(0.1, wrap=True)),
    *(sparse(1.0, 0.3), blocks(identity(), normal(0.1))),
]
NAMES = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32, "float64": torch.float64}


def bits(tensor: torch.Tensor) -> bytes:
    return tensor.detach().contiguous().view(torch.uint8).numpy().tobytes()


@pytest.mark.parametrize("dtype", NAMES)
@pytest.mark.parametrize("law", LAWS, ids=lambda law: type(law).__name__)
def test_bits_are_those_of_the_array(law, dtype: str) -> None:
    expected = Source("w", 5, dtype, backend.orthonormal).draw(law, (8, 6)).tobytes()  # sums run in torch's BLAS
    for tensor in (torch.empty(8, 6, dtype=NAMES[dtype]), torch.empty(6, 8, dtype=NAMES[dtype]).T, torch.empty(16, 12, dtype=NAMES[dtype])[::2, ::2]):
        assert bits(draw_(tensor, law, name="w", seed=5)) == expected


def test_orthogonal_draws_are_the_arrays_to_rounding() -> None:
    tensor, array = draw_(torch.empty(64, 48), orthogonal(), name="w", seed=5), draw(orthogonal(), (64, 48), name="w", seed=5)
    assert (tensor - torch.from_numpy(array)).abs().max() < 64 * 2.0**-23


@pytest.mark.parametrize("dtype", NAMES)
@pytest.mark.parametrize("value", [0.0, -0.0, 0.1, 1e-8, 3e38])
def test_constants_are_rounded_as_draws_are(value: float, dtype: str) -> None:
    with np.errstate(over="ignore"):  # 3e38 is infinite in float16
        expected = draw(constant(value), (3, 2), dtype, name="w").tobytes()
    assert bits(draw_(torch.empty(3, 2, dtype=NAMES[dtype]), constant(value), name="w")) == expected


def test_a_view_leaves_the_rest_of_its_tensor() -> None:
    whole = torch.full((6, 8), 7.0)
    draw_(whole[1:5, ::2], normal(1.0), name="w")
    assert (whole == 7.0).sum() == 6 * 8 - 4 * 4


@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")
@pytest.mark.parametrize("dtype", [torch.complex32, torch.complex64, torch.complex128])
@pytest.mark.parametrize("conjugated", [False, True])
def test_complex_parts_are_tensors_of_their_own(dtype, conjugated: bool) -> None:
    tensor = torch.zeros(4, 5, dtype=dtype)
    drawn = draw_(tensor.conj() if conjugated else tensor, normal(1.0), name="w", seed=3).resolve_conj()
    real = draw_(torch.empty(4, 5, dtype=drawn.real.dtype), normal(1.0), name="w[0]", seed=3)
    imag = draw_(torch.empty(4, 5, dtype=drawn.real.dtype), normal(1.0), name="w[1]", seed=3)
    assert torch.equal(drawn.real, real) and torch.equal(drawn.imag.resolve_neg(), imag)


def test_complex_schemes_keep_the_power_of_a_signal() -> None:
    """E|w|²·fan_in = 1; the mean of 2·65536 squares of variance 2σ⁴ each lies within 5·√2/√131072 = 2 %."""
    weight = draw_(torch.empty(256, 256, dtype=torch.complex64), schemes.complex_he(), name="w")
    assert 256 * weight.abs().square().mean().item() == pytest.approx(1.0, rel=0.02)


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_narrower_types_are_rounded_from_float32(dtype) -> None:
    expected = draw_(torch.empty(33), normal(1.0), name="w").to(dtype)
    assert bits(draw_(torch.empty(33, dtype=dtype), normal(1.0), name="w")) == bits(expected)


def test_parameters_keep_their_grad_flag_and_count_the_write() -> None:
    weight = nn.Parameter(torch.zeros(3, 4))
    version = weight._version
    assert draw_(weight, "he_normal", name="w") is weight
    assert weight.requires_grad and weight.is_leaf and weight._version == version + 1
    saved = weight.square().sum()
    draw_(weight, "he_normal", name="w")
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        saved.backward()


def test_inference_tensors_are_drawn_too() -> None:
    with torch.inference_mode():
        inside = draw_(torch.empty(4, 4), normal(1.0), name="w")
    assert torch.equal(draw_(torch.zeros_like(inside), normal(1.0), name="w"), inside.clone())
    assert torch.equal(draw_(inside, normal(1.0), name="v").clone(), draw_(torch.empty(4, 4), normal(1.0), name="v"))


def test_global_generators_are_left_alone() -> None:
    import random

    import numpy as np

    before = torch.get_rng_state(), np.random.get_state()[1].tobytes(), random.getstate()
    for scheme in ("he_normal", "orthogonal", sparse(1.0, 0.5), "glorot_uniform", truncated_normal(1.0)):
        draw_(torch.empty(8, 8), scheme, name="w")
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1].tobytes(), random.getstate()) == before[1:]


def test_order_and_wrappers_do_not_count_but_name_and_seed_do() -> None:
    first = draw_(torch.empty(4, 4), "he_normal", name="fc.weight")
    other = draw_(torch.empty(4, 4), "he_normal", name="fc.weight", seed=1)
    named = draw_(torch.empty(4, 4), "he_normal", name="fd.weight")
    again = draw_(torch.empty(4, 4), "he_normal", name="module._orig_mod.fc.weight")
    assert torch.equal(first, again) and not torch.equal(first, other) and not torch.equal(first, named)


def test_of_a_tied_tensor_the_smallest_name_counts() -> None:
    tied = draw_(torch.empty(4, 4), "he_normal", name={"lm_head.weight", "module.embed.weight"})
    assert smallest(("b", "_orig_mod.a")) == "a"
    assert torch.equal(tied, draw_(torch.empty(4, 4), "he_normal", name="embed.weight"))


def test_fans_can_be_given_where_the_shape_does_not_tell_them() -> None:
    assert law_of(schemes.he_normal(), (5,), fans=Fans(16.0, 1.0)) == normal(0.25)
    assert law_of(schemes.he_normal(), (8, 4, 3, 3), 3.0) == normal(0.5)
    assert draw_(torch.ones(5), schemes.zeros(), name="b").tolist() == [0.0] * 5
    assert sg.draw_ is draw_


def test_overlaps_are_seen() -> None:
    base = torch.zeros(12)
    assert overlapping(base.unfold(0, 4, 2)) and overlapping(base[:1].expand(3)) and overlapping(base.as_strided((3, 3), (1, 1)))
    assert not any(map(overlapping, (base, base[0], base.view(3, 4).T, base.unfold(0, 4, 4), torch.empty(1).expand(1, 1))))


class Odd(Scheme):
    name = "odd"

    def law(self, fans, gain=1.0):
        return blocks(normal(1.0), identity(), sizes=(1, 2))


@pytest.mark.parametrize(
    ("tensor", "scheme", "options", "message"),
    [
        ([1.0], normal(1.0), {}, "must be a torch.Tensor, got list"),
        (torch.ones(2, 2, dtype=torch.int64), normal(1.0), {}, r"must be floating or complex, got torch.int64 of shape \(2, 2\)"),
        (torch.ones(2, 2, device="meta"), normal(1.0), {}, r"on the meta device has no memory to draw into, .* `module\.to_empty"),
        (torch.ones(2, 2).to_sparse(), normal(1.0), {}, "must be strided, got layout torch.sparse_coo"),
        (torch.ones(0, 2), normal(1.0), {}, r"without entries has nothing to draw, got torch.float32 of shape \(0, 2\)"),
        (torch.ones(1).expand(3), normal(1.0), {}, r"must not share memory, got strides \(0,\)"),
        (torch.ones(3), schemes.he_normal(), {}, r"at least 2 axes to tell, got shape \(3,\); give fans="),
        (torch.ones(3), schemes.orthogonal(), {"fans": Fans(3.0, 1.0)}, r"at least 2 axes, got shape \(3,\)"),
        (torch.ones(3, 3), 0.02, {}, "must be a scheme or a law, .* got 0.02"),
        (torch.ones(3, 3), normal(1.0), {"gain": 2.0}, "`gain` is for schemes; .* got gain 2.0"),
        (torch.ones(3, 3), "he_normal", {"gain": float("nan")}, "`gain` must be a finite number, got nan"),
        (torch.ones(3, 3), normal(1.0), {"seed": -1}, "-1"),
        (torch.ones(3, 3), normal(1.0), {"seed": 2**64}, "18446744073709551616"),
        (torch.ones(3, 3), normal(1.0), {"name": ""}, "must be the tensor's path in its model, .* got ''"),
        (torch.ones(3, 3), normal(1.0), {"name": []}, r"got \[\]"),
        (torch.ones(4, 4), Odd(), {}, r"must fill axis 0, got shape \(4, 4\)"),
    ],
)
def test_refused(tensor, scheme, options, message: str) -> None:
    with pytest.raises(InputError, match=message):
        draw_(tensor, scheme, **{"name": "w", **options})
    if isinstance(tensor, torch.Tensor) and not tensor.is_meta:
        assert (tensor.to_dense() == 1).all(), "nothing was written"


def test_unknown_names_show_near_ones() -> None:
    with pytest.raises(TargetError, match="he_normal"):
        draw_(torch.ones(2, 2), "he_normel", name="w")
