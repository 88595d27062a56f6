"""`hf:MODEL_TYPE`: a transformers model type with random weights, its default configuration shrunk by stated rules.

The configuration is shrunk as `configuration` says, the model built by the first task head that transformers
has for the type and that computes its own loss, and inputs made up from its forward's signature and its configuration
(`inputs`). A combination that does not run is followed by the next one: less shrinking, other inputs, another
head. The first that runs is the case. Where none of a few layers does, the smallest is changed as the model complains (`refitting`).
"""

import difflib
import importlib
import os
from typing import Any

import torch

from steadygrad.case import Case
from steadygrad.errors import InputError, MissingExtra, ModelError, TargetError
from steadygrad.targets.huggingface.configuration import FULL, SHORT, configurations
from steadygrad.targets.huggingface.refitting import refitting
from steadygrad.targets.huggingface.trial import running

HEADS = (
    "ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "ForMaskedLM", "ForPreTraining", "ForImageClassification", "ForSemanticSegmentation",
    "ForUniversalSegmentation", "ForObjectDetection", "ForSequenceClassification", "ForAudioClassification", "ForCTC", "ForVideoClassification",
    "ForPrediction", "ForMaskedImageModeling", "ForDepthEstimation", "ForTokenClassification", "ForQuestionAnswering", "Model",
)  # fmt: skip
HEADS_TRIED = 3


def case(model_type: str, *, inputs: Any = None, seed: int = 0, batch_size: int | None = None) -> Case:
    """Random weights, and inputs made from the configuration unless some are given.

    Args:
        model_type: a name that transformers lists, such as "gpt2" or "vit".
        inputs: a dict of keyword inputs, or one tensor: the model's main input.
        seed: of made-up inputs.
        batch_size: of made-up inputs; 2 when None.

    Raises:
        MissingExtra: transformers is not installed.
        TargetError: transformers has no such model type, or it is only a part of other models.
        InputError: `inputs` are several without names.
        ModelError: nothing that could be built from the configuration runs.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        import transformers
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    except ImportError as error:
        raise MissingExtra(f"`hf:{model_type}` needs transformers ({error}): pip install 'steadygrad[models]'") from error
    if model_type not in CONFIG_MAPPING:
        near = difflib.get_close_matches(model_type, list(CONFIG_MAPPING), n=3)
        raise TargetError(f"transformers has no model type `{model_type}`" + (f"; did you mean {', '.join(near)}?" if near else ""))
    if isinstance(inputs, tuple):
        raise InputError(f"`hf:{model_type}` takes inputs by name, got {len(inputs)} without names; write --input NAME=SHAPE")
    heads = _heads(transformers, CONFIG_MAPPING[model_type])
    if not heads:
        raise TargetError(f"`{model_type}` is only a part or a wrapper of other model types in transformers, which has no model with a forward for it; check one that contains it, or one it is made of")
    reasons: list[str] = []
    for attempts in (SHORT, FULL):
        found = _first(CONFIG_MAPPING[model_type], attempts, heads, inputs, seed, batch_size or 2, reasons)
        if found is not None:
            return Case(*found, generated=True, name=model_type)
    told = "; ".join(dict.fromkeys(reasons[:1] + reasons[-2:])) or "no configuration can be made of its defaults"
    raise ModelError(f"`hf:{model_type}` does not run with made-up inputs ({told}); build it yourself and pass it as file.py:NAME with a Case")


def _first(
    cls: Any, attempts: tuple[Any, ...], heads: list[type], inputs: Any, seed: int, batch: int, reasons: list[str]
) -> tuple[Any, dict[str, Any]] | None:
    """The first model that runs, and inputs; of small ones at last one whose configuration is changed."""
    for configuration in configurations(cls, attempts):
        for head in heads[:HEADS_TRIED]:
            found = running(head, configuration, inputs, seed, batch, reasons)
            if found is not None:
                return found
    smallest = next(configurations(cls, attempts), None) if inputs is None and attempts is SHORT else None
    return None if smallest is None else refitting(heads[0], smallest, seed, batch)


def _heads(transformers: Any, configuration: type) -> list[type]:
    """Model classes that are made for this configuration, heads with a loss first."""
    try:
        module = importlib.import_module(configuration.__module__.replace("configuration_", "modeling_"))
    except ImportError:
        return []
    except RuntimeError as error:  # a torchvision built for another torch
        raise MissingExtra(f"transformers' {configuration.__name__} needs a torchvision that fits the installed torch ({error}), or none") from error
    own = [
        cls for cls in vars(module).values()
        if isinstance(cls, type) and issubclass(cls, transformers.PreTrainedModel) and cls.__module__ == module.__name__
        and getattr(cls, "config_class", None) is configuration and not cls.__name__.endswith("PreTrainedModel")
        and cls.forward is not torch.nn.Module.forward
    ]  # fmt: skip
    return sorted(own, key=lambda cls: (next((i for i, end in enumerate(HEADS) if cls.__name__.endswith(end)), len(HEADS)), len(cls.__name__)))
