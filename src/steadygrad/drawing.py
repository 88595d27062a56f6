"""`draw_`: one tensor from any scheme or law, in place; every entry a function of (seed, name, its index)."""

from collections.abc import Iterable
from functools import lru_cache
from math import copysign, isfinite
from typing import Any

import numpy as np
import torch

from steadygrad.errors import InputError
from steadygrad.graph.fans import convolution_fans, of_complex
from steadygrad.graph.sharded import is_sharded, shard
from steadygrad.graph.storage import PLAIN
from steadygrad.randomness.assembly import Source
from steadygrad.randomness.backends import c
from steadygrad.randomness.backends import torch as backend
from steadygrad.randomness.composed import random
from steadygrad.randomness.law import Fans, Independent, Law, Shape
from steadygrad.randomness.shards import Indices, draw_part
from steadygrad.randomness.stream import bare_name, checked
from steadygrad.randomness.structured import Dirac
from steadygrad.schemes.names import by_name
from steadygrad.schemes.scheme import Scheme

DTYPES = {torch.float16: "float16", torch.bfloat16: "bfloat16", torch.float32: "float32", torch.float64: "float64"}

IN_PLACE = (Independent, Dirac)
"""Laws that are written straight into memory; as a union of types they would be put together at every call."""


def draw_(
    tensor: torch.Tensor, scheme: Scheme | Law | str, *, name: str | Iterable[str], seed: int = 0, gain: float = 1.0, fans: Fans | None = None
) -> torch.Tensor:
    """Draw `tensor` in place from a scheme or a law; no global random generator is read or advanced.

    The bits depend on the seed, the name and the shape alone: not on device, strides, threads, the order of draws, or how a `DTensor`
    is laid out over processes, each of which draws what it holds (structured laws, such as orthogonal ones, are drawn whole and cut).
    float16, bfloat16, float32 and float64 are drawn as such; narrower floating types are rounded from float32. A complex tensor's
    real and imaginary parts are drawn as tensors of their own, called name[0] and name[1], both from the law: E|w|² = 2·rms². Schemes
    are given twice its fans, as many real products as meet in a real number: `he_normal` makes fan_in·E|w|² = gain² of complex weights
    too. What is not random (constants, identities, given numbers) goes into the real part alone.

    Args:
        tensor: of any floating or complex dtype, strides and device; a view draws what a tensor of its shape would hold.
        scheme: from `steadygrad.schemes` or its name there, or a law from `steadygrad.randomness`.
        name: its path in the model; of a tied tensor all paths, in any order: the smallest counts.
        seed: in [0, 2⁶⁴).
        gain: given to the scheme; finite.
        fans: of its use, in entries; those of a weight (out, in, *kernel) with unit stride unless given.

    Returns:
        The tensor.

    Raises:
        InputError: the tensor is no tensor of floats with entries and storage of its own for each, or the law, seed, gain or shape cannot
            be used; then nothing was written.

    Example:
        >>> from steadygrad import schemes
        >>> weight = draw_(torch.empty(64, 256), schemes.he_normal(), name="fc.weight", seed=0, gain=2**0.5)
        >>> round(weight.std().item() / (2 / 256) ** 0.5, 2)
        1.0
        >>> bool((draw_(torch.empty(64, 256), schemes.he_normal(), name="module.fc.weight", gain=2**0.5) == weight).all())
        True
    """
    ordinary = check_drawable(tensor)
    shape, complex_ = tensor.shape, not ordinary and tensor.is_complex()
    law = law_of(scheme, shape, gain, fans, complex=complex_)
    counted = smallest(name)
    checked(seed, 0, 0, counted)
    local = tensor if ordinary and type(tensor) is torch.Tensor and not tensor.requires_grad else shard(tensor)
    indices = held(tensor) if not ordinary and is_sharded(tensor) else None
    if type(law) is Independent and law.kind == "constant" and not complex_:  # biases are many and small: no more than torch does
        _set(local, law.mean)
    elif type(law) is Dirac and (law.groups, law.wrap, indices) == (1, False, None) and len(shape) > 1 and not complex_:
        _set_diagonal(local, law.scale)
    else:
        _fill(local, law, Source(counted, seed, DTYPES.get(tensor.dtype, "float32"), backend.orthonormal), tuple(shape), indices)
    return tensor


