"""Configurations shrink by the stated rules, and inputs are made from signatures – shown on stand-ins, as transformers is optional."""

from types import SimpleNamespace

import pytest
import torch

from steadygrad.errors import MissingExtra
from steadygrad.targets import huggingface
from steadygrad.targets.huggingface.candidates import candidates
from steadygrad.targets.huggingface.complaints import with_tokens
from steadygrad.targets.huggingface.configuration import configurations


class Configuration:
    model_type = "stand-in"

    def __init__(self) -> None:
        self.hidden_size, self.intermediate_size, self.num_attention_heads, self.num_hidden_layers = 1024, 4096, 16, 24
        self.vocab_size, self.image_token_id, self.bos_token_id = 50000, 40000, 1
        self.n_shared_experts, self.use_cache = None, True
        self.languages, self.default_language = ["en_XX", "vi_VN"], None
        self.num_experts, self.num_experts_per_tok, self.n_group = 64, 8, 8
        self.initializer_range = 0.02
        self.layer_types = ["linear"] * 5 + ["full"] + ["linear"] * 3 + ["full"] + ["linear"] * 14
        self.attention_hidden_size = 2048

    def to_dict(self) -> dict:
        return vars(self)


class Stubborn(Configuration):
    """Refuses to be shortened, as types that check their lists do."""

    def __setattr__(self, name: str, value: object) -> None:
        if name == "num_hidden_layers" and value != 24:
            raise RuntimeError("24 layers or none")
        super().__setattr__(name, value)


def test_configurations_go_from_small_to_default() -> None:
    small, filled, short, _, twice, narrow, default = configurations(Configuration)
    assert (small.hidden_size, small.intermediate_size, small.num_attention_heads) == (256, 1024, 4)  # a head stays 64 wide
    assert small.initializer_range == 0.04 and short.initializer_range == 0.02  # a quarter of the fan-in, the same gain
    assert (short.hidden_size, narrow.num_hidden_layers) == (1024, 24)
    assert (small.n_shared_experts, filled.n_shared_experts) == (None, 1)
    assert (small.default_language, filled.default_language) == (None, "en_XX")
    assert (twice.hidden_size, twice.attention_hidden_size) == (256, 512) and small.attention_hidden_size == 512  # which is two widths
    assert (small.num_hidden_layers, twice.num_hidden_layers, len(twice.layer_types)) == (6, 10, 10)  # one full layer, and two
    assert small.num_hidden_layers == len(small.layer_types) == 6 and set(small.layer_types) == {"linear", "full"}
    for configuration in (small, short, narrow):
        assert configuration.vocab_size == 1024 and configuration.image_token_id < 1024 and configuration.bos_token_id == 1
        assert (configuration.num_experts, configuration.num_experts_per_tok, configuration.n_group) == (4, 2, 1)
    assert vars(default) == {**vars(Configuration()), "use_cache": False}


class Rotating(Configuration):
    """Rotates in sections that the defaults do not fit, as several published types do."""

    ignore_keys_at_rope_validation = frozenset({"mrope_section"})

    def __init__(self) -> None:
        super().__init__()
        self.rope_parameters, self.stages = {"rope_type": "default"}, (1, 2)


def test_sections_of_a_rotation_fill_half_a_head() -> None:
    small, filled, *_ = configurations(Rotating)
    assert "mrope_section" not in small.rope_parameters
    assert filled.rope_parameters["mrope_section"] == [8, 12, 12]  # of a head 64 wide
    assert (small.stages, filled.stages) == ((1, 2), [1, 2])  # as read from a file
    assert (hasattr(small, "dropout_rate"), filled.dropout_rate) == (False, 0.0)


