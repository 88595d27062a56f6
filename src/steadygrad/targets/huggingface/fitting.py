"""Parts of a transformers configuration made to fit each other.

Widths named in other configurations, sections of a rotation and the head they rotate, a tower of images and the words it goes between.
"""

from typing import Any

from steadygrad.targets.huggingface.sizes import once_inside, read, write

LINKS = (
    "encoder_hidden_size", "mm_hidden_size", "vision_hidden_size", "text_hidden_size", "audio_hidden_size", "out_hidden_size", "projector_hidden_size",
    "cross_attention_hidden_size", "encoder_width", "vision_output_dim", "projection_dim", "decoder_hidden_size", "input_dim", "visual_hidden_size",
    "text_embed_dim", "attention_hidden_size", "upsample_groups", "cross_hidden_size", "encoder_embed_dim", "d_embed", "hidden_size_per_layer_input",
)  # fmt: skip
SECTIONS = (2, 3, 3)  # of a rotation over time, height and width: eighths


def fit(configuration: Any, renamed: dict[int, int], filled: bool) -> None:
    """Fits in place.

    Args:
        configuration: with those inside.
        renamed: widths as they were → as they are now.
        filled: whether numbers that are open and needed may be filled in.
    """
    _link(configuration, renamed, [])
    _divide(configuration, filled, [])
    _meet(configuration)


def _link(configuration: Any, renamed: dict[int, int], seen: list[Any]) -> None:
    """What names the width of another configuration follows it, and what a type leaves open and takes from its width."""
    for name in (*LINKS, *(n for n in vars(configuration) if getattr(type(configuration), n, 0) is None)):
        value = read(configuration, name)
        if isinstance(value, int) and value in renamed:
            write(configuration, name, renamed[value])
    for inner in once_inside(configuration, seen):
        _link(inner, renamed, seen)


def _divide(configuration: Any, filled: bool, seen: list[Any]) -> None:
    """Sections of a rotation, one for each axis of positions, together half as wide as what is rotated of a head."""
    rotation, width, heads = (read(configuration, name) for name in ("rope_parameters", "hidden_size", "num_attention_heads"))
    sections = rotation.get("mrope_section") if isinstance(rotation, dict) else None
    if filled and not sections and isinstance(rotation, dict) and "mrope_section" in (read(configuration, "ignore_keys_at_rope_validation") or ()):
        sections = SECTIONS
    head = read(configuration, "head_dim") or (width // heads if width and heads else 0)
    half = (int(head * float(rotation.get("partial_rotary_factor") or 1.0)) + 1) // 2 if sections else 0
    if sections and half >= len(sections) and (sum(sections) != half or sections is SECTIONS):
        fair = [size * half // sum(sections) for size in sections]
        rotation["mrope_section"] = [*fair[:-1], half - sum(fair[:-1])]
    for inner in once_inside(configuration, seen):
        _divide(inner, filled, seen)


def _meet(configuration: Any) -> None:
    """What a tower of images gives is as wide as the words it goes between, which some defaults are not."""
    vision, text = read(configuration, "vision_config"), read(configuration, "text_config")
    for tower in (configuration, vision):  # squares of patches become one, as many times as wide
        ratio, own = read(tower, "pixel_shuffle_ratio"), read(tower, "hidden_size")
        if isinstance(ratio, float) and ratio > 0.0 and isinstance(own, int):
            write(tower, "intermediate_size", round(own / ratio**2))
    if isinstance(read(vision, "projector_output_dim"), int):
        write(vision, "vision_output_dim", read(vision, "projector_output_dim"))
    tokens, image, patch = read(configuration, "mm_tokens_per_image"), read(vision, "image_size"), read(vision, "patch_size")
    if isinstance(tokens, int) and isinstance(image, int) and isinstance(patch, int) and tokens > (image // patch) ** 2:
        write(configuration, "mm_tokens_per_image", (image // patch) ** 2)  # which are means over squares of patches
    width = read(text, "hidden_size")
    if vision is None or not isinstance(width, int):
        return
    name = "out_hidden_size" if isinstance(read(vision, "out_hidden_size"), int) else "hidden_size" if isinstance(read(vision, "embed_dim"), int) else ""
    if name and isinstance(read(vision, name), int):
        write(vision, name, width)
