"""The same inputs laid out as a model asks for them: clips frame by frame, images as rows of patches, pairs, codebooks.

Each function takes the inputs, the complaint of the model and the maker, and gives other inputs, or None where the
complaint is about something else.
"""

import math
import re
from collections.abc import Callable
from typing import Any

import torch

from steadygrad.targets.huggingface.inputs import Maker
from steadygrad.targets.huggingface.sizes import first_of

Inputs = dict[str, Any]
ADDED = re.compile(r"size of tensor a \((?P<a>\d+)\) must match the size of tensor b \((?P<b>\d+)\) at non-singleton dimension (?P<axis>\d)")
FLAT = "too many indices for tensor of dimension 0"
FOLDED = re.compile(r"shape '\[(?P<shape>[-\d, ]+)\]' is invalid for input of size (?P<size>\d+)")
TOO_MANY = re.compile(r"too many values to unpack \(expected (?P<axes>\d)")
UNCUT = re.compile(r"4D \(batched\) input to conv2d, but got input of size: \[\d+, \d+\]")
DIMENSIONS = re.compile(r"same number of dimensions: got (3 and 2|2 and 3)")
NOT_ENOUGH = re.compile(r"not enough values to unpack \(expected (?P<axes>\d), got (?P<got>\d)\)")
CHANNELS = re.compile(r"expected input\[(?P<shape>[\d, ]+)\] to have (?P<wanted>\d+) channels, but got (?P<got>\d+) channels")
PRODUCT = re.compile(r"mat1 and mat2 shapes cannot be multiplied \(\d+x(?P<got>\d+) and (?P<wanted>\d+)x\d+\)")
NORMED = re.compile(r"normalized_shape=\[(?P<wanted>\d+)\], expected input .*size\[\d+, (?P<middle>\d+), (?P<got>\d+)\]")
BOOKS = re.compile(r"shape '\[(?P<rows>-?\d+), (?P<books>\d+), -?\d+\]' is invalid for input of size (?P<got>\d+)")
WINDOWS = re.compile(r"shape '\[\d+, (?P<windows>\d+), (?P<side>\d+), (?P=windows), (?P=side), -1\]' is invalid")
WHOLE = "Input type (long int) and bias type (float)"
PAIR = re.compile(r"5D tensor of shape \(batch_size, (?P<images>\d), num_channels")
MOST_BOOKS = 64


def laid_out(made: Inputs, complaint: str, maker: Maker) -> Inputs | None:
    """The inputs in another layout, as `complaint` asks for; None where it says nothing of that."""
    return next((found for layout in LAYOUTS if (found := layout(made, complaint, maker)) is not None), None)


def _floats(made: Inputs, dimensions: int) -> dict[str, torch.Tensor]:
    return {n: v for n, v in made.items() if isinstance(v, torch.Tensor) and v.is_floating_point() and v.ndim == dimensions}


def _frame_by_frame(made: Inputs, complaint: str, _: Maker) -> Inputs | None:
    """Clips of shape (batch, frames, …) as (batch · frames, …)."""
    match = TOO_MANY.search(complaint)
    clips = _floats(made, 5) if match and match["axes"] == "4" else {}
    return {**made, **{n: v.flatten(0, 1) for n, v in clips.items() if v.shape[1] > 1}} if any(v.shape[1] > 1 for v in clips.values()) else None


def _one_channel(made: Inputs, complaint: str, _: Maker) -> Inputs | None:
    """Series of one channel without an axis for channels."""
    flat = {n: v.squeeze(-1) for n, v in _floats(made, 3).items() if v.shape[-1] == 1} if TOO_MANY.search(complaint) or DIMENSIONS.search(complaint) else {}
    return {**made, **flat} if flat else None


def _squares(made: Inputs, complaint: str, maker: Maker) -> Inputs | None:
    """Patches of shape (patches, channels · side²) as (patches, channels, side, side), or with an axis for one list of them."""
    match, side = NOT_ENOUGH.search(complaint), maker.side()
    listed = match is not None and match["axes"] == "5" and match["got"] == "2"
    fit = {n: v for n, v in _floats(made, 2).items() if side and v.shape[1] % (side * side) == 0} if listed or UNCUT.search(complaint) else {}
    cut = {n: v.reshape(len(v), -1, side, side) for n, v in fit.items()}
    return {**made, **{n: v.unsqueeze(0) if listed else v for n, v in cut.items()}} if cut else None


