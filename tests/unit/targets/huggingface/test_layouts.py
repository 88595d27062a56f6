"""Inputs are laid out as the model's complaint, in the words of torch, asks for."""

from types import SimpleNamespace

import pytest
import torch

from steadygrad.targets.huggingface.inputs import Maker
from steadygrad.targets.huggingface.layouts import laid_out


class Model(torch.nn.Module):
    def forward(self, pixel_values):
        return None


CONFIGURATION = SimpleNamespace(image_size=8, num_channels=3, vocab_size=100, patch_size=2)


def answer(made: dict, complaint: str) -> dict | None:
    return laid_out(made, complaint, Maker(Model(), CONFIGURATION, 0, 2, 0))


def shapes(made: dict | None) -> dict:
    assert made is not None
    return {name: tuple(value.shape) for name, value in made.items()}


def complaint_of(function, *args) -> str:
    with pytest.raises((RuntimeError, ValueError)) as caught:
        function(*args)
    return str(caught.value)


def test_features_are_turned_to_where_a_norm_reads_them() -> None:
    told = "RuntimeError: Given normalized_shape=[160], expected input with shape [*, 160], but got input of size[2, 80, 256]"
    assert shapes(answer({"input_features": torch.randn(2, 80, 256), "ids": torch.ones(2, 8)}, told)) == {"input_features": (2, 256, 160), "ids": (2, 8)}
    assert answer({"input_features": torch.randn(2, 80, 250)}, told) is None


def test_clips_are_read_frame_by_frame() -> None:
    def images_only(pixels: torch.Tensor) -> None:
        batch, channels, height, width = pixels.shape

    clips = torch.randn(2, 5, 3, 8, 8)
    found = answer({"pixel_values": clips, "labels": torch.ones(2)}, complaint_of(images_only, clips))
    assert shapes(found) == {"pixel_values": (10, 3, 8, 8), "labels": (2,)}
    assert torch.equal(found["pixel_values"][5], clips[1, 0])
    assert answer({"pixel_values": clips[:, :1]}, complaint_of(images_only, clips)) is None


def test_images_become_rows_of_patches() -> None:
    images = torch.randn(2, 3, 8, 8)
    found = answer({"pixel_values": images}, complaint_of(torch.nn.Linear(12, 5), images))
    assert shapes(found) == {"pixel_values": (2, 16, 12)}
    assert torch.equal(found["pixel_values"][1, 5].view(3, 2, 2), images[1, :, 2:4, 2:4])
    assert answer({"pixel_values": images}, complaint_of(torch.nn.Linear(13, 5), images)) is None  # no patch has 13 entries
    strip = images[:, :, :1]
    assert answer({"pixel_values": strip}, complaint_of(torch.nn.Linear(12, 5), strip)) is None  # nor does one fit into a strip


def test_patches_become_squares() -> None:
    def listed(pixels: torch.Tensor) -> None:
        batch, patches, channels, height, width = pixels.shape

    patches = torch.randn(16, 12)
    assert shapes(answer({"pixel_values": patches}, complaint_of(listed, patches))) == {"pixel_values": (1, 16, 3, 2, 2)}
    assert shapes(answer({"pixel_values": patches}, complaint_of(torch.nn.Conv2d(3, 4, 2), patches))) == {"pixel_values": (16, 3, 2, 2)}
    assert answer({"pixel_values": patches[:, :11]}, complaint_of(listed, patches)) is None


def test_images_are_put_into_lists() -> None:
    def tiled(pixels: torch.Tensor) -> None:
        batch, pictures, tiles, channels, height, width = pixels.shape

    images = torch.randn(2, 3, 8, 8)
    assert shapes(answer({"pixel_values": images}, complaint_of(tiled, images))) == {"pixel_values": (2, 1, 1, 3, 8, 8)}


def test_sound_gets_its_one_channel() -> None:
    sound = torch.randn(2, 100)
    assert shapes(answer({"input_values": sound}, complaint_of(torch.nn.Conv1d(1, 4, 3), sound))) == {"input_values": (2, 1, 100)}
    padded = complaint_of(torch.nn.Conv1d(1, 4, 3), torch.nn.functional.pad(sound, (6, 0)))
    assert shapes(answer({"input_values": sound}, padded)) == {"input_values": (2, 1, 100)}
    assert answer({"input_values": sound}, complaint_of(torch.nn.Conv1d(5, 4, 3), sound)) is None


def test_states_that_go_into_a_convolution_of_images_are_images() -> None:
    states = torch.randn(2, 32, 64)
    assert shapes(answer({"hidden_states": states}, complaint_of(torch.nn.Conv2d(3, 4, 3), states))) == {"hidden_states": (2, 3, 8, 8)}