def law_of(scheme: Scheme | Law | str, shape: Shape, gain: float = 1.0, fans: Fans | None = None, *, complex: bool = False) -> Law:
    """The law of a tensor of this shape; of either part of a complex one.

    Raises:
        InputError: neither scheme nor law; a gain that is not finite, or given to a law; fans that the shape does not tell.
    """
    if isinstance(scheme, str):
        scheme = _named(scheme)
    if fans is None and type(gain) is float and gain == 1.0:  # the usual case: what fits every shape
        known = scheme if isinstance(scheme, Law) else scheme.fixed if isinstance(scheme, Scheme) else None
        if known is not None:
            return known
    if isinstance(gain, bool) or not isinstance(gain, int | float) or not isfinite(gain):
        raise InputError(f"`gain` must be a finite number, got {gain!r}")
    if fans is not None and not isinstance(fans, Fans):
        raise InputError(f"`fans` must be Fans(fan_in, fan_out), got {fans!r}")
    if isinstance(scheme, Law):
        if gain != 1.0:
            raise InputError(f"`gain` is for schemes; a law has its scale, got gain {gain!r} and {type(scheme).__name__}")
        return scheme
    if not isinstance(scheme, Scheme):
        raise InputError(f"`scheme` must be a scheme or a law, such as steadygrad.schemes.he_normal(), got {scheme!r}")
    shape = tuple(shape)  # a torch.Size says so in messages
    counted = fans or (convolution_fans(shape, (), groups=1, transposed=False) if len(shape) > 1 else Untold(shape))
    return scheme.law(of_complex(counted) if complex and not scheme.complex and not isinstance(counted, Untold) else counted, gain)


@lru_cache(maxsize=64)
def _named(scheme: str) -> Scheme:
    """A scheme is a record, so one of a name will do; an unknown name is looked up again."""
    return by_name(scheme)


class Untold(Fans):
    """Fans that a shape of fewer than two axes does not tell: schemes that ignore them never ask."""

    def __init__(self, shape: Shape) -> None:
        object.__setattr__(self, "shape", shape)

    def __getattr__(self, attribute: str) -> float:
        raise InputError(f"this scheme needs fans, which take at least 2 axes to tell, got shape {self.shape}; give fans=Fans(fan_in, fan_out)")

    def __repr__(self) -> str:
        return f"Untold({self.shape})"


def smallest(name: str | Iterable[str]) -> str:
    """The name that counts: without wrappers, of a tied tensor the smallest.

    Raises:
        InputError: no name, or one that is no string.

    Example:
        >>> smallest(["module.lm_head.weight", "embedding.weight"])
        'embedding.weight'
    """
    if type(name) is str and name:
        return bare_name(name)
    names = [name] if isinstance(name, str) else list(name)
    if not names or not all(isinstance(each, str) and each for each in names):
        raise InputError(f"`name` must be the tensor's path in its model, or all paths of a tied one, got {name!r}")
    return min(map(bare_name, names))


def check_drawable(tensor: Any) -> bool:
    """Refuse what cannot hold independent numbers; whether it is an ordinary tensor: contiguous, on the processor, of a type in `DTYPES`.

    Raises:
        InputError: not a tensor, not floating or complex, on meta, sparse or nested, empty, with entries that share memory, or waiting to
            be summed over processes.
    """
    if type(tensor) in PLAIN and tensor.dtype in DTYPES and tensor.layout is torch.strided and not tensor.is_nested and tensor.is_cpu:
        if tensor.is_contiguous() and tensor.numel():
            return True
    if not isinstance(tensor, torch.Tensor):
        raise InputError(f"`tensor` must be a torch.Tensor, got {type(tensor).__name__}")
    if not (tensor.is_floating_point() or tensor.is_complex()):
        raise InputError(f"a tensor to draw into must be floating or complex, got {_described(tensor)}")
    if tensor.is_meta:
        raise InputError(f"a tensor on the meta device has no memory to draw into, got {_described(tensor)}; give it some by `module.to_empty(device=…)` first")
    if tensor.layout is not torch.strided or tensor.is_nested:
        raise InputError(f"a tensor to draw into must be strided, got layout {tensor.layout} of {_described(tensor)}")
    if tensor.numel() == 0:
        raise InputError(f"a tensor without entries has nothing to draw, got {_described(tensor)}")
    if is_sharded(tensor) and any(placement.is_partial() for placement in tensor.placements):
        raise InputError(f"a DTensor to draw into must be sharded or replicated, got placements {tensor.placements}")
    if overlapping(shard(tensor) if is_sharded(tensor) else tensor):
        raise InputError(f"entries must not share memory, got strides {tensor.stride()} for {_described(tensor)}; draw into the tensor it is expanded from")
    return False


def _described(tensor: torch.Tensor) -> str:
    return f"{tensor.dtype} of shape {tuple(tensor.shape)}"


