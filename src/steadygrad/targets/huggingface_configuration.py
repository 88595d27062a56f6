"""Small configurations of a transformers model type, smallest first.

    1. layers at most 4, widths at most 256      2. the same, with numbers for what a type leaves open and needs (`OPEN`)
    3. layers at most 2      4. the same, open numbers filled      5. as 1, but two layers of every kind, which some types tie
    6. widths at most 256      7. the default

In all but the last, vocabularies are at most 1024, learned queries at most 16, positions of sound at most 256 and experts at most 4 (of which at most 2 answer, in one group).
Widths are divided by one power of two per configuration, feed-forward widths with them, and attention heads so that the
size of a head stays, and the standard deviation of random weights grows by the root of that power, so that a layer's gain stays; kinds of layers that a list names are all kept. Configurations inside are shrunk by the same rules. Images are at most 1024 wide.
What must fit together does so after that: widths named in other configurations, sections of a rotation and the head they rotate, a tower of
images and the words it goes between – with some types only then, as their defaults do not fit each other. None keeps a cache, which training has no use for.
"""

import math
from collections.abc import Iterator
from typing import Any

from steadygrad.targets.huggingface_sizes import once_inside

DEPTHS = (
    "num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "decoder_layers", "num_decoder_layers", "num_encoder_layers",
    "encoder_num_layers", "depth", "num_hidden_layers_vision", "num_blocks",
)  # fmt: skip
WIDTHS = ("hidden_size", "d_model", "n_embd", "dim", "embed_dim", "hidden_dim")
INNER = ("intermediate_size", "ffn_dim", "encoder_ffn_dim", "decoder_ffn_dim", "d_ff", "n_inner", "moe_intermediate_size", "ffn_hidden_size", "d_inner",
         "mamba_d_ssm", "q_lora_rank", "kv_lora_rank")  # fmt: skip
HEADS = ("num_attention_heads", "n_head", "n_heads", "encoder_attention_heads", "decoder_attention_heads", "num_heads", "num_key_value_heads",
         "mamba_n_heads", "mamba_num_heads", "index_n_heads")  # fmt: skip
EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts", "num_routed_experts")
ANSWERING = ("num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_top_k", "moe_k", "experts_per_token", "num_selected_experts")
QUERIES = ("num_queries", "num_object_queries")
GROUPS = ("n_group", "topk_group", "num_expert_group")
TOKENS = (
    "pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id", "image_token_id", "audio_token_id", "video_token_id", "image_token_index",
    "audio_token_index", "sep_token_id", "cls_token_id", "mask_token_id", "vision_start_token_id", "vision_end_token_id", "boi_token_id", "eoi_token_id",
)  # fmt: skip
LINKS = (
    "encoder_hidden_size", "mm_hidden_size", "vision_hidden_size", "text_hidden_size", "audio_hidden_size", "out_hidden_size", "projector_hidden_size",
    "cross_attention_hidden_size", "encoder_width", "vision_output_dim", "projection_dim", "decoder_hidden_size", "input_dim", "visual_hidden_size",
    "text_embed_dim", "attention_hidden_size", "upsample_groups", "cross_hidden_size", "encoder_embed_dim", "d_embed", "hidden_size_per_layer_input",
)  # fmt: skip
INDICES = ("attn_layer_indices", "attn_layer_idx", "full_attn_idxs", "hybrid_layer_ids", "cross_attention_layers", "out_indices", "global_attn_layers")
HOOKS = ("intermediate_hook_ids", "intermediate_layers_indices")  # layers of a backbone whose depth stands elsewhere
WIDEST, WORDS, LARGEST_IMAGE = 256, 1024, 1024
OPEN = {"vocab_size": WORDS, "pad_token_id": 0, "n_routed_experts": 4, "num_experts_per_tok": 2, "n_shared_experts": 1, "n_group": 1, "topk_group": 1,
        "moe_intermediate_size": 64, "num_experts": 4, "top_k_experts": 2, "num_key_value_heads": 1, "sliding_window": 16,
        "indexer_budget": 16, "indexer_compress_ratio": 4, "indexer_n_heads": 2, "indexer_kv_heads": 1, "indexer_head_dim": 256, "clip_qkv": 8.0,
        "image_token_id": 4, "image_token_index": 4, "video_token_id": 5, "video_token_index": 5, "vocabulary_map": {"<image>": 4}}  # fmt: skip