class Uneven(Configuration):
    """28 heads in a width of 2048, as one published type has by default, and no heads of keys."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden_size, self.num_attention_heads = 2048, 28


def test_heads_are_even_parts_of_the_width() -> None:
    small, filled, *_ = configurations(Uneven)
    assert (small.hidden_size, small.num_attention_heads) == (256, 2)  # 3 of 85 would not rotate
    assert not hasattr(small, "num_key_value_heads") and filled.num_key_value_heads == filled.num_attention_heads


class Tower(Configuration):
    def __init__(self) -> None:
        super().__init__()
        self.out_hidden_size, self.image_size = 777, 1540
        self.pixel_shuffle_ratio, self.intermediate_layers_indices = 0.5, [3, 15]


class Seeing:
    model_type = "seeing"

    def __init__(self) -> None:
        self.text_config, self.vision_config = Configuration(), Tower()

    def to_dict(self) -> dict:
        return vars(self)


def test_a_tower_gives_what_is_as_wide_as_words_of_images_that_are_not_too_large() -> None:
    small, *_, default = configurations(Seeing)
    assert (small.vision_config.out_hidden_size, small.vision_config.image_size) == (256, 770)
    assert (small.vision_config.intermediate_size, small.vision_config.intermediate_layers_indices) == (4 * 256, [3, 3])
    assert (default.vision_config.out_hidden_size, default.vision_config.image_size) == (777, 1540)


class Strict(Configuration):
    """Refuses its own defaults, one after the other, as one published type does."""

    sub_configs = {"text_config": Configuration}

    def __init__(self, text_config: dict | None = None) -> None:
        super().__init__()
        for name in ("layers_per_input", "words_per_input"):
            if (text_config or {}).get(name, 256) != 0:
                raise RuntimeError("not valid") from ValueError(f"{name} must be 0, got 256")
        self.text = text_config


def test_a_type_that_refuses_its_defaults_gets_what_it_says() -> None:
    assert next(configurations(Strict)).text == {"layers_per_input": 0, "words_per_input": 0}


class Many(Seeing):
    """As many words of an image as it has not patches, more frames than needed, and a pyramid that is empty by default."""

    def __init__(self, projector_scale_factors: tuple[float, ...] = ()) -> None:
        super().__init__()
        self.mm_tokens_per_image, self.vision_config.image_size, self.vision_config.patch_size = 256, 224, 16
        self.num_frames, self.projector_scale_factors, self.levels = 48, projector_scale_factors, len(projector_scale_factors)


def test_an_image_has_no_more_words_than_patches_a_clip_8_frames_and_a_pyramid_a_level() -> None:
    small, *_, default = configurations(Many)
    assert (small.mm_tokens_per_image, small.num_frames, small.levels) == (14 * 14, 8, 1)
    assert (default.mm_tokens_per_image, default.num_frames, default.levels) == (256, 48, 1)


def test_types_that_cannot_be_shortened_are_only_narrowed() -> None:
    assert [(c.hidden_size, c.num_hidden_layers) for c in configurations(Stubborn)] == [(256, 24), (1024, 24)]


class Aliased(Configuration):
    """Answers to a second name of its width, as GPT-2 does."""

    attribute_map = {"hidden_size": "n_embd"}

    def __init__(self) -> None:
        self.n_embd = 0
        super().__init__()

    hidden_size = property(lambda self: self.n_embd, lambda self, value: setattr(self, "n_embd", value))


def test_second_names_are_not_divided_again() -> None:
    small = next(configurations(Aliased))
    assert small.n_embd == small.hidden_size == 256 and small.num_attention_heads == 4


class ForCausalLM(torch.nn.Module):
    main_input_name = "input_ids"

    def forward(self, input_ids, attention_mask=None, labels=None):
        return None


def test_placeholders_are_as_many_as_the_model_asks_for() -> None:
    configuration = SimpleNamespace(image_token_id=7)
    made = {"input_ids": torch.full((2, 5), 9), "labels": torch.full((2, 5), 9), "attention_mask": torch.ones(2, 5), "pixel_values": torch.zeros(2, 3, 8, 8)}
    longer = with_tokens(made, "ValueError: Image features and image tokens do not match, tokens: 0, features: 6", configuration)
    assert longer is not None and longer["input_ids"].tolist() == [[7] * 3 + [9] * 5] * 2
    assert longer["labels"].tolist() == [[-100] * 3 + [9] * 5] * 2 and longer["attention_mask"].tolist() == [[1.0] * 8] * 2
    assert longer["pixel_values"] is made["pixel_values"]
    assert with_tokens(longer, "Image features and image tokens do not match, tokens: 6, features: 12", configuration) is None  # once is enough
    assert with_tokens(made, "Audio features and audio tokens do not match, tokens: 0, features: 6", configuration) is None  # no such token
    assert with_tokens(made, "some other complaint", configuration) is None


class ForImageClassification(torch.nn.Module):
    main_input_name = "pixel_values"

    def forward(self, pixel_values, labels=None):
        return None


def test_words_come_with_labels_first_and_masks_later() -> None:
    made = list(candidates(ForCausalLM(), Configuration(), seed=0, batch=3))
    assert [sorted(m) for m in made[:4]] == [
        ["input_ids", "labels"], ["attention_mask", "input_ids", "labels"], ["input_ids"], ["attention_mask", "input_ids"],
    ]  # fmt: skip
    assert made[0]["input_ids"].shape == made[0]["labels"].shape == (3, 32) and int(made[0]["input_ids"].max()) < 50000
    again = next(candidates(ForCausalLM(), Configuration(), seed=0, batch=3))
    assert all(torch.equal(made[0][k], again[k]) for k in again)


def test_sequences_have_no_more_words_than_there_are_positions() -> None:
    made = next(candidates(ForCausalLM(), SimpleNamespace(vocab_size=100, max_position_embeddings=16), seed=0, batch=2))
    assert made["input_ids"].shape == made["labels"].shape == (2, 16)


def test_boxes_have_their_corners_in_order_on_the_page() -> None:
    class Reader(torch.nn.Module):
        def forward(self, input_ids=None, bbox=None):
            return None

    made = next(candidates(Reader(), SimpleNamespace(vocab_size=100, max_2d_position_embeddings=512), 0, 2))
    left, upper, right, lower = made["bbox"].unbind(-1)
    assert made["bbox"].shape == (2, 32, 4) and bool((left <= right).all()) and bool((upper <= lower).all())
    assert int(made["bbox"].min()) >= 0 and 400 < int(made["bbox"].max()) < 512


def test_images_follow_the_configuration() -> None:
    configuration = SimpleNamespace(image_size=(64, 48), num_channels=1, num_labels=5)
    made = next(candidates(ForImageClassification(), configuration, seed=0, batch=2))
    assert made["pixel_values"].shape == (2, 1, 64, 48) and made["labels"].shape == (2,) and int(made["labels"].max()) < 5


def test_the_size_of_images_may_stand_in_a_configuration_inside() -> None:
    inside = SimpleNamespace(model_type="decoder", image_size=48)
    made = next(candidates(ForImageClassification(), SimpleNamespace(prompt_encoder_config=inside, num_channels=1, num_labels=5), seed=0, batch=2))
    assert made["pixel_values"].shape == (2, 1, 48, 48)


def test_without_transformers_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(MissingExtra, match=r"`hf:gpt2` needs transformers .*pip install 'steadygrad\[models\]'"):
        huggingface.case("gpt2")


def test_a_torchvision_for_another_torch_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(huggingface.importlib, "import_module", broken)
    with pytest.raises(MissingExtra, match=r"Configuration needs a torchvision that fits .*torchvision::nms does not exist"):
        huggingface._heads(SimpleNamespace(), Configuration)


@pytest.mark.zoo
def test_real_types_run_with_a_loss() -> None:
    for name in ("gpt2", "bert", "vit", "t5", "clip", "mixtral"):
        case = huggingface.case(name)
        assert torch.isfinite(case.model(**case.inputs).loss), name
