"""Shapes become tensors: types, names, bounds, the same numbers for the same seed, and one clear message for what is no shape."""

import pytest
import torch

from steadygrad.errors import InputError
from steadygrad.targets.generated import inputs
from steadygrad.targets.images import as_images, batch_for, images, labels


@pytest.mark.parametrize(
    ("text", "shape", "dtype"),
    [("2x3", (2, 3), torch.float32), ("4", (4,), torch.float32), ("2x3:bfloat16", (2, 3), torch.bfloat16),
     ("2x5:int64<7", (2, 5), torch.int64), ("2x5<7", (2, 5), torch.int64), ("3x3:bool", (3, 3), torch.bool)],
)  # fmt: skip
def test_one_shape_is_one_tensor(text: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    made = inputs([text])
    assert tuple(made.shape) == shape and made.dtype == dtype
    assert torch.equal(made, inputs([text])) and (made.numel() < 5 or not torch.equal(made, inputs([text], seed=1)))


def test_bounds_hold_and_are_reached() -> None:
    made = inputs(["100x20:int64<7"])
    assert (int(made.min()), int(made.max())) == (0, 6)


def test_several_are_a_tuple_and_named_ones_a_dict() -> None:
    assert [tuple(t.shape) for t in inputs(["2x3", "4x5"])] == [(2, 3), (4, 5)]
    assert {k: tuple(v.shape) for k, v in inputs(["a=2x3", "b=4x5:bool"]).items()} == {"a": (2, 3), "b": (4, 5)}


@pytest.mark.parametrize(
    ("shapes", "message"),
    [(["2y3"], "must look like .* got '2y3'"), (["2x3:floaty"], "knows no dtype `floaty`"), (["a=2x3", "4x5"], "must name all inputs, each once, or none"),
     (["a=2", "a=3"], "each once"), (["2x3:float32<5"], "bounds whole numbers only"), (["2x3:int64<0"], "needs a bound from 1"),
     (["2x3:uint8<999"], "bound from 1 to 255"), (["99999999x99999999"], "cannot be allocated")],
)  # fmt: skip
def test_what_is_no_shape_is_refused(shapes: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        inputs(shapes)


def test_images_fit_into_memory_by_their_size() -> None:
    assert batch_for((3, 32, 32)) == 8 and batch_for((3, 2048, 2048)) == 2
    assert images((3, 8, 8), seed=3).shape == (8, 3, 8, 8) and images((3, 8, 8), batch_size=5).shape[0] == 5
    assert set(labels(64, 3).tolist()) == {0, 1, 2}


@pytest.mark.parametrize("given", [torch.zeros(3, 8, 8), torch.zeros(1, 3, 8, 8, dtype=torch.int64), {"x": torch.zeros(1)}])
def test_what_is_no_batch_of_images_is_refused(given: object) -> None:
    with pytest.raises(InputError, match="takes one batch of 4 dimensions such as --input 8x3x224x224, got"):
        as_images(given, "timm:resnet18")