SECTIONS = (2, 3, 3)  # of a rotation over time, height and width: eighths
FORGOTTEN = {"initializer_range": 0.02, "dropout_rate": 0.0, "shared_expert_intermediate_size": 64, "rope_theta": 10000.0}  # read by models whose configuration has no such entry
KINDS = {"layer_types": "full_attention", "mlp_layer_types": "sparse"}  # of layers, where a type names each

NEEDED: dict[str, dict[str, Any]] = {"timm_backbone": {"backbone": "resnet18"}}  # by model type: arguments that have no default


def configurations(cls: Any) -> Iterator[Any]:
    """Those of the seven that can be made, in order."""
    attempts = ((4, True, False, 1), (4, True, True, 1), (2, False, False, 1), (2, False, True, 1), (4, True, False, 2), (0, True, False, 1), (0, False, False, 1))
    for deepest, widths, filled, of_kind in attempts:
        configuration = _attempt(cls, deepest, widths, filled, of_kind)
        if configuration is not None:
            yield configuration


def _attempt(cls: Any, deepest: int, widths: bool, filled: bool, of_kind: int) -> Any:
    try:
        configuration = _made(cls)
        _complete(configuration, filled, [])
        if deepest or widths:
            renamed: dict[int, int] = {}
            _shrink(configuration, deepest, widths, of_kind, renamed, [])
            _link(configuration, renamed, [])
            _divide(configuration, filled, [])
            _meet(configuration)
    except Exception:  # a type that checks what it is given: the next attempt shrinks less
        return None
    return configuration


def _made(cls: Any) -> Any:
    """Defaults, what a type cannot do without, and how far to predict, which time series have no default for."""
    try:
        made = cls(**NEEDED.get(getattr(cls, "model_type", ""), {}))
    except ValueError:
        return cls(prediction_length=8)
    return cls(prediction_length=8) if getattr(made, "prediction_length", 0) is None else made


