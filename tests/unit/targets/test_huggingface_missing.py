"""What a model misses it gets: arguments it cannot be called without, and those on whose absence it stumbles."""

from types import SimpleNamespace
from typing import Any

import torch

from steadygrad.targets.huggingface_inputs import Maker
from steadygrad.targets.huggingface_trial import tried

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


def test_a_mask_by_itself_is_over_words_and_codes_are_words() -> None:
    from steadygrad.targets.huggingface_missing import guessed

    maker = Maker(Decoder(), CONFIGURATION, 0, 2, 0)
    assert guessed("mask", maker).shape == guessed("quantized_code", maker).shape == (2, 32)
    assert guessed("prompt_masks", maker).ndim == 4 and guessed("unheard_of", maker) is None