def overlapping(tensor: torch.Tensor) -> bool:
    """Whether two entries may lie at one address.

    Example:
        >>> overlapping(torch.empty(3, 1).expand(3, 4)), overlapping(torch.empty(4, 3).T)
        (True, False)
    """
    if tensor.is_contiguous():
        return False
    reach = 0
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size > 1:
            if stride <= reach:
                return True
            reach += (size - 1) * stride
    return False


def held(tensor: Any) -> Indices | None:
    """Of each axis, the indices that this process holds of a `DTensor`, as its own placements cut them; None where it holds all."""
    from torch.distributed.tensor import Replicate, distribute_tensor

    if not tensor.shape or all(placement.is_replicate() for placement in tensor.placements):
        return None
    found = []
    for axis, size in enumerate(tensor.shape):
        placements = [_along_first(placement, axis) or Replicate() for placement in tensor.placements]
        counted = distribute_tensor(torch.arange(size, device=tensor.device), tensor.device_mesh, placements, src_data_rank=None)
        found.append(counted.to_local().cpu().numpy())
    return found


def _along_first(placement: Any, axis: int) -> Any:
    """The placement for a tensor of this axis alone, or None where it cuts another."""
    if getattr(placement, "dim", None) != axis:
        return None
    strided = {"split_factor": placement.split_factor} if hasattr(placement, "split_factor") else {}
    return type(placement)(0, **strided)


def _fill(local: torch.Tensor, law: Law, source: Source, shape: Shape, indices: Indices | None) -> None:
    """What cannot fail once begun straight into the tensor's memory; everything else beside it first, so that an error changes nothing."""
    if local.is_complex():
        real = _new(local.real, law, source.part(0), shape, indices)
        imaginary = _new(local.real, law, source.part(1), shape, indices) if random(law, shape) else torch.zeros_like(real)
        local.copy_(torch.complex(real, imaginary))
    elif isinstance(law, IN_PLACE) and type(local) is torch.Tensor and local.device.type == "cpu" and local.dtype in DTYPES and not local.is_neg():
        _write(local, law, source, shape, indices)
        if not local.is_inference():
            torch.autograd.graph.increment_version(local)
    else:
        local.copy_(_new(local, law, source, shape, indices))


def _set(local: torch.Tensor, value: float) -> None:
    """Every entry to a number, rounded to float32 on the way to anything narrower."""
    if value == 0.0 and copysign(1.0, value) > 0.0:  # takes half the time of filling
        local.zero_()
    elif abs(value) <= 65504.0 and local.dtype in DTYPES:  # torch does just this, but refuses what float16 cannot hold
        local.fill_(value)
    else:
        wide = torch.tensor(value, dtype=torch.float64 if local.dtype == torch.float64 else torch.float32)
        local.fill_(wide.to(local.dtype))


def _set_diagonal(local: torch.Tensor, scale: float) -> None:
    """`Dirac` of one group in torch's own ops, which for small tensors take a fifth of the time that NumPy's do; any strides and device."""
    if scale == 1.0 and local.dim() == 2 and type(local) is torch.Tensor:
        torch.eye(*local.shape, out=local)
        return
    local.zero_()
    _set(local[(..., *(size // 2 for size in local.shape[2:]))].diagonal(), scale)


def _write(local: torch.Tensor, law: Independent | Dirac, source: Source, shape: Shape, indices: Indices | None) -> None:
    """Into the memory of an ordinary tensor on the processor; small ones take a few microseconds, so the usual case takes no detour."""
    usual = isinstance(law, Independent) and indices is None and local.is_contiguous()
    if not (usual and c.fill_at(local.data_ptr(), 1, local.numel(), law, source.dtype, name=source.name, seed=source.seed)):
        draw_part(law, _array(local), source, shape, indices)


def _new(like: torch.Tensor, law: Law, source: Source, shape: Shape, indices: Indices | None) -> torch.Tensor:
    dtype = like.dtype if like.dtype in DTYPES else torch.float32
    if isinstance(law, Independent) and indices is None and like.device.type != "cpu":
        values = torch.empty(like.shape, dtype=dtype, device=like.device)
        backend.fill(values.view(-1), law, name=source.name, seed=source.seed)
        return values
    values = torch.empty(like.shape, dtype=dtype)
    draw_part(law, _array(values), source._replace(dtype=DTYPES[dtype]), shape, indices)
    return values


def _array(tensor: torch.Tensor) -> Any:
    """The same memory as NumPy sees it; bfloat16 as its bits."""
    return tensor.view(torch.int16).numpy().view(np.uint16) if tensor.dtype == torch.bfloat16 else tensor.numpy()
