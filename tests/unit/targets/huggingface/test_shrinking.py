"""Networks of timm's inside a transformers configuration: no size of theirs stands there, but a depth can be handed on."""

from types import SimpleNamespace

import pytest

from steadygrad.targets.huggingface.shrinking import shrink


@pytest.mark.parametrize(("given", "depth"), [(None, 4), ({"depth": 23, "init_values": 0.1}, 4), ({"depth": 2}, 2)])
def test_transformers_of_patches_are_made_as_short_as_the_rest(given: dict | None, depth: int) -> None:
    inner = SimpleNamespace(model_type="timm_wrapper", architecture="vit_pe_core_large_patch14_336", model_args=given)
    shrink(SimpleNamespace(model_type="pe_video_encoder", vision_config=inner), 4, widths=True, of_kind=1)
    assert inner.model_args == {**(given or {}), "depth": depth}


def test_others_and_all_layers_stay_as_they_are() -> None:
    """A convolutional network takes no depth."""
    for architecture, deepest in (("resnet50", 4), ("vit_base_patch16_224", 0)):
        inner = SimpleNamespace(model_type="timm_wrapper", architecture=architecture, model_args=None)
        shrink(inner, deepest, widths=True, of_kind=1)
        assert inner.model_args is None