def _nested(made: Inputs, complaint: str, maker: Maker) -> Inputs | None:
    """Images inside lists of one, cut into as many tiles as the model has places for, or as often as it reads them as one patch of time."""
    match = NOT_ENOUGH.search(complaint)
    images = _floats(made, 4) if match and match["got"] == "4" else {}
    tiles = int(first_of((maker.vision, maker.whole), ("max_num_tiles", "temporal_patch_size"), 1))
    lists = [1] * (int(match["axes"]) - 5) + [tiles] if match else []
    return {**made, **{n: v.reshape(len(v), *[1] * len(lists), *v.shape[1:]).expand(-1, *lists, -1, -1, -1).contiguous() for n, v in images.items()}} if images else None


def _rows_of_patches(made: Inputs, complaint: str, maker: Maker) -> Inputs | None:
    """Images of shape (batch, channels, height, width) as (batch, patches, channels · side²)."""
    match, side = PRODUCT.search(complaint), maker.side()
    fitting = {n: v for n, v in _floats(made, 4).items() if min(v.shape[2:]) >= side} if match else {}
    images = {n: v for n, v in fitting.items() if match and (v.shape[-1], v.shape[1] * side * side) == (int(match["got"]), int(match["wanted"]))}
    cut = {n: v.unfold(2, side, side).unfold(3, side, side).movedim(1, 3).flatten(1, 2).flatten(2).contiguous() for n, v in images.items()}
    return {**made, **cut} if cut else None


def _mono(made: Inputs, complaint: str, _: Maker) -> Inputs | None:
    """Sound of shape (batch, samples) as (batch, 1, samples)."""
    match = CHANNELS.search(complaint)
    shape = [int(size) for size in match["shape"].split(",")] if match and match["wanted"] == "1" else []
    waves = {n: v for n, v in _floats(made, 2).items() if shape[:2] == [1, len(v)] and shape[2] >= v.shape[1]}  # padded, perhaps
    return {**made, **{n: v.unsqueeze(1) for n, v in waves.items()}} if waves else None


def _images(made: Inputs, complaint: str, maker: Maker) -> Inputs | None:
    """Images where an input called states goes into a convolution of images."""
    match = CHANNELS.search(complaint)
    shape = [int(size) for size in match["shape"].split(",")] if match else []
    states = [n for n, v in _floats(made, 3).items() if [1, *v.shape] == shape and int(match["wanted"]) == maker.size()[0]] if match else []
    return {**made, **{n: maker.pixels() for n in states}} if states else None


def _pairs(made: Inputs, complaint: str, _: Maker) -> Inputs | None:
    """Several images in the place of each."""
    match = PAIR.search(complaint)
    images = _floats(made, 4) if match else {}
    return {**made, **{n: torch.stack([v.roll(i, 0) for i in range(int(match["images"]))], 1) for n, v in images.items()}} if match and images else None


def _numbers(made: Inputs, complaint: str, _: Maker) -> Inputs | None:
    """Masks that are images as numbers."""
    whole = {n: v for n, v in made.items() if isinstance(v, torch.Tensor) and v.dtype == torch.int64 and v.ndim > 3} if WHOLE in complaint else {}
    return {**made, **{n: v.float() for n, v in whole.items()}} if whole else None


def _windowed(made: Inputs, complaint: str, maker: Maker) -> Inputs | None:
    """Images cut to as many patches as fit into equal windows."""
    match = WINDOWS.search(complaint)
    side = int(match["windows"]) * int(match["side"]) * maker.side() if match else 0
    images = {n: v for n, v in _floats(made, 4).items() if 0 < side < v.shape[-1] == v.shape[-2]}
    return {**made, **{n: v[..., :side, :side].contiguous() for n, v in images.items()}} if images else None


def _turned(made: Inputs, complaint: str, _: Maker) -> Inputs | None:
    """Sequences of features as wide as the first norm reads them, features last."""
    match = NORMED.search(complaint)
    if match is None:
        return None
    wanted, shape = int(match["wanted"]), (int(match["middle"]), int(match["got"]))
    wrong = {n: v for n, v in made.items() if isinstance(v, torch.Tensor) and v.is_floating_point() and tuple(v.shape[-2:]) == shape}
    return {**made, **{n: stretched(v.transpose(-1, -2), wanted, -1) for n, v in wrong.items()}} if wrong and wanted <= 100 * shape[1] else None