def test_masks_that_are_images_are_numbers() -> None:
    masks = torch.ones(2, 3, 8, 8, dtype=torch.int64)
    found = answer({"prompt_masks": masks, "input_ids": masks[0, 0]}, complaint_of(torch.nn.Conv2d(3, 4, 3), masks))
    assert found is not None and found["prompt_masks"].dtype == torch.float32 and found["input_ids"].dtype == torch.int64


def test_pairs_of_images_take_the_place_of_each() -> None:
    told = "ValueError: Input must be a 5D tensor of shape (batch_size, 2, num_channels, height, width)"
    assert shapes(answer({"pixel_values": torch.randn(2, 3, 8, 8)}, told)) == {"pixel_values": (2, 2, 3, 8, 8)}


def test_images_are_cut_to_equal_windows() -> None:
    images = torch.randn(2, 3, 15, 15)  # 7 × 7 patches of 2
    told = complaint_of(torch.randn(2, 49, 5).view, 2, 3, 2, 3, 2, -1)
    assert shapes(answer({"pixel_values": images}, told)) == {"pixel_values": (2, 3, 12, 12)}
    assert answer({"pixel_values": images[..., :12, :12]}, told) is None


def test_codebooks_have_a_row_each_or_lie_together_where_rows_are_counted() -> None:
    told = "RuntimeError: shape '[-1, 4, 32]' is invalid for input of size 64"
    words = torch.ones(2, 32, dtype=torch.int64)
    assert shapes(answer({"input_ids": words}, told)) == {"input_ids": (8, 32)}
    assert shapes(answer({"input_ids": words, "decoder_input_ids": words}, told)) == {"input_ids": (2, 32), "decoder_input_ids": (8, 32)}
    assert answer({"input_ids": words[:, :5]}, told) is None
    assert shapes(answer({"decoder_input_ids": words}, told.replace("-1, 4, 32", "2, 9, -1"))) == {"decoder_input_ids": (2, 32, 9)}


def test_codebooks_lie_together_where_two_axes_before_them_are_read() -> None:
    def read(ids: torch.Tensor) -> None:
        batch, length = ids.size()[:-1]

    words = torch.ones(2, 32, dtype=torch.int64)
    assert shapes(answer({"input_ids": words}, complaint_of(read, words))) == {"input_ids": (2, 32, 3)}


def test_codebooks_lie_together_where_something_of_each_is_added() -> None:
    words = torch.ones(2, 32, dtype=torch.int64)
    told = complaint_of(torch.add, words, torch.ones(5))
    maker = Maker(Model(), SimpleNamespace(**vars(CONFIGURATION), num_codebooks=4), 0, 2, 0)
    found = laid_out({"input_ids": words, "labels": words}, told, maker)  # four and the text
    assert shapes(found) == {"input_ids": (2, 32, 5), "labels": (2, 32)}
    assert answer({"input_ids": words}, told) is None  # no codebooks


def test_images_get_their_channels_last_where_the_last_axis_is_not_divided() -> None:
    images = torch.randn(2, 1, 3, 8, 8)
    told = complaint_of(images.reshape, 2, 1, 1, 0, 5, 4, 2, 8)
    found = answer({"pixel_values": images}, told)
    assert shapes(found) == {"pixel_values": (2, 1, 8, 8, 3)} and torch.equal(found["pixel_values"][..., 0], images[:, :, 0])
    assert answer(found, told) is None


def test_lists_of_numbers_are_of_a_batch_of_one() -> None:
    def of_one(marks: torch.Tensor) -> torch.Tensor:
        return marks[0][:, None]

    marks = torch.ones(4, dtype=torch.int64)
    with pytest.raises(IndexError) as caught:
        of_one(marks)
    assert shapes(answer({"marks": marks, "input_ids": torch.ones(2, 32)}, str(caught.value))) == {"marks": (1, 4), "input_ids": (2, 32)}


def test_images_that_are_one_patch_of_time_are_as_many_as_it_reads() -> None:
    def tiled(pixels: torch.Tensor) -> None:
        batch, frames, channels, height, width = pixels.shape

    images = torch.randn(2, 3, 8, 8)
    maker = Maker(Model(), SimpleNamespace(**vars(CONFIGURATION), temporal_patch_size=2), 0, 2, 0)
    assert shapes(laid_out({"pixel_values": images}, complaint_of(tiled, images), maker)) == {"pixel_values": (2, 2, 3, 8, 8)}


def test_a_model_that_reads_one_sample_at_a_time_gets_one() -> None:
    told = complaint_of(torch.randn(7, 5).view, 2, 7, 5)  # positions that are not repeated for the second
    found = answer({"pixel_values": torch.randn(2, 3, 8, 8), "attention_mask": torch.ones(2, 5)}, told)
    assert shapes(found) == {"pixel_values": (1, 3, 8, 8), "attention_mask": (1, 5)}
    assert answer({"pixel_values": torch.randn(2, 3, 8, 8)}, complaint_of(torch.randn(7, 5).view, 3, 7, 5)) is None