def _complete(configuration: Any, filled: bool, seen: list[Any]) -> None:
    """No cache; with `filled` also numbers for what is open, and a rotation base for layer kinds that lack one."""
    if isinstance(_get(configuration, "use_cache"), bool):
        _set(configuration, "use_cache", False)
    if filled:
        for name, value in OPEN.items():
            if name in vars(configuration) and _get(configuration, name) is None:
                _set(configuration, name, value)
        for name, value in {**FORGOTTEN, "num_key_value_heads": _get(configuration, "num_attention_heads") or 1}.items():
            if not hasattr(configuration, name):
                _set(configuration, name, value)
        languages = _get(configuration, "languages")
        if languages and _get(configuration, "default_language") is None:
            _set(configuration, "default_language", next(iter(languages)))
        depth = _get(configuration, "num_hidden_layers")
        for name, kind in KINDS.items():
            if name in vars(configuration) and _get(configuration, name) is None and isinstance(depth, int):
                _set(configuration, name, [kind] * depth)
        rotation = {"rope_type": "default", "rope_theta": 10000.0}
        if "rope_parameters" in vars(configuration) and not _get(configuration, "rope_parameters"):
            kinds = _get(configuration, "layer_types")
            _set(configuration, "rope_parameters", {kind: dict(rotation) for kind in set(kinds)} if kinds else rotation)
        width, heads = _get(configuration, "hidden_size"), _get(configuration, "num_attention_heads")
        if "head_dim" in vars(configuration) and _get(configuration, "head_dim") is None and isinstance(width, int) and isinstance(heads, int) and heads:
            _set(configuration, "head_dim", width // heads)
        for name in [n for n, value in vars(configuration).items() if isinstance(value, tuple)]:
            _set(configuration, name, list(_get(configuration, name)))  # as a configuration is that was read from a file
    for inner in once_inside(configuration, seen):
        _complete(inner, filled, seen)


def _divide(configuration: Any, filled: bool, seen: list[Any]) -> None:
    """Sections of a rotation, one for each axis of positions, together half as wide as what is rotated of a head."""
    rotation, width, heads = (_get(configuration, name) for name in ("rope_parameters", "hidden_size", "num_attention_heads"))
    sections = rotation.get("mrope_section") if isinstance(rotation, dict) else None
    if filled and not sections and isinstance(rotation, dict) and "mrope_section" in (_get(configuration, "ignore_keys_at_rope_validation") or ()):
        sections = SECTIONS
    head = _get(configuration, "head_dim") or (width // heads if width and heads else 0)
    half = (int(head * float(rotation.get("partial_rotary_factor") or 1.0)) + 1) // 2 if sections else 0
    if sections and half >= len(sections) and (sum(sections) != half or sections is SECTIONS):
        fair = [size * half // sum(sections) for size in sections]
        rotation["mrope_section"] = [*fair[:-1], half - sum(fair[:-1])]
    for inner in once_inside(configuration, seen):
        _divide(inner, filled, seen)


def _meet(configuration: Any) -> None:
    """What a tower of images gives is as wide as the words it goes between, which some defaults are not."""
    vision, text = _get(configuration, "vision_config"), _get(configuration, "text_config")
    for tower in (configuration, vision):  # squares of patches become one, as many times as wide
        ratio, own = _get(tower, "pixel_shuffle_ratio"), _get(tower, "hidden_size")
        if isinstance(ratio, float) and ratio > 0.0 and isinstance(own, int):
            _set(tower, "intermediate_size", round(own / ratio**2))
    if isinstance(_get(vision, "projector_output_dim"), int):
        _set(vision, "vision_output_dim", _get(vision, "projector_output_dim"))
    width = _get(text, "hidden_size")
    if vision is None or not isinstance(width, int):
        return
    name = "out_hidden_size" if isinstance(_get(vision, "out_hidden_size"), int) else "hidden_size" if isinstance(_get(vision, "embed_dim"), int) else ""
    if name and isinstance(_get(vision, name), int):
        _set(vision, name, width)


def _shrink(configuration: Any, deepest: int, widths: bool, of_kind: int, renamed: dict[int, int], seen: list[Any]) -> None:
    for name in EXPERTS:
        _cap(configuration, name, 4)
    if any(isinstance(_get(configuration, name), int) for name in EXPERTS):
        for name in ANSWERING:
            _cap(configuration, name, 2)
        for name in GROUPS:
            _cap(configuration, name, 1)
    for name in QUERIES:
        _cap(configuration, name, 16)
    _cap(configuration, "max_source_positions", 256)
    side = _get(configuration, "image_size")
    if isinstance(side, int) and side > LARGEST_IMAGE:
        _set(configuration, "image_size", side // (2 ** math.ceil(math.log2(side / LARGEST_IMAGE))))
    for name in [n for n in {**vars(configuration), "vocab_size": None} if n.startswith("vocab_size") or n.endswith("_vocab")]:
        _cap(configuration, name, WORDS)
    for number, name in enumerate(dict.fromkeys((*TOKENS, *(n for n in vars(configuration) if n.endswith(("_token_id", "_token_index")))))):
        value = _get(configuration, name)
        if isinstance(value, int) and value >= WORDS:
            _set(configuration, name, WORDS - 1 - number)  # each its own, at the end of the words that remain
    if widths:
        _narrow(configuration, renamed)
    if deepest:
        _shorten(configuration, deepest, of_kind)
    for inner in once_inside(configuration, seen):
        _shrink(inner, deepest, widths, of_kind, renamed, seen)


def _narrow(configuration: Any, renamed: dict[int, int]) -> None:
    widest, factor = max((v for n in WIDTHS if isinstance(v := _get(configuration, n), int)), default=0), 1
    while widest // factor > WIDEST:
        factor *= 2
    alike = _get(configuration, "num_key_value_heads") == _get(configuration, "num_attention_heads")
    second = getattr(type(configuration), "attribute_map", None) or {}
    aliases = {name for name, first in second.items() if name != first}  # dividing both names would divide twice
    for name in [n for n in (*WIDTHS, *INNER, *HEADS) if n not in aliases] if factor > 1 else []:
        value = _get(configuration, name)
        if isinstance(value, int) and not isinstance(value, bool):
            smaller = value // factor // 8 * 8 if name in INNER and value // factor > 8 else value // factor  # grouped products read in blocks
            _set(configuration, name, max(smaller, 1))
            if name in WIDTHS:
                renamed |= {times * value: times * max(value // factor, 1) for times in (1, 2)}  # two streams side by side
    _whole_heads(configuration)
    spread = _get(configuration, "initializer_range")
    if isinstance(spread, float) and factor > 1:
        _set(configuration, "initializer_range", spread * math.sqrt(factor))
    if alike and factor > 1 and _get(configuration, "num_attention_heads") is not None:
        _set(configuration, "num_key_value_heads", _get(configuration, "num_attention_heads"))


def _whole_heads(configuration: Any) -> None:
    """As many heads as divide the width into heads of even width, which rotations read in pairs; none where a head has a width of its own."""
    width, heads, own = (_get(configuration, name) for name in ("hidden_size", "num_attention_heads", "head_dim"))
    if isinstance(width, int) and isinstance(heads, int) and heads and not own and width % heads:
        fitting = max((h for h in range(1, heads) if width % (2 * h) == 0), default=heads)
        _set(configuration, "num_attention_heads", fitting)
        groups = _get(configuration, "num_key_value_heads")
        if isinstance(groups, int) and groups and fitting % groups:
            _set(configuration, "num_key_value_heads", math.gcd(fitting, groups))


def _link(configuration: Any, renamed: dict[int, int], seen: list[Any]) -> None:
    """What names the width of another configuration follows it, and what a type leaves open and takes from its width."""
    for name in (*LINKS, *(n for n in vars(configuration) if getattr(type(configuration), n, 0) is None)):
        value = _get(configuration, name)
        if isinstance(value, int) and value in renamed:
            _set(configuration, name, renamed[value])
    for inner in once_inside(configuration, seen):
        _link(inner, renamed, seen)


def _shorten(configuration: Any, deepest: int, of_kind: int) -> None:
    kinds = _get(configuration, "layer_types") or _get(configuration, "layers_block_type")
    kept = deepest
    if isinstance(kinds, list | tuple) and len(kinds) > deepest:
        places = [[i for i, kind in enumerate(kinds) if kind == one] for one in dict.fromkeys(kinds)]
        kept = max(deepest, *(found[:of_kind][-1] + 1 for found in places))  # the first layers of every kind are still there
        for name in ("layer_types", "layers_block_type", "mlp_layer_types"):
            if isinstance(_get(configuration, name), list):
                _set(configuration, name, list(_get(configuration, name))[:kept])
    deep = any(isinstance(value := _get(configuration, name), int) and value > kept for name in DEPTHS)
    for name in INDICES if deep else ():  # elsewhere they count stages
        value = _get(configuration, name)
        if isinstance(value, list) and value and isinstance(value[0], int):
            _set(configuration, name, [i for i in value if i < kept] or [kept - 1])
    for name in HOOKS:
        value = _get(configuration, name)
        if isinstance(value, list | tuple):
            _set(configuration, name, [min(i, deepest - 1) for i in value])
    for name in DEPTHS:
        _cap(configuration, name, kept)
    _cap(configuration, "num_kv_shared_layers", 0)


def _get(configuration: Any, name: str) -> Any:
    """An attribute, or None; some configurations refuse to answer for all layers at once."""
    try:
        return getattr(configuration, name, None)
    except Exception:
        return None


def _cap(configuration: Any, name: str, most: int) -> None:
    value = _get(configuration, name)
    if isinstance(value, int) and not isinstance(value, bool) and value > most:
        _set(configuration, name, most)


def _set(configuration: Any, name: str, value: Any) -> None:
    """Some attributes are read-only views of others; those follow by themselves."""
    try:
        setattr(configuration, name, value)
    except (AttributeError, NotImplementedError, ValueError, TypeError):
        return
