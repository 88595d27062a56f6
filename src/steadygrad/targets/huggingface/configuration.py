"""Small configurations of a transformers model type, smallest first.

    1. layers at most 4, widths at most 256      2. the same, with numbers for what a type leaves open and needs (`OPEN`)
    3. layers at most 2      4. the same, open numbers filled      5. as 1, but two layers of every kind, which some types tie
    6. widths at most 256, all layers      7. the default

All but the last are shrunk (`shrinking`) and their parts then made to fit each other (`fitting`) –
with some types only then, as their defaults do not. None keeps a cache, which training has no use for.
"""

import re
from collections.abc import Iterator
from typing import Any

from steadygrad.targets.huggingface.fitting import fit
from steadygrad.targets.huggingface.shrinking import WORDS, shrink
from steadygrad.targets.huggingface.sizes import once_inside, read, write

SHORT = ((4, True, False, 1), (4, True, True, 1), (2, False, False, 1), (2, False, True, 1), (4, True, False, 2))  # layers, widths, filled, of a kind
FULL = ((0, True, False, 1), (0, False, False, 1))
OPEN = {"vocab_size": WORDS, "pad_token_id": 0, "n_routed_experts": 4, "num_experts_per_tok": 2, "n_shared_experts": 1, "n_group": 1, "topk_group": 1,
        "moe_intermediate_size": 64, "num_experts": 4, "top_k_experts": 2, "num_key_value_heads": 1, "sliding_window": 16,
        "indexer_budget": 16, "indexer_compress_ratio": 4, "indexer_n_heads": 2, "indexer_kv_heads": 1, "indexer_head_dim": 256, "clip_qkv": 8.0,
        "image_token_id": 4, "image_token_index": 4, "video_token_id": 5, "video_token_index": 5, "vocabulary_map": {"<image>": 4},
        "deepstack_layer_map": [(0, 0)], "downsample_rate": "1/2"}  # fmt: skip
FORGOTTEN = {"initializer_range": 0.02, "dropout_rate": 0.0, "shared_expert_intermediate_size": 64, "rope_theta": 10000.0}
"""Entries that models read whose configuration has none."""
KINDS = {"layer_types": "full_attention", "mlp_layer_types": "sparse"}  # of layers, where a type names each

MUST = re.compile(r"(?P<name>\w+) must be (?P<number>\d+), got")
MOST_TOLD = 4
LEFT_EMPTY: dict[str, Any] = {"prediction_length": 8, "projector_scale_factors": [1.0]}  # by name: arguments that others are derived from
NEEDED: dict[str, dict[str, Any]] = {"timm_backbone": {"backbone": "resnet18"}}  # by model type: arguments that have no default


def configurations(cls: Any, attempts: tuple[tuple[int, bool, bool, int], ...] = (*SHORT, *FULL)) -> Iterator[Any]:
    """Those of the attempts that can be made, in order, each that is like no other before."""
    seen: list[dict[str, Any]] = []
    for deepest, widths, filled, of_kind in attempts:
        configuration = _attempt(cls, deepest, widths, filled, of_kind)
        if configuration is not None and (entries := configuration.to_dict()) not in seen:
            seen.append(entries)
            yield configuration


def _attempt(cls: Any, deepest: int, widths: bool, filled: bool, of_kind: int) -> Any:
    try:
        configuration = _made(cls)
        _complete(configuration, filled, [])
        if deepest or widths:
            fit(configuration, shrink(configuration, deepest, widths, of_kind), filled)
    except Exception:  # a type that checks what it is given: the next attempt shrinks less
        return None
    return configuration


def _made(cls: Any) -> Any:
    """Defaults, with what a type cannot do without, or leaves empty and derives other entries from."""
    needed = NEEDED.get(getattr(cls, "model_type", ""), {})
    try:
        made = cls(**needed)
    except Exception as error:  # a type that checks its own defaults, and refuses them
        return _as_told(cls, f"{error} {error.__cause__}")
    empty = {name: value for name, value in LEFT_EMPTY.items() if hasattr(made, name) and getattr(made, name) in (None, (), [])}
    return cls(**needed, **empty) if empty else made


def _as_told(cls: Any, complaint: str) -> Any:
    """With the numbers that complaint after complaint asks for, for the whole or for a part of it."""
    for part in ("", *getattr(cls, "sub_configs", ())):
        told, heard = {}, complaint
        for _ in range(MOST_TOLD):
            told |= {match["name"]: int(match["number"]) for match in MUST.finditer(heard)} | {n: v for n, v in LEFT_EMPTY.items() if n in heard}
            try:
                return cls(**({part: told} if part else told))
            except Exception as error:  # the next complaint, or the same
                heard = f"{error} {error.__cause__}"
    raise TypeError(complaint)


def _complete(configuration: Any, filled: bool, seen: list[Any]) -> None:
    """No cache; with `filled` also numbers for what is open, and a rotation base for layer kinds that lack one."""
    if isinstance(read(configuration, "use_cache"), bool):
        write(configuration, "use_cache", False)
    if filled:
        for name, value in OPEN.items():
            if name in vars(configuration) and read(configuration, name) is None:
                write(configuration, name, value)
        for name, value in {**FORGOTTEN, "num_key_value_heads": read(configuration, "num_attention_heads") or 1}.items():
            if not hasattr(configuration, name):
                write(configuration, name, value)
        languages = read(configuration, "languages")
        if languages and read(configuration, "default_language") is None:
            write(configuration, "default_language", next(iter(languages)))
        depth = read(configuration, "num_hidden_layers")
        for name, kind in KINDS.items():
            if name in vars(configuration) and read(configuration, name) is None and isinstance(depth, int):
                write(configuration, name, [kind] * depth)
        rotation = {"rope_type": "default", "rope_theta": 10000.0}
        if "rope_parameters" in vars(configuration) and not read(configuration, "rope_parameters"):
            kinds = read(configuration, "layer_types")
            write(configuration, "rope_parameters", {kind: dict(rotation) for kind in set(kinds)} if kinds else rotation)
        width, heads = read(configuration, "hidden_size"), read(configuration, "num_attention_heads")
        if "head_dim" in vars(configuration) and read(configuration, "head_dim") is None and isinstance(width, int) and isinstance(heads, int) and heads:
            write(configuration, "head_dim", width // heads)
        for name in [n for n, value in vars(configuration).items() if isinstance(value, tuple)]:
            write(configuration, name, list(read(configuration, name)))  # as a configuration is that was read from a file
    for inner in once_inside(configuration, seen):
        _complete(inner, filled, seen)
