"""What a model misses it gets: arguments it cannot be called without, and those on whose absence it stumbles."""

from types import SimpleNamespace
from typing import Any

import torch

from steadygrad.targets.huggingface.inputs import Maker
from steadygrad.targets.huggingface.trial import tried

CONFIGURATION = SimpleNamespace(hidden_size=16, vocab_size=100, num_queries=3)


class Decoder(torch.nn.Module):
    """Reads maps of features and features of words, both unknown by name, and times."""

    def forward(self, backbone_maps: list[torch.Tensor], text_features: torch.Tensor, timestep, position_encodings: list[torch.Tensor] | None = None):
        features = [map_ + places for map_, places in zip(backbone_maps, position_encodings, strict=True)]
        return features[0].flatten(2).mT.sum(1) + text_features.sum(1) * timestep[:, None]


class Patching(torch.nn.Module):
    """Gathers words into patches, which must be given though they may be left out."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.projection = torch.nn.Embedding(100, 16), torch.nn.Linear(32, 16)

    def forward(self, input_ids=None, patch_embeds=None, num_patches=None, patch_ids=None, cache=None):
        words = self.words(input_ids)
        index = patch_ids[..., None].expand(words.shape)
        patches = torch.zeros(len(words), num_patches, 16)
        patches = patches.scatter_reduce(1, index, words, "amax")
        return patches + self.projection(patch_embeds).mean(1, keepdim=True)


class Mixed(torch.nn.Module):
    """Of two inputs one is wider, which the line that complains names."""

    def __init__(self) -> None:
        super().__init__()
        self.projection = torch.nn.Linear(48, 16)

    def forward(self, noise_embeds, context_states):
        context = self.projection(context_states)
        return context + noise_embeds


class Diffusing(torch.nn.Module):
    """Puts three inputs side by side and convolves one, turned."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.projection = torch.nn.Conv1d(8, 8, 1), torch.nn.Linear(36, 16)

    def forward(self, hidden_states, noisy_states, speaker_embedding):
        noisy_states = self.convolution(noisy_states.mT).mT
        return self.projection(torch.cat([hidden_states[..., :8], noisy_states, speaker_embedding], -1))


class Conditioned(torch.nn.Module):
    """Hands a condition on to its layers without naming it."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.layer = torch.nn.Embedding(100, 16), Layer()

    def forward(self, input_ids=None, **kwargs):
        return self.layer(self.words(input_ids), **kwargs)


class Layer(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = Scale()

    def forward(self, hidden_states, t_cond=None, position_ids=None, **kwargs):
        return hidden_states * (1 + self.scale(t_cond))


class Scale(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.projection = torch.nn.Linear(16, 16)

    def forward(self, hidden_states):
        return self.projection(hidden_states)


def given(model: torch.nn.Module) -> dict[str, Any]:
    reasons: list[str] = []
    found = tried(model, CONFIGURATION, None, 0, 2, reasons)
    assert found is not None, reasons
    return found[1]


def test_arguments_unknown_by_name_are_given_by_annotation_and_ending() -> None:
    made = given(Decoder())
    assert [tuple(map_.shape) for map_ in made["backbone_maps"]] == [(2, 16, 5, 5)]  # 25 places for 32 words
    assert made["text_features"].shape == (2, 32, 16) and made["timestep"].shape == (2,)
    assert isinstance(made["position_encodings"], list)


def test_arguments_that_a_line_stumbles_over_are_given() -> None:
    made = given(Patching())
    assert set(made) == {"input_ids", "patch_ids", "num_patches", "patch_embeds"}
    assert made["num_patches"] == 16 and int(made["patch_ids"].max()) == 15 and made["patch_embeds"].shape == (2, 32, 32)


def test_only_the_input_that_the_line_names_gets_wider() -> None:
    assert {name: tuple(value.shape) for name, value in given(Mixed()).items()} == {"noise_embeds": (2, 32, 16), "context_states": (2, 32, 48)}


def test_the_last_of_those_side_by_side_fills_what_is_missing() -> None:
    made = given(Diffusing())
    assert (made["hidden_states"].shape, made["noisy_states"].shape) == ((2, 32, 16), (2, 32, 8))
    assert made["speaker_embedding"].shape == (2, 32, 20)


def test_what_is_handed_on_without_a_name_is_given_where_it_was_none() -> None:
    assert set(given(Conditioned())) == {"input_ids", "t_cond"}


def test_keys_and_values_of_another_model_are_those_of_each_kind_of_layer() -> None:
    wide, narrow = SimpleNamespace(head_dim=8, num_key_value_heads=1), SimpleNamespace(head_dim=4, num_key_value_heads=2)
    mixed = SimpleNamespace(vocab_size=100, layer_types=["sliding", "full", "sliding"], per_layer_config=[narrow, wide, narrow])
    made = Maker(Decoder(), mixed, 0, 2, 0).one("shared_kv_states")
    assert {kind: tuple(keys.shape) for kind, (keys, _) in made.items()} == {"sliding": (2, 2, 32, 4), "full": (2, 1, 32, 8)}
    assert Maker(Decoder(), CONFIGURATION, 0, 2, 0).one("shared_kv_states") is None


def test_a_mask_by_itself_is_over_words_and_codes_are_words() -> None:
    from steadygrad.targets.huggingface.missing import guessed

    maker = Maker(Decoder(), CONFIGURATION, 0, 2, 0)
    assert guessed("mask", maker).shape == guessed("quantized_code", maker).shape == (2, 32)
    assert guessed("prompt_masks", maker).ndim == 4 and guessed("unheard_of", maker) is None
