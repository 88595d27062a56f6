"""What models complain about, as they word it, and what is answered."""

import importlib.util
from types import SimpleNamespace

import pytest
import torch

from steadygrad.targets.huggingface.complaints import answered
from steadygrad.targets.huggingface.inputs import Maker


class Model(torch.nn.Module):
    def forward(self, pixel_values, prompt_masks=None):
        return None


CONFIGURATION = SimpleNamespace(image_size=8, num_channels=3, vocab_size=100)


def answer(made: dict, complaint: str) -> dict | None:
    return answered(made, complaint, CONFIGURATION, Maker(Model(), CONFIGURATION, 0, 2, 0))


def shapes(made: dict | None) -> dict:
    assert made is not None
    return {name: tuple(value.shape) for name, value in made.items()}


def test_features_get_the_width_that_the_first_product_reads() -> None:
    made = {"input_features": torch.randn(2, 32, 64), "labels": torch.zeros(2, 32, dtype=torch.int64)}
    wider = answer(made, "RuntimeError: mat1 and mat2 shapes cannot be multiplied (64x64 and 160x96)")
    assert shapes(wider) == {"input_features": (2, 32, 160), "labels": (2, 32)}
    assert torch.equal(wider["input_features"][..., :64], made["input_features"])
    assert shapes(answer(made, "mat1 and mat2 shapes cannot be multiplied (64x64 and 16x96)"))["input_features"] == (2, 32, 16)
    assert answer(made, "mat1 and mat2 shapes cannot be multiplied (64x65 and 160x96)") is None  # no input is 65 wide
    assert answer(made, "mat1 and mat2 shapes cannot be multiplied (64x64 and 1600000x96)") is None  # nothing that made-up inputs should fill


def test_the_wording_is_that_of_torch() -> None:
    made = {"pixel_values": torch.randn(2, 3, 8, 8)}
    with pytest.raises(RuntimeError) as caught:
        torch.nn.Conv2d(5, 4, 3)(made["pixel_values"])
    assert shapes(answer(made, str(caught.value))) == {"pixel_values": (2, 5, 8, 8)}
    features = {"x": torch.randn(2, 7, 6)}
    with pytest.raises(RuntimeError) as caught:
        torch.nn.Linear(10, 4)(features["x"])
    assert shapes(answer(features, str(caught.value))) == {"x": (2, 7, 10)}


def test_what_was_left_out_is_made_from_its_name_or_not_at_all() -> None:
    made = {"pixel_values": torch.randn(2, 3, 8, 8)}
    complaint = "TypeError: Model.forward() missing 2 required positional arguments: 'prompt_pixel_values' and 'prompt_masks'"
    assert shapes(answer(made, complaint)) == dict.fromkeys(("pixel_values", "prompt_pixel_values", "prompt_masks"), (2, 3, 8, 8))
    assert answer(made, "missing 1 required positional argument: 'residue_index'") is None
    assert shapes(answer(made, "missing 1 required positional argument: 'classes_attention_mask'"))["classes_attention_mask"] == (2, 32)
    assert shapes(answer(made, "missing 1 required positional argument: 'context_hidden_states'"))["context_hidden_states"] == (2, 32, 64)


def test_features_get_the_width_of_what_is_added_to_them() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.randn(2, 32, 4) * torch.ones(256)
    made = {"context": torch.randn(2, 32, 4), "mask": torch.ones(2, 4, dtype=torch.int64)}
    assert shapes(answer(made, str(caught.value))) == {"context": (2, 32, 256), "mask": (2, 4)}
    assert answer({"context": torch.randn(2, 4)}, str(caught.value)) is None  # has no such axis


def test_images_stay_square() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.randn(2, 3, 8, 8) * torch.ones(12, 12)
    assert shapes(answer({"pixel_values": torch.randn(2, 3, 8, 8)}, str(caught.value))) == {"pixel_values": (2, 3, 12, 12)}


def test_images_give_as_many_places_as_there_are_positions() -> None:
    told = "ValueError: Expected `image_tokens` to have shape `(batch_size, 16)`, but got shape `torch.Size([2, 4])`."
    assert shapes(answer({"pixel_values": torch.randn(2, 3, 8, 8)}, told)) == {"pixel_values": (2, 3, 16, 16)}
    assert answer({"pixel_values": torch.randn(2, 3, 8, 4)}, told) is None


def test_sequences_get_the_one_length_that_a_model_reads() -> None:
    told = "ValueError: Got prod((8, 16)) != sequence_length: 32. You might want to consider padding your sequence length to 128 or changing"
    words = torch.arange(64).view(2, 32)
    assert shapes(answer({"input_ids": words, "labels": words[:, 0]}, told)) == {"input_ids": (2, 128), "labels": (2,)}
    assert answer({"input_ids": words}, told.replace("128", "1048576")) is None


def test_words_that_a_table_has_not_become_ones_that_all_have() -> None:
    found = answer({"input_ids": torch.arange(64).view(2, 32)}, "IndexError: index out of range in self")
    assert found is not None and found["input_ids"].max() == 7
    assert answer(found, "IndexError: index out of range in self") is None