def _coded(made: Inputs, complaint: str, maker: Maker) -> Inputs | None:
    """Words of several codebooks: a row each, or all of a place together where the number of rows is given."""
    match, short, added = BOOKS.search(complaint), NOT_ENOUGH.search(complaint), ADDED.search(complaint)
    if added is not None:  # a number for each codebook, and for the text beside them
        count = int(added["b"])
        known = first_of((maker.whole,), ("num_codebooks",), 0) in (count, count - 1) and count > 1
        flat = {n: v for n, v in made.items() if known and n.endswith(("input_ids", "labels")) and isinstance(v, torch.Tensor) and v.ndim == 2}
        return {**made, **{n: torch.stack([v] * count, -1) for n, v in flat.items() if n != "labels"}} if len(flat) and added["axis"] == "1" else None
    if match is None and short is not None and short["got"] == "1":
        count = first_of((maker.whole,), ("num_codebooks", "num_channels"), 0)
        flat = {n: v for n, v in made.items() if n.endswith("input_ids") and v.ndim == 2} if isinstance(count, int) and 1 < count <= MOST_BOOKS else {}
        return {**made, **{n: torch.stack([v] * count, -1) for n, v in flat.items()}} if flat else None
    if match is None:
        return None
    books, size = int(match["books"]), int(match["got"])
    words = {n: v for n, v in made.items() if isinstance(v, torch.Tensor) and not v.is_floating_point() and v.ndim == 2 and v.numel() == size}
    decoded = {n: v for n, v in words.items() if n.startswith("decoder")} or words
    if not words or not 1 < books <= MOST_BOOKS:
        return None
    return {**made, **{n: v.repeat_interleave(books, 0) if match["rows"] == "-1" else torch.stack([v] * books, -1) for n, v in decoded.items()}}


def _batched(made: Inputs, complaint: str, _: Maker) -> Inputs | None:
    """Lists of numbers as those of a batch of one."""
    flat = {n: v for n, v in made.items() if isinstance(v, torch.Tensor) and v.ndim == 1} if FLAT in complaint else {}
    return {**made, **{n: v.unsqueeze(0) for n, v in flat.items()}} if flat else None


def _channels_last(made: Inputs, complaint: str, maker: Maker) -> Inputs | None:
    """Images with their channels last, where the last axis of an image is not to be divided."""
    match = FOLDED.search(complaint)
    last = int(match["shape"].split(",")[-1]) if match else 0
    first = {n: v for axes in (4, 5) for n, v in _floats(made, axes).items() if v.shape[-3] == maker.size()[0] != v.shape[-1] == last}
    images = {n: v for n, v in first.items() if match and v.numel() == int(match["size"])}
    return {**made, **{n: v.movedim(-3, -1).contiguous() for n, v in images.items()}} if images else None


def _one_by_one(made: Inputs, complaint: str, maker: Maker) -> Inputs | None:
    """A batch of one, where what there is of one sample is to be divided among all."""
    match = FOLDED.search(complaint)
    shape = [int(size) for size in match["shape"].split(",")] if match else []
    if match is None or shape[0] != maker.batch or maker.batch == 1 or math.prod(shape) != maker.batch * int(match["size"]):
        return None
    return {n: v[:1] if isinstance(v, torch.Tensor) and v.ndim and len(v) == maker.batch else v for n, v in made.items()}


def stretched(values: torch.Tensor, wanted: int, axis: int) -> torch.Tensor:
    """Cut or, with the samples changing places, repeated until `axis` is `wanted` long."""
    copies = -(-wanted // values.shape[axis])
    return torch.cat([values.roll(i, 0) for i in range(copies)], axis).narrow(axis, 0, wanted).contiguous()


def framed(images: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Images `stretched` to a height and a width."""
    return stretched(stretched(images, height, -2), width, -1)


LAYOUTS: tuple[Callable[[Inputs, str, Maker], Inputs | None], ...] = (
    _frame_by_frame, _one_channel, _squares, _nested, _rows_of_patches, _mono, _images, _pairs, _numbers, _windowed, _turned, _coded, _batched,
    _channels_last, _one_by_one,
)  # fmt: skip
