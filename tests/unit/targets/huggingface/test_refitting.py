"""A configuration is changed as the model complains, until the model runs."""

import pytest
import torch

from steadygrad.targets.huggingface.refitting import refitted, refitting


class Configuration:
    """Copies to parts what it is given, as transformers' do."""

    model_type = "stand-in"

    def __init__(self, **entries) -> None:
        self.__dict__.update(entries)


class Backbone(Configuration):
    stage_names = ["stem", "stage1", "stage2", "stage3"]


def changes(configuration: Configuration, complaint: str) -> list[dict]:
    return [{**vars(changed)} for changed in refitted(configuration, complaint)]


def test_one_of_two_sizes_becomes_the_other() -> None:
    told = "RuntimeError: mat1 and mat2 shapes cannot be multiplied (64x512 and 2048x10)"
    whole = Configuration(hidden_size=512, quantizer_dim=2048, channels=[2048, 64], few=4)
    assert changes(whole, told) == [
        {**vars(whole), "channels": [512, 64]}, {**vars(whole), "quantizer_dim": 512}, {**vars(whole), "hidden_size": 2048},
    ]  # fmt: skip
    assert vars(whole)["quantizer_dim"] == 2048  # the one that was given stays
    assert changes(whole, told.replace("512", "4").replace("2048", "7")) == []  # small numbers stand for too much
    assert changes(whole, "some other complaint") == []


def test_vocabularies_grow_to_the_index_that_is_missing_or_to_the_largest() -> None:
    whole = Configuration(vocab_size=1024, part=Configuration(vocab_size=256))
    (changed,) = refitted(whole, "IndexError: index 10784 is out of bounds for dimension 0 with size 1024")
    assert changed.vocab_size == changed.part.vocab_size == 10785
    (changed,) = refitted(whole, "IndexError: index out of range in self")
    assert changed.part.vocab_size == 1024


def test_a_backbone_gives_all_its_stages_where_channels_are_missing() -> None:
    whole = Configuration(backbone_config=Backbone(out_indices=[3]))
    told = "Given groups=1, weight of size [128, 768, 1, 1], expected input[2, 128, 14, 14] to have 768 channels, but got 128 channels instead"
    assert [changed.backbone_config.out_indices for changed in refitted(whole, told)] == [[1, 2, 3]]


class Model(torch.nn.Module):
    """Whose second part reads another width than the first gives, and whose third another than the second."""

    main_input_name = "inputs_embeds"

    def __init__(self, config: Configuration) -> None:
        super().__init__()
        self.first = torch.nn.Linear(config.hidden_size, config.hidden_size)
        self.second, self.third = torch.nn.Linear(config.second_dim, 48), torch.nn.Linear(config.third_dims[0], 1)

    def forward(self, inputs_embeds):
        return self.third(self.second(self.first(inputs_embeds)))


def test_complaint_after_complaint_is_answered() -> None:
    found = refitting(Model, Configuration(hidden_size=16, second_dim=32, third_dims=[24, 9]), 0, 2)
    assert found is not None
    model, made = found
    assert model.second.in_features == 16 and model.third.in_features == 48 and made["inputs_embeds"].shape == (2, 32, 16)
    assert refitting(Model, Configuration(hidden_size=16, second_dim=16, third_dims=[48]), 0, 2) is None  # runs without
    assert refitting(Model, Configuration(hidden_size=16, second_dim=4, third_dims=[48]), 0, 2) is None  # nothing to change


class Large(torch.nn.Module):
    def __init__(self, config: Configuration) -> None:
        super().__init__()
        self.stages = torch.nn.Linear(1000 * config.num_filters, 1000 * config.num_filters)
        self.table = torch.nn.Linear(4, 4)

    def forward(self, inputs_embeds):
        return self.table(inputs_embeds)


@pytest.mark.parametrize(("filters", "left"), [(32, 8), (4, None)])
def test_channels_that_make_a_model_too_large_are_quartered(filters: int, left: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steadygrad.targets.huggingface.trial.LARGEST", 10**8)
    found = refitting(Large, Configuration(hidden_size=4, num_filters=filters), 0, 2)
    if left is None:
        assert found is None
    else:
        assert found is not None and found[0].stages.in_features == 1000 * left
