"""What a docstring says of an argument is what is made of it."""

from types import SimpleNamespace

import pytest
import torch

from steadygrad.targets.huggingface.complaints import answered
from steadygrad.targets.huggingface.documented import documented, made_of
from steadygrad.targets.huggingface.inputs import Maker
from steadygrad.targets.huggingface.trial import tried


class Adapter(torch.nn.Module):
    def forward(self, features, pooled_idx, target_grid=None, valid_mask=None, kinds=None, past_key_values=None):
        """Pool features.

        Args:
            features (`torch.Tensor` of shape `(batch_size, num_patches, hidden_size * len(layers))`):
                Of every crop.
            pooled_idx (`torch.Tensor` of shape `(num_tokens, 2 * pool_h)`):
                Positions.
            target_grid (`torch.IntTensor` of shape `(batch_size, 2)`, *optional*):
                Rows and columns.
            valid_mask (`torch.BoolTensor` of shape `(batch_size, config.image_size // 2)`, *optional*, defaults to `None`):
                What is no padding.
            kinds (`torch.LongTensor` of shape `(batch_size, sequence_length)`, *optional*):
                Kinds of words.
            past_key_values (`torch.Tensor` of shape `(batch_size, 1)`, *optional*):
                Never made up.

        Returns:
            pooled (`torch.Tensor` of shape `(batch_size, 3)`):
                No argument.
        """


CONFIGURATION = SimpleNamespace(hidden_size=16, layers=[1, 2, 3], image_size=32, patch_size=8, vocab_size=100)


def maker() -> Maker:
    return Maker(Adapter(), CONFIGURATION, 0, 2, 0)


def test_arguments_are_read_and_outputs_and_caches_are_not() -> None:
    found = documented(Adapter.forward)
    assert list(found) == ["features", "pooled_idx", "target_grid", "valid_mask", "kinds"]
    assert [name for name, entry in found.items() if entry.optional] == ["target_grid", "valid_mask", "kinds"]
    assert documented(lambda x: x) == {}


def test_sizes_come_from_the_configuration_and_kinds_from_type_and_name() -> None:
    features, pooled, grid, mask, kinds = (maker().one(name) for name in documented(Adapter.forward))
    assert features.shape == (2, 4, 48) and features.is_floating_point()
    assert torch.equal(pooled, torch.arange(8).expand(32, 8))
    assert grid.tolist() == [[4, 4]] * 2  # 32 pixels in patches of 8
    assert mask.dtype is torch.bool and mask.shape == (2, 16) and bool(mask.all())
    assert kinds.shape == (2, 32) and set(kinds.unique().tolist()) == {0, 1}
    assert maker().one("past_key_values") is None and maker().one("unheard_of") is None


@pytest.mark.parametrize("shape", ["(batch_size, …)", "batch_size, max(a, b)", "2 **", "10000 * 10000", "0, 3"])
def test_shapes_that_say_nothing_usable_make_nothing(shape: str) -> None:
    entry = documented(Adapter.forward)["features"]
    assert made_of("x", type(entry)(entry.type, shape, False), {"batch_size": 2}.get, torch.Generator()) is None


def test_a_model_that_stumbles_over_nothing_gets_everything_it_describes() -> None:
    made = {"features": torch.zeros(2, 4, 48)}
    more = answered(made, "AttributeError: 'NoneType' object has no attribute 'shape'", CONFIGURATION, maker())
    assert more is not None and set(more) == {"features", "pooled_idx", "target_grid", "valid_mask", "kinds"} and more["features"] is made["features"]
    assert answered(more, "AttributeError: 'NoneType' object has no attribute 'shape'", CONFIGURATION, maker()) is None  # nothing is left to give


def test_arguments_that_a_complaint_names_are_given() -> None:
    made = {"features": torch.zeros(2, 4, 48)}
    more = answered(made, "ValueError: `pooled_idx` cannot be `None`", CONFIGURATION, maker())
    assert more is not None and list(more) == ["features", "pooled_idx"]
    assert answered(made, "You cannot give both features and pooled_idx", CONFIGURATION, maker()) is None
    assert answered(made, "ValueError: pooled_idx_2 is missing", CONFIGURATION, maker()) is None


def test_sequences_end_where_the_model_has_no_further_position() -> None:
    made = {"input_ids": torch.zeros(2, 32, dtype=torch.int64), "pixel_values": torch.zeros(2, 3, 8, 8)}
    with pytest.raises(IndexError) as caught:
        torch.nn.ModuleList(torch.nn.Identity() for _ in range(7))[7]
    shorter = answered(made, str(caught.value), CONFIGURATION, maker())
    assert shorter is not None and shorter["input_ids"].shape == (2, 7) and shorter["pixel_values"] is made["pixel_values"]


def test_sequences_are_repeated_until_what_is_placed_in_them_fits() -> None:
    words, features = torch.zeros(2, 32, 5), torch.zeros(2, 64, 5)
    with pytest.raises(RuntimeError) as caught:
        words[torch.ones(2, 32, dtype=torch.bool)] = features.flatten(0, 1)
    longer = answered({"input_ids": torch.zeros(2, 32), "pixel_values": torch.zeros(2, 3, 8, 8)}, str(caught.value), CONFIGURATION, maker())
    assert longer is not None and longer["input_ids"].shape == (2, 64) and longer["pixel_values"].shape == (2, 3, 8, 8)


def test_stacked_products_say_how_wide_they_read() -> None:
    made = {"last_hidden_state": torch.zeros(2, 7, 16)}
    with pytest.raises(RuntimeError) as caught:
        torch.bmm(made["last_hidden_state"], torch.zeros(2, 40, 5))
    wider = answered(made, str(caught.value), CONFIGURATION, maker())
    assert wider is not None and wider["last_hidden_state"].shape == (2, 7, 40)


class Listing(torch.nn.Module):
    def forward(self, pixel_values, image_grid_thw):
        """Read patches that are images.

        Args:
            pixel_values (`torch.Tensor` of shape `(num_image_tokens, patch_size, patch_size, num_channels)`):
                Of all images.
        """
        patches, height, width, channels = pixel_values.shape
        assert patches == int(image_grid_thw.prod(1).sum())


def test_what_the_docstring_says_of_a_well_known_input_is_tried_last() -> None:
    reasons: list[str] = []
    found = tried(Listing(), SimpleNamespace(**vars(CONFIGURATION), num_channels=3), None, 0, 2, reasons)
    assert found is not None and found[1]["pixel_values"].shape == (128, 8, 8, 3) and len(reasons) > 0
