"""A transformers configuration made small: layers, widths, vocabularies, experts, images.

Vocabularies are at most 1024, learned queries at most 16, frames of a clip at most 8, positions of sound at most 256 and experts at most 4
(of which at most 2 answer, in one group). Widths are divided by one power of two per configuration, feed-forward widths with them, and
attention heads so that the size of a head stays, and the standard deviation of random weights grows by the root of that power, so that a
layer's gain stays; kinds of layers that a list names are all kept. Configurations inside are shrunk by the same rules. Images are at most
1024 wide.
"""

import math
from typing import Any

from steadygrad.targets.huggingface.sizes import once_inside, read, write

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
FRAMES = ("num_frames", "frames_per_clip")
GROUPS = ("n_group", "topk_group", "num_expert_group")
TOKENS = (
    "pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id", "image_token_id", "audio_token_id", "video_token_id", "image_token_index",
    "audio_token_index", "sep_token_id", "cls_token_id", "mask_token_id", "vision_start_token_id", "vision_end_token_id", "boi_token_id", "eoi_token_id",
)  # fmt: skip
INDICES = ("attn_layer_indices", "attn_layer_idx", "full_attn_idxs", "hybrid_layer_ids", "cross_attention_layers", "out_indices", "global_attn_layers")
HOOKS = ("intermediate_hook_ids", "intermediate_layers_indices")  # layers of a backbone whose depth stands elsewhere
PATCHES = ("vit_", "eva_", "eva02_", "beit", "deit")  # networks of timm's that have no sizes here, but take a depth
WIDEST, WORDS, LARGEST_IMAGE = 256, 1024, 1024


def shrink(configuration: Any, deepest: int, widths: bool, of_kind: int) -> dict[int, int]:
    """Shrinks in place; widths as they were → as they are now.

    Args:
        configuration: of a model type, with those inside.
        deepest: layers that remain; all when 0.
        widths: whether they shrink too.
        of_kind: layers of every kind that remain at least.
    """
    renamed: dict[int, int] = {}
    _shrink(configuration, deepest, widths, of_kind, renamed, [])
    return renamed


def _shrink(configuration: Any, deepest: int, widths: bool, of_kind: int, renamed: dict[int, int], seen: list[Any]) -> None:
    for name in EXPERTS:
        _cap(configuration, name, 4)
    if any(isinstance(read(configuration, name), int) for name in EXPERTS):
        for name in ANSWERING:
            _cap(configuration, name, 2)
        for name in GROUPS:
            _cap(configuration, name, 1)
    for name in QUERIES:
        _cap(configuration, name, 16)
    _cap(configuration, "max_source_positions", 256)
    for name in FRAMES:
        _cap(configuration, name, 8)
    side = read(configuration, "image_size")
    if isinstance(side, int) and side > LARGEST_IMAGE:
        write(configuration, "image_size", side // (2 ** math.ceil(math.log2(side / LARGEST_IMAGE))))
    for name in [n for n in {**vars(configuration), "vocab_size": None} if n.startswith("vocab_size") or n.endswith("_vocab")]:
        _cap(configuration, name, WORDS)
    for number, name in enumerate(dict.fromkeys((*TOKENS, *(n for n in vars(configuration) if n.endswith(("_token_id", "_token_index")))))):
        value = read(configuration, name)
        if isinstance(value, int) and value >= WORDS:
            write(configuration, name, WORDS - 1 - number)  # each its own, at the end of the words that remain
    if widths:
        _narrow(configuration, renamed)
    if deepest:
        _shorten(configuration, deepest, of_kind)
    for inner in once_inside(configuration, seen):
        _shrink(inner, deepest, widths, of_kind, renamed, seen)


def _narrow(configuration: Any, renamed: dict[int, int]) -> None:
    widest, factor = max((v for n in WIDTHS if isinstance(v := read(configuration, n), int)), default=0), 1
    while widest // factor > WIDEST:
        factor *= 2
    alike = read(configuration, "num_key_value_heads") == read(configuration, "num_attention_heads")
    second = getattr(type(configuration), "attribute_map", None) or {}
    aliases = {name for name, first in second.items() if name != first}  # dividing both names would divide twice
    for name in [n for n in (*WIDTHS, *INNER, *HEADS) if n not in aliases] if factor > 1 else []:
        value = read(configuration, name)
        if isinstance(value, int) and not isinstance(value, bool):
            smaller = value // factor // 8 * 8 if name in INNER and value // factor > 8 else value // factor  # grouped products read in blocks
            write(configuration, name, max(smaller, 1))
            if name in WIDTHS:
                renamed |= {times * value: times * max(value // factor, 1) for times in (1, 2)}  # two streams side by side
    _whole_heads(configuration)
    spread = read(configuration, "initializer_range")
    if isinstance(spread, float) and factor > 1:
        write(configuration, "initializer_range", spread * math.sqrt(factor))
    if alike and factor > 1 and read(configuration, "num_attention_heads") is not None:
        write(configuration, "num_key_value_heads", read(configuration, "num_attention_heads"))


def _whole_heads(configuration: Any) -> None:
    """As many heads as divide the width into heads of even width, which rotations read in pairs; none where a head has a width of its own."""
    width, heads, own = (read(configuration, name) for name in ("hidden_size", "num_attention_heads", "head_dim"))
    if isinstance(width, int) and isinstance(heads, int) and heads and not own and width % heads:
        fitting = max((h for h in range(1, heads) if width % (2 * h) == 0), default=heads)
        write(configuration, "num_attention_heads", fitting)
        groups = read(configuration, "num_key_value_heads")
        if isinstance(groups, int) and groups and fitting % groups:
            write(configuration, "num_key_value_heads", math.gcd(fitting, groups))


def _shorten(configuration: Any, deepest: int, of_kind: int) -> None:
    kinds = read(configuration, "layer_types") or read(configuration, "layers_block_type")
    kept = deepest
    if isinstance(kinds, list | tuple) and len(kinds) > deepest:
        places = [[i for i, kind in enumerate(kinds) if kind == one] for one in dict.fromkeys(kinds)]
        kept = max(deepest, *(found[:of_kind][-1] + 1 for found in places))  # the first layers of every kind are still there
        for name in ("layer_types", "layers_block_type", "mlp_layer_types"):
            if isinstance(read(configuration, name), list):
                write(configuration, name, list(read(configuration, name))[:kept])
    deep = any(isinstance(value := read(configuration, name), int) and value > kept for name in DEPTHS)
    for name in INDICES if deep else ():  # elsewhere they count stages
        value = read(configuration, name)
        if isinstance(value, list) and value and isinstance(value[0], int):
            write(configuration, name, [i for i in value if i < kept] or [kept - 1])
    for name in HOOKS:
        value = read(configuration, name)
        if isinstance(value, list | tuple):
            write(configuration, name, [min(i, deepest - 1) for i in value])
    for name in DEPTHS:
        _cap(configuration, name, kept)
    architecture = read(configuration, "architecture")
    if read(configuration, "model_type") == "timm_wrapper" and isinstance(architecture, str) and architecture.startswith(PATCHES):
        given = read(configuration, "model_args") or {}
        write(configuration, "model_args", {**given, "depth": min(given.get("depth", deepest), deepest)})
    _cap(configuration, "num_kv_shared_layers", 0)


def _cap(configuration: Any, name: str, most: int) -> None:
    value = read(configuration, name)
    if isinstance(value, int) and not isinstance(value, bool) and value > most:
        write(configuration, name, most)
