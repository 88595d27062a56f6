"""`--input`: tensors made up from shapes, for when no batch is at hand."""

import re
from collections.abc import Sequence
from typing import Any

import torch

from steadygrad.errors import InputError

SHAPE = re.compile(r"^(?:(?P<name>[A-Za-z_]\w*)=)?(?P<sizes>\d+(?:x\d+)*)(?::(?P<dtype>\w+))?(?:<(?P<below>\d+))?$")
EXAMPLES = "64x3x32x32, 8x128:int64<50257 or mask=8x128:bool"
FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def inputs(shapes: Sequence[str], seed: int = 0) -> Any:
    """Standard normal floats, or uniform integers below a bound, of the given shapes.

    Returns:
        A tensor for one shape, a tuple for several, a dict when they are named.

    Raises:
        InputError: a shape cannot be read.

    Example:
        >>> inputs(["2x3"]).shape
        torch.Size([2, 3])
    """
    generator = torch.Generator().manual_seed(seed)
    made = [_tensor(text, generator) for text in shapes]
    names = [name for name, _ in made if name]
    if names and len(set(names)) < len(made):
        raise InputError(f"`--input` must name all inputs, each once, or none, got {', '.join(shapes)}")
    if names:
        return dict(made)
    return made[0][1] if len(made) == 1 else tuple(tensor for _, tensor in made)


def _tensor(text: str, generator: torch.Generator) -> tuple[str, torch.Tensor]:
    match = SHAPE.match(text)
    if match is None:
        raise InputError(f"`--input` must look like {EXAMPLES}, got {text!r}")
    sizes = [int(s) for s in match["sizes"].split("x")]
    dtype = getattr(torch, match["dtype"] or ("int64" if match["below"] else "float32"), None)
    if dtype not in (*FLOATS, *INTEGERS, torch.bool):
        raise InputError(f"`--input` knows no dtype `{match['dtype']}`, got {text!r}; use {', '.join(_name(d) for d in (*FLOATS, *INTEGERS))} or bool")
    try:
        return match["name"] or "", _drawn(sizes, dtype, match["below"], text, generator)
    except (RuntimeError, TypeError) as error:  # more elements than memory, or than 64 bits can count
        raise InputError(f"`--input` {text!r} cannot be allocated: {str(error).splitlines()[0]}") from error


def _drawn(sizes: list[int], dtype: torch.dtype, below: str | None, text: str, generator: torch.Generator) -> torch.Tensor:
    if dtype in FLOATS:
        if below is not None:
            raise InputError(f"`--input` bounds whole numbers only, got {text!r}; write {text.partition('<')[0].partition(':')[0]}:int64<{below}")
        return torch.randn(sizes, generator=generator).to(dtype)
    bound = int(below or 2)
    most = 2 if dtype is torch.bool else torch.iinfo(dtype).max
    if not 1 <= bound <= most:
        raise InputError(f"`--input` needs a bound from 1 to {most} for {_name(dtype)}, got {text!r}")
    return torch.randint(0, bound, sizes, generator=generator).to(dtype)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
