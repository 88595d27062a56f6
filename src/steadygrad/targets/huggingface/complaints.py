"""What a model complains about, and inputs that answer it: placeholder tokens, widths, lengths, numbers out of range."""

import re
from collections.abc import Callable
from typing import Any

import torch

from steadygrad.targets.huggingface.inputs import Maker
from steadygrad.targets.huggingface.layouts import ADDED, CHANNELS, PRODUCT, framed, laid_out, stretched
from steadygrad.targets.huggingface.missing import Line, supplied
from steadygrad.targets.huggingface.sizes import first_of

MISMATCH = re.compile(r"(?P<kind>Image|Video|Audio) features and \w+ tokens do not match\W*tokens:? \d+, features:? (?P<features>\d+)", re.IGNORECASE)
SEQUENCE = re.compile(r"expected input\[\d+, \d+, \d+\] to have (?P<wanted>\d+) channels, but got (?P<got>\d+) channels")  # turned from features last
STACKED = re.compile(r"batch2 tensor to be: \[\d+, (?P<got>\d+)\] but got: \[\d+, (?P<wanted>\d+)\]")
SIZE = re.compile(r"Input image size \((?P<got>\d+\*\d+)\) doesn't match model \((?P<wanted>\d+\*\d+)\)")
SHORT = re.compile(r"Kernel size can't be greater than actual input size")
PLACES = re.compile(r"have shape `\(batch_size, (?P<wanted>\d+)\)`, but got shape `torch.Size\(\[\d+, (?P<got>\d+)\]\)`")
SCALED = re.compile(r"Image size (?P<got>\d+)x\d+ is too small to be scaled with scaled_images_ratios=[(\[](?P<ratio>[\d.]+).*patch_size=(?P<patch>\d+)")
HEIGHT = re.compile(r"Input height \((?P<got>\d+)\) doesn't match model \((?P<wanted>\d+)\)")
MULTIPLE = re.compile(r"multiple of [^,]*?(?P<of>\d+)\)?,? but got (?P<got>\d+)")
UNEVEN = re.compile(r"length (?P<got>\d+) is not a multiple of (?P<of>\d+)")
PLACED = re.compile(r"value tensor of shape \[(?P<wanted>\d+), \d+\] cannot be broadcast to indexing result of shape \[(?P<got>\d+), \d+\]")
BEYOND = re.compile(r"index (?P<last>\d+) is out of range")
JOINED = re.compile(r"Sizes of tensors must match except in dimension \d\. Expected size (?P<wanted>\d+) but got size (?P<got>\d+)")
OUTSIDE = re.compile(r"index (?P<index>-?\d+) is out of bounds for dimension \d+ with size (?P<size>\d+)")
PADDED = re.compile(r"padding your sequence length to (?P<wanted>\d+)")  # axial positions
UNKNOWN, COMMON = "index out of range in self", 8  # words that every table has
KINDS_OF_TOKENS = ("text", "image", "video", "audio")  # as `mm_token_type_ids` counts them
MOST_TOKENS = 1024  # of one image, clip or sound
LONGEST = 4096  # of a sequence that a model has no other length for; of an image half of it
MOST_ANSWERS = 6


def answered(made: dict[str, Any], complaint: str, configuration: Any, maker: Maker, lines: tuple[Line, ...] = ()) -> dict[str, Any] | None:
    """Other inputs that `complaint`, an error of the model, asks for; None where it says nothing that is understood.

    `lines` are those of the model's code that the error passed, innermost first.
    """
    answers: tuple[Callable[[], dict[str, Any] | None], ...] = (
        lambda: with_tokens(made, complaint, configuration),
        lambda: laid_out(made, complaint, maker),
        lambda: _resized(made, PRODUCT.search(complaint), -1, lines),
        lambda: _beside(made, PRODUCT.search(complaint), lines),
        lambda: _resized(made, STACKED.search(complaint), -1, lines),
        lambda: _resized(made, CHANNELS.search(complaint), 1, lines),
        lambda: _resized(made, SEQUENCE.search(complaint), -1, lines),
        lambda: _widened(made, ADDED.search(complaint)),
        lambda: _reduced(made, SIZE.search(complaint)),
        lambda: _longer(made, SHORT.search(complaint)),
        lambda: _squared(made, HEIGHT.search(complaint)),
        lambda: _enlarged(made, SCALED.search(complaint)),
        lambda: _placed(made, PLACES.search(complaint)),
        lambda: _rounded(made, MULTIPLE.search(complaint) or UNEVEN.search(complaint)),
        lambda: _padded(made, PADDED.search(complaint), maker.length),
        lambda: _common(made) if UNKNOWN in complaint else None,
        lambda: _shortened(made, BEYOND.search(complaint), maker.length),
        lambda: _lengthened(made, PLACED.search(complaint), maker.length),
        lambda: _joined(made, JOINED.search(complaint)),
        lambda: _within(made, OUTSIDE.search(complaint)),
        lambda: supplied(made, complaint, maker, lines),
    )
    return next((found for answer in answers if (found := answer()) is not None), None)