def test_parts_without_a_table_get_vectors() -> None:
    class Part(torch.nn.Module):
        def forward(self, input_ids=None, inputs_embeds=None, attention_mask=None):
            return None

    maker = Maker(Part(), SimpleNamespace(hidden_size=16, vocab_size=100), 0, 2, 0)
    made = {"input_ids": torch.ones(2, 32, dtype=torch.int64), "attention_mask": torch.ones(2, 32), "labels": torch.ones(2, 32)}
    found = answered(made, "AttributeError: 'Part' object has no attribute 'embed_tokens'", CONFIGURATION, maker)
    assert shapes(found) == {"inputs_embeds": (2, 32, 16), "attention_mask": (2, 32)}


def test_images_side_by_side_are_each_a_part() -> None:
    made = {"pixel_values": torch.randn(2, 3, 8, 4), "prompt_masks": torch.randn(2, 3, 8, 4)}
    assert set(shapes(answer(made, "ValueError: Input image size (16*4) doesn't match model (8*4).")).values()) == {(2, 3, 4, 4)}
    assert answer(made, "some other complaint") is None


def test_images_and_sounds_get_the_length_that_is_asked_for() -> None:
    made = {"pixel_values": torch.randn(2, 3, 8, 8), "labels": torch.ones(2)}
    assert shapes(answer(made, "AssertionError: Input height (8) doesn't match model (12)."))["pixel_values"] == (2, 3, 12, 12)
    assert answer(made, "AssertionError: Input height (9) doesn't match model (12).") is None
    small = "ValueError: Image size 8x8 is too small to be scaled with scaled_images_ratios=(0.25, 0.5, 1) when patch_size=8."
    assert shapes(answer(made, small))["pixel_values"] == (2, 3, 32, 32)
    sound = {"input_features": torch.randn(2, 80, 256), "mask": torch.ones(2, 256)}
    told = "ValueError: X expects `padded_feature_length` to be a multiple of `n_window * 2` (100), but got 256."
    assert shapes(answer(sound, told)) == {"input_features": (2, 80, 200), "mask": (2, 200)}
    assert shapes(answer({"input_features": torch.randn(2, 80, 64)}, told.replace("256", "64"))) == {"input_features": (2, 80, 100)}
    assert answer(sound, told.replace("256", "300")) is None
    waves = {"input_values": torch.randn(2, 16000)}
    assert shapes(answer(waves, "`input_values` length 16000 is not a multiple of 1920.")) == {"input_values": (2, 15360)}


def test_signals_that_are_too_short_get_longer() -> None:
    told = "RuntimeError: Calculated padded input size per channel: (9). Kernel size: (10). Kernel size can't be greater than actual input size"
    assert shapes(answer({"input_values": torch.randn(2, 1, 100), "ids": torch.ones(2, 8, dtype=torch.int64)}, told)) == {"input_values": (2, 1, 400), "ids": (2, 8)}
    assert answer({"ids": torch.ones(2, 8, dtype=torch.int64)}, told) is None


def test_counts_are_of_some_of_the_words() -> None:
    found = answer({"inputs_embeds": torch.ones(2, 32, 4)}, "f() missing 1 required positional argument: 'num_patches'")
    assert found is not None and found["num_patches"] == 16


def test_features_get_as_long_as_what_they_are_put_beside() -> None:
    features = torch.randn(2, 80, 16)
    with pytest.raises(RuntimeError) as caught:
        torch.cat([features.mT, torch.randn(2, 8, 50)], 1)
    assert shapes(answer({"input_features": features, "input_values": torch.randn(2, 1, 160)}, str(caught.value))) == {
        "input_features": (2, 50, 16), "input_values": (2, 1, 160),
    }  # fmt: skip
    assert answer({"input_features": features[:, :79]}, str(caught.value)) is None


def test_indices_that_something_has_not_are_below_its_size() -> None:
    ids = torch.tensor([[3, 17], [5, 16]])
    with pytest.raises((IndexError, RuntimeError)) as caught:
        torch.zeros(2, 16).scatter(1, ids, torch.ones(2, 2))
    found = answer({"patch_ids": ids, "input_ids": torch.tensor([[3]])}, str(caught.value))
    assert found is not None and found["patch_ids"].tolist() == [[3, 1], [5, 0]] and found["input_ids"].tolist() == [[3]]
    assert answer({"input_ids": torch.tensor([[3]])}, str(caught.value)) is None


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("transformers") is None, reason="transformers is an extra")
@pytest.mark.parametrize("model_type", [
    "granite_speech_encoder", "seggpt", "cosmos3_edge_vision", "qwen3_asr_encoder", "deepseek_ocr2_encoder", "zamba", "glm4v", "gemma4_vision",
    "qwen3_omni_moe_audio_encoder", "paddleocr_vl_vision", "hunyuan_vl", "dia", "kyutai_speech_to_text", "jev", "blt_local_encoder",
    "sam3_mask_decoder", "inkling_vision", "inkling2_vision", "uvdoc", "gemma4_assistant", "qwen2_5_omni_dit", "voxtral_realtime_text",
])  # fmt: skip
def test_models_that_complain_get_what_they_ask_for(model_type: str) -> None:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    from steadygrad import check
    from steadygrad.errors import MissingExtra
    from steadygrad.targets.huggingface import case

    if model_type not in CONFIG_MAPPING:
        pytest.skip(f"this transformers has no {model_type}")
    try:
        made = case(model_type)
    except MissingExtra as error:
        pytest.skip(str(error))
    assert check(made).ok
