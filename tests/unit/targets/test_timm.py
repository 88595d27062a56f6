"""Huge architectures are built smaller where timm can build them so – shown on a stand-in, as timm is optional."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from steadygrad.targets import timm as target


class Net(nn.Module):
    """Patches, blocks and a table of positions that fits one size of image."""

    def __init__(self, img_size: tuple[int, int] = (896, 768), depth: int = 20, width: int = 8) -> None:
        super().__init__()
        self.pretrained_cfg = {"input_size": (3, 896, 768)}
        self.patch_embed = nn.Conv2d(3, width, 16, stride=16)
        self.patch_embed.patch_size = (16, 16)
        self.positions = nn.Parameter(torch.zeros(img_size[0] // 16 * (img_size[1] // 16), width))
        self.blocks = nn.Sequential(*(nn.Linear(width, width) for _ in range(depth)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.blocks(self.patch_embed(x).flatten(2).mT + self.positions).mean(1)


class Fixed(Net):
    """Takes no options, so neither its size nor its depth can be chosen."""

    def __init__(self) -> None:
        super().__init__()


def stand_in(cls: type[nn.Module]) -> SimpleNamespace:
    return SimpleNamespace(create_model=lambda name, pretrained, **options: cls(**options), get_pretrained_cfg=lambda name: None)


def test_images_are_halved_to_whole_patches_and_the_name_says_so() -> None:
    model, size, told = target._built(stand_in(Net), "net", True)
    assert size == (3, 224, 192) and told == ["images 224 × 192"]
    assert model(torch.zeros(2, *size)).shape == (2, 8) and len(model.blocks) == 20


def test_blocks_are_left_out_above_half_a_billion_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "LARGEST", 1000)
    model, _, told = target._built(stand_in(Net), "net", True)
    assert len(model.blocks) == 8 and told == ["images 224 × 192", "depth 8"]


def test_what_cannot_be_smaller_and_what_is_given_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "LARGEST", 1000)
    model, size, told = target._built(stand_in(Fixed), "net", True)
    assert size == (3, 896, 768) and told == [] and len(model.blocks) == 20
    assert target._built(stand_in(Net), "net", False)[1] == (3, 896, 768)  # inputs were given


def test_sides_up_to_384_stay() -> None:
    assert target._smaller((3, 384, 384), None) == (3, 384, 384)
    assert target._smaller((3, 600, 600), None) == (3, 288, 288)  # in steps of 32 where there are no patches
    assert target._smaller((3, 518, 518), SimpleNamespace(patch_embed=SimpleNamespace(patch_size=(14, 14)))) == (3, 252, 252)