def with_tokens(made: dict[str, Any], complaint: str, configuration: Any) -> dict[str, Any] | None:
    """The inputs with as many placeholder tokens before the words as `complaint`, an error of transformers, asks for, or None.

    Its models say "Image features and image tokens do not match, tokens: 0, features: 512", counting the whole batch.
    """
    match = MISMATCH.search(complaint)
    token = first_of((configuration,), tuple(match["kind"].lower() + end for end in ("_token_id", "_token_index")), None) if match else None
    ids = made.get("input_ids")
    if match is None or not isinstance(token, int) or not isinstance(ids, torch.Tensor) or int(match["features"]) % len(ids):
        return None
    count = int(match["features"]) // len(ids)
    if not 0 < count <= MOST_TOKENS or bool((ids == token).any()):
        return None
    places = torch.full((len(ids), count), token)
    longer = {**made, "input_ids": torch.cat([places, ids], 1)}
    fillings = {"labels": -100, "mm_token_type_ids": KINDS_OF_TOKENS.index(match["kind"].lower())}
    for name, value in made.items():
        if name != "input_ids" and isinstance(value, torch.Tensor) and value.shape == ids.shape:
            longer[name] = torch.cat([value.new_full(places.shape, fillings.get(name, int("mask" in name))), value], 1)
    return longer


def _resized(made: dict[str, Any], match: re.Match[str] | None, axis: int, lines: tuple[Line, ...]) -> dict[str, Any] | None:
    """Features as wide along an axis as the model's first weight reads them; of several those that the line names which complains."""
    if match is None:
        return None
    got, wanted = int(match["got"]), int(match["wanted"])
    wrong = [n for n, v in made.items() if isinstance(v, torch.Tensor) and v.is_floating_point() and v.ndim > 1 and v.shape[axis] == got]
    if not wrong or wanted > 100 * got:
        return None
    wrong = [n for n in wrong if lines and lines[0].names(n)] or wrong
    return {**made, **{name: stretched(made[name], wanted, axis) for name in wrong}}


def _beside(made: dict[str, Any], match: re.Match[str] | None, lines: tuple[Line, ...]) -> dict[str, Any] | None:
    """Features that a line puts side by side; the last that it names is wider by what is missing."""
    more = int(match["wanted"]) - int(match["got"]) if match else 0
    named = [n for n, v in made.items() if isinstance(v, torch.Tensor) and v.is_floating_point() and lines and lines[0].names(n)]
    if more <= 0 or len(named) < 2:
        return None
    last = max(named, key=lines[0].text.index)
    return {**made, last: stretched(made[last], made[last].shape[-1] + more, -1)}


def _widened(made: dict[str, Any], match: re.Match[str] | None) -> dict[str, Any] | None:
    """As wide as what the model adds to them, or multiplies them by: their last axis has one of the two lengths; images stay square."""
    if match is None:
        return None
    lengths, axis = {int(match["a"]): int(match["b"]), int(match["b"]): int(match["a"])}, int(match["axis"])
    fit = {n: v for n, v in made.items() if isinstance(v, torch.Tensor) and v.ndim == axis + 1 and v.shape[axis] in lengths}
    wrong = {n: v for n, v in fit.items() if v.is_floating_point()} or {n: v for n, v in fit.items() if n.endswith("mask")}
    wider = {n: stretched(v, lengths[v.shape[axis]], axis) for n, v in wrong.items() if lengths[v.shape[axis]] <= 100 * v.shape[axis]}
    square = {n for n, v in wrong.items() if v.ndim > 3 and v.shape[-2] == v.shape[-1]}
    return {**made, **{n: stretched(v, v.shape[-1], -2) if n in square else v for n, v in wider.items()}} if wider else None


