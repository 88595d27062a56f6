"""Inputs of which only the description is known, made up from the docstring of the forward.

transformers documents an argument as "name (`torch.LongTensor` of shape `(batch_size, 2 * num_patches)`, *optional*):". A size
is looked up in the configuration by its name, or is one of the usual words; what an entry holds – indices, a mask, sizes of
a grid, numbers – follows from its type and name.
"""

import ast
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

ENTRY = re.compile(r"^[ \t]*(?P<name>\w+) \(`(?P<type>[^`\n]*)` of shape `?\((?P<shape>[^`\n]*)\)`?(?P<rest>[^\n]*)\):", re.MULTILINE)
OPERATIONS: dict[type, Callable[[Any, Any], Any]] = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv, ast.Div: operator.floordiv}
LENGTHS = re.compile(r"(^|_)(seq|sequence|length|len|tokens|time|frames)(_|$)")
COUNTS = re.compile(r"(^|_)(ids?|idx|index|indices|types?|labels?|positions?)$")
NEVER = re.compile(r"^(past|cache|head_mask|cross_attn|position_ids|use_|output_|labels|return_dict|cu_seqlens|encoder_outputs)|inputs_embeds|cache")
BATCHES = ("batch_size", "batch", "num_images", "num_images_or_videos", "num_videos", "total_images_in_batch")  # one image for each sample
UNNAMED = 4  # a size that nothing says anything of
MOST = 2**24  # entries of one input


@dataclass(frozen=True)
class Entry:
    """One documented tensor: the type as written, the sizes as written, whether it may be left out."""

    type: str
    shape: str
    optional: bool


def documented(forward: Any) -> dict[str, Entry]:
    """The tensors among the arguments that the docstring of a forward gives shapes of; those of caches and of outputs are left out."""
    told = re.split(r"^\s*Returns?:", forward.__doc__ or "", maxsplit=1, flags=re.MULTILINE)[0]
    return {m["name"]: Entry(m["type"], m["shape"], "optional" in m["rest"]) for m in ENTRY.finditer(told) if not NEVER.search(m["name"])}


def made_of(name: str, entry: Entry, sizes: Callable[[str], int | None], generator: torch.Generator) -> torch.Tensor | None:
    """The tensor of an entry, or None where its shape cannot be read.

    Args:
        name: of the argument.
        entry: what is documented of it.
        sizes: the number that a word stands for; None for words that mean nothing.
        generator: of what is random.
    """
    try:
        shape = [_number(axis.body, sizes) for axis in map(_parsed, _axes(entry.shape))]
    except (ValueError, SyntaxError, ZeroDivisionError):
        return None
    if not shape or min(shape) < 1 or torch.Size(shape).numel() > MOST:
        return None
    if "Bool" in entry.type or "bool" in entry.type or "mask" in name:
        return torch.ones(shape, dtype=torch.bool if "ool" in entry.type else torch.int64)
    if re.search(r"(sizes?|shapes?|grid\w*)$", name) and shape[-1] in (2, 3):
        side = sizes("grid_height") or 8
        return torch.tensor([1, side, side][-shape[-1] :]).expand(shape).clone()
    if re.search(r"(idx|index|indices|positions?)$", name):
        return torch.arange(shape[-1]).expand(shape).clone()
    if "Long" in entry.type or "Int" in entry.type or "int" in entry.type or COUNTS.search(name):
        return torch.randint(0, 2, shape, generator=generator)
    return torch.randn(shape, generator=generator)


def size_of(word: str, maker: Any) -> int | None:
    """What a word of a shape stands for: a number of the configuration, or one of the usual words."""
    channels, (height, width) = maker.size()
    usual = {**dict.fromkeys(BATCHES, maker.batch), "max_num_images": 1, "height": height, "width": width, "num_channels": channels}
    if word in usual:
        return int(usual[word])
    if maker.listed and word in ("num_image_tokens", "grid_height"):  # as many as the grid that goes along has
        grid = maker.grid()
        return int(grid.prod(1).sum() if word == "num_image_tokens" else grid[0, 1])
    if word.startswith(("grid_", "num_patches_", "patch_")) and word.endswith(("height", "width", "h", "w")):
        side = maker.known(("patch_size",), 16)
        return max(maker.size()[1][0] // int(side), 1) if isinstance(side, int) else None
    value = maker.known((word, word.removeprefix("config."), word.removeprefix("text_"), word.removeprefix("vision_")), None)
    if isinstance(value, list | tuple):
        return len(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(maker.length) if LENGTHS.search(word) else None


def _axes(shape: str) -> list[str]:
    return [axis.strip() for axis in re.split(r",(?![^(]*\))", shape) if axis.strip()]


def _parsed(axis: str) -> ast.Expression:
    return ast.parse(axis, mode="eval")


def _number(node: ast.expr, sizes: Callable[[str], int | None]) -> int:
    """The value of a product or sum of words and numbers."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if isinstance(node, ast.Name | ast.Attribute):
        found = sizes(node.id if isinstance(node, ast.Name) else node.attr)
        return UNNAMED if found is None else found
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATIONS:
        return int(OPERATIONS[type(node.op)](_number(node.left, sizes), _number(node.right, sizes)))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "len" and len(node.args) == 1:
        return _number(node.args[0], sizes)
    raise ValueError(ast.dump(node))
