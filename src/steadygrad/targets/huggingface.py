"""`hf:MODEL_TYPE`: a transformers model type with random weights, its default configuration shrunk by stated rules.

Shrinking (`shrunk`), applied to the configuration and to every configuration inside it:
    layer counts                        at most 4
    vocabularies                        at most 1024
    expert counts                       at most 4
    widths above 256                    divided by one power of two per configuration, so that the largest of
                                        hidden size and model width is at most 256; feed-forward widths with them
    attention heads                     so that the head size stays what it was, at least one
The model is built by the first task head that transformers has for the type and that computes its own loss.
"""

import difflib
import os
from typing import Any

import torch

from steadygrad.case import Case
from steadygrad.errors import MissingExtra, ModelError, TargetError

LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "decoder_layers", "num_decoder_layers", "num_encoder_layers", "encoder_num_layers")
WIDTHS = ("hidden_size", "d_model", "n_embd", "dim", "embed_dim", "hidden_dim")
INNER = ("intermediate_size", "ffn_dim", "encoder_ffn_dim", "decoder_ffn_dim", "d_ff", "n_inner", "moe_intermediate_size", "ffn_hidden_size", "d_inner")
HEADS = ("num_attention_heads", "n_head", "n_heads", "encoder_attention_heads", "decoder_attention_heads", "num_heads", "num_key_value_heads")
EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts")
TASKS = (
    "AutoModelForCausalLM", "AutoModelForSeq2SeqLM", "AutoModelForMaskedLM", "AutoModelForImageClassification",
    "AutoModelForAudioClassification", "AutoModelForSequenceClassification", "AutoModelForSemanticSegmentation", "AutoModel",
)  # fmt: skip
WIDEST, DEEPEST, WORDS, LENGTH, BATCH = 256, 4, 1024, 32, 2


def case(model_type: str, *, inputs: Any = None, seed: int = 0, batch_size: int | None = None) -> Case:
    """Random weights and inputs made from the configuration.

    Raises:
        MissingExtra: transformers is not installed.
        TargetError: transformers has no such model type.
        ModelError: no task head could be built from the configuration.
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
    reasons = []
    for shrink in (True, False):
        config = CONFIG_MAPPING[model_type]()
        if shrink:
            shrunk(config)
        for task in TASKS:
            maker = getattr(transformers, task, None)
            if maker is None or type(config) not in maker._model_mapping:
                continue
            try:
                model = maker.from_config(config)
            except Exception as error:
                reasons.append(f"{task}: {type(error).__name__}: {str(error)[:120]}")
                continue
            return Case(model, _inputs(model, config, task), generated=True, name=model_type)
    raise ModelError(f"`hf:{model_type}` cannot be built from its default configuration ({'; '.join(reasons[:3]) or 'no model class'}); build it yourself and pass it as file.py:NAME")


def shrunk(config: Any) -> None:
    """Make a configuration small in place; see the rules at the top of this file."""
    for name in LAYERS:
        _cap(config, name, DEEPEST)
    for name in EXPERTS:
        _cap(config, name, 4)
    _cap(config, "vocab_size", WORDS)
    widest = max((v for n in WIDTHS if isinstance(v := _get(config, n), int)), default=0)
    factor = 1
    while widest // factor > WIDEST:
        factor *= 2
    if factor > 1:
        for name in (*WIDTHS, *INNER):
            value = _get(config, name)
            if isinstance(value, int) and value >= factor:
                _set(config, name, value // factor)
        for name in HEADS:
            value = _get(config, name)
            if isinstance(value, int):
                _set(config, name, max(value // factor, 1))
    for token in ("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id", "image_token_id", "audio_token_id", "video_token_id"):
        value = _get(config, token)
        if isinstance(value, int) and value >= WORDS:
            _set(config, token, 1)
    for inner in list(vars(config).values()):
        if hasattr(inner, "to_dict") and hasattr(inner, "model_type"):
            shrunk(inner)
    types = _get(config, "layer_types")
    layers = _get(config, "num_hidden_layers")
    if isinstance(types, list) and isinstance(layers, int) and len(types) > layers:
        _set(config, "layer_types", types[:layers])


def _get(config: Any, name: str) -> Any:
    """An attribute, or None; some configurations refuse to answer for all layers at once."""
    try:
        return getattr(config, name, None)
    except Exception:
        return None


def _cap(config: Any, name: str, most: int) -> None:
    value = _get(config, name)
    if isinstance(value, int) and not isinstance(value, bool) and value > most:
        _set(config, name, most)


def _set(config: Any, name: str, value: Any) -> None:
    """Some attributes are read-only views of others; those follow by themselves."""
    try:
        setattr(config, name, value)
    except (AttributeError, NotImplementedError, ValueError, TypeError):
        return


def _inputs(model: Any, config: Any, task: str) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    words = getattr(text, "vocab_size", None) or WORDS
    main = getattr(model, "main_input_name", "input_ids")
    names = _accepted(model)

    def ids() -> torch.Tensor:
        return torch.randint(min(5, words - 1), words, (BATCH, LENGTH), generator=generator)

    made: dict[str, Any] = {}
    if main == "pixel_values" or "pixel_values" in names:
        made["pixel_values"] = torch.randn(BATCH, *_image(config), generator=generator)
    if main in ("input_values",):
        made["input_values"] = torch.randn(BATCH, 16000, generator=generator)
    if main in ("input_features",):
        bins = getattr(config, "num_mel_bins", None) or getattr(config, "feature_size", None) or 80
        made["input_features"] = torch.randn(BATCH, bins, 3000, generator=generator)
    if main == "input_ids" or "input_ids" in names and not {"input_values", "input_features"} & set(made):
        made["input_ids"] = ids()
    if getattr(config, "is_encoder_decoder", False) and "decoder_input_ids" in names:
        made["decoder_input_ids"] = ids()
    if "bbox" in names:
        made["bbox"] = torch.zeros(BATCH, LENGTH, 4, dtype=torch.int64)
    if "labels" in names:
        made.update(_labels(config, task, ids, generator))
    return made


def _labels(config: Any, task: str, ids: Any, generator: torch.Generator) -> dict[str, torch.Tensor]:
    if task in ("AutoModelForCausalLM", "AutoModelForSeq2SeqLM", "AutoModelForMaskedLM"):
        return {"labels": ids()}
    if task.endswith("Classification"):
        return {"labels": torch.randint(0, max(getattr(config, "num_labels", 2), 1), (BATCH,), generator=generator)}
    return {}


def _accepted(model: Any) -> set[str]:
    import inspect

    return set(inspect.signature(model.forward).parameters)


def _image(config: Any) -> tuple[int, int, int]:
    vision = getattr(config, "vision_config", config)
    size = getattr(vision, "image_size", None) or 224
    height, width = (size, size) if isinstance(size, int) else (size[0], size[1])
    return int(getattr(vision, "num_channels", None) or 3), int(height), int(width)