def _reduced(made: dict[str, Any], match: re.Match[str] | None) -> dict[str, Any] | None:
    """Images of another size: those that a model puts beside one another are each a part of what it reads."""
    if match is None:
        return None
    got, wanted = ([int(side) for side in match[key].split("*")] for key in ("got", "wanted"))
    images = {n: v for n, v in made.items() if isinstance(v, torch.Tensor) and v.ndim >= 4}
    sides = {n: [v.shape[-2] * wanted[0] // got[0], v.shape[-1] * wanted[1] // got[1]] for n, v in images.items()}
    if not images or any(min(size) < 1 for size in sides.values()):
        return None
    return {**made, **{n: framed(v, *sides[n]) for n, v in images.items()}}


def _longer(made: dict[str, Any], match: re.Match[str] | None) -> dict[str, Any] | None:
    """Signals four times as long along their last axis."""
    signals = {n: v for n, v in made.items() if isinstance(v, torch.Tensor) and v.is_floating_point() and v.ndim > 1} if match else {}
    return {**made, **{n: stretched(v, 4 * v.shape[-1], -1) for n, v in signals.items()}} if signals else None


def _enlarged(made: dict[str, Any], match: re.Match[str] | None) -> dict[str, Any] | None:
    """Images of which the smallest copy still has a patch."""
    return None if match is None else _sided(made, int(match["got"]), round(int(match["patch"]) / float(match["ratio"])))


def _squared(made: dict[str, Any], match: re.Match[str] | None) -> dict[str, Any] | None:
    """Images with sides as long as the model's."""
    return None if match is None else _sided(made, int(match["got"]), int(match["wanted"]))


def _sided(made: dict[str, Any], got: int, wanted: int) -> dict[str, Any] | None:
    square = {n: v for n, v in made.items() if isinstance(v, torch.Tensor) and v.is_floating_point() and v.shape[-2:] == (got, got)}
    return {**made, **{n: framed(v, wanted, wanted) for n, v in square.items()}} if square and wanted <= LONGEST // 2 else None


def _placed(made: dict[str, Any], match: re.Match[str] | None) -> dict[str, Any] | None:
    """Square images that give as many places as the model has positions for."""
    times = (int(match["wanted"]) / int(match["got"])) ** 0.5 if match else 0.0
    square = {n: v for n, v in made.items() if isinstance(v, torch.Tensor) and v.is_floating_point() and v.ndim >= 4 and v.shape[-1] == v.shape[-2]}
    sides = {n: round(times * v.shape[-1]) for n, v in square.items()}
    if not square or not 0 < max(sides.values()) <= MOST_TOKENS:
        return None
    return {**made, **{n: framed(v, sides[n], sides[n]) for n, v in square.items()}}


def _rounded(made: dict[str, Any], match: re.Match[str] | None) -> dict[str, Any] | None:
    """Axes of the length that was refused, cut or repeated to the nearest multiple."""
    if match is None:
        return None
    of, got = int(match["of"]), int(match["got"])
    wanted = max(got // of, 1) * of
    long = {n: [a for a in range(1, v.ndim) if v.shape[a] == got] for n, v in made.items() if isinstance(v, torch.Tensor)}
    if not any(long.values()) or wanted == got or wanted > max(MOST_TOKENS, got):
        return None
    return {**made, **{n: stretched(made[n], wanted, axes[-1]) for n, axes in long.items() if axes}}



def _shortened(made: dict[str, Any], match: re.Match[str] | None, length: int) -> dict[str, Any] | None:
    """Sequences that end where the model has no further position."""
    end = int(match["last"]) if match else length
    long = {n: v for n, v in made.items() if isinstance(v, torch.Tensor) and v.ndim > 1 and v.shape[1] == length}
    return {**made, **{n: v[:, :end] for n, v in long.items()}} if long and 0 < end < length else None


def _padded(made: dict[str, Any], match: re.Match[str] | None, length: int) -> dict[str, Any] | None:
    """Sequences repeated up to the one length that the model reads."""
    short = {n: v for n, v in made.items() if isinstance(v, torch.Tensor) and v.ndim > 1 and v.shape[1] == length} if match else {}
    return {**made, **{n: stretched(v, int(match["wanted"]), 1) for n, v in short.items()}} if match and short and int(match["wanted"]) <= LONGEST else None


def _common(made: dict[str, Any]) -> dict[str, Any] | None:
    """Words that every table has, where one of several tables is smaller than said."""
    words = {n: v for n, v in made.items() if n.endswith("ids") and isinstance(v, torch.Tensor) and bool((v >= COMMON).any())}
    return {**made, **{n: v % COMMON for n, v in words.items()}} if words else None


def _lengthened(made: dict[str, Any], match: re.Match[str] | None, length: int) -> dict[str, Any] | None:
    """Sequences repeated until a mask over them has as many places as there is to put there."""
    times = int(match["wanted"]) / int(match["got"]) if match and int(match["got"]) else 0.0
    short = {n: v for n, v in made.items() if isinstance(v, torch.Tensor) and v.ndim > 1 and v.shape[1] == length}
    if not short or times not in range(2, MOST_TOKENS // length + 1):
        return None
    return {**made, **{n: torch.cat([v] * int(times), 1) for n, v in short.items()}}


def _joined(made: dict[str, Any], match: re.Match[str] | None) -> dict[str, Any] | None:
    """As long as what the model puts them beside: one of their inner axes has the length of the first, and gets that of the second."""
    if match is None:
        return None
    wanted, got = int(match["got"]), int(match["wanted"])
    long = {n: [a for a in range(1, v.ndim) if v.shape[a] == got] for n, v in made.items() if isinstance(v, torch.Tensor) and v.is_floating_point()}
    if not any(long.values()) or wanted > MOST_TOKENS:
        return None
    return {**made, **{n: stretched(made[n], wanted, axes[0]) for n, axes in long.items() if axes}}


def _within(made: dict[str, Any], match: re.Match[str] | None) -> dict[str, Any] | None:
    """Whole numbers, of which one is an index that something has not, below its size."""
    index, size = (int(match["index"]), int(match["size"])) if match else (0, 0)
    beyond = {n: v for n, v in made.items() if size and isinstance(v, torch.Tensor) and v.dtype == torch.int64 and bool((v == index).any())}
    return {**made, **{n: v % size for n, v in beyond.items()}} if beyond else None
