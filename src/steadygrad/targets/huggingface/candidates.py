"""Which inputs of a transformers model go together.

Several modalities are tried together first, then the model's main input, then text, images or sound alone: a model that reads
images between words runs on words only, and the report then lists its image tower among the parameters that got no gradient.
"""

import inspect
from collections.abc import Iterator
from typing import Any

import torch

from steadygrad.targets.huggingface.inputs import DESCRIBED, LAYOUTS, MAKERS, Maker

TEXT, IMAGE, SOUND = ("input_ids",), ("pixel_values", "pixel_values_videos", "images"), ("input_features", "input_values", "audio_values")
LABELS = (
    "labels", "return_loss", "bool_masked_pos", "start_positions", "end_positions", "future_values", "future_time_features", "spectrogram_labels",
    "duration_labels", "pitch_labels", "energy_labels",
)  # fmt: skip
EXTRAS = ((True, False), (True, True), (False, False), (False, True))  # with labels, with masks


def candidates(model: Any, configuration: Any, seed: int, batch: int) -> Iterator[dict[str, Any]]:
    """Keyword inputs, the most complete first."""
    accepted = inspect.signature(model.forward).parameters
    required = [n for n, p in accepted.items() if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    main = getattr(model, "main_input_name", "input_ids")
    main = main if isinstance(main, str) else next(iter(main), "input_ids")  # of several, the first
    groups = [[n for n in names if n in accepted][:1] for names in (TEXT, IMAGE, SOUND)]
    bases = [[n for group in groups for n in group], [main] if main in accepted else [], *groups, *([n] for n in (*IMAGE, *SOUND) if n in accepted)]
    tried: list[frozenset[Any]] = []
    for layout in (*range(LAYOUTS), DESCRIBED):
        for base in bases:
            names = dict.fromkeys([*base, *required])
            for labels, masks in EXTRAS:
                maker = Maker(model, configuration, seed, batch, layout)
                made = maker.all([*names, *_companions(maker, any(n in names for n in IMAGE), labels, masks)])
                key = frozenset((n, tuple(v.shape) if isinstance(v, torch.Tensor) else None) for n, v in made.items())
                if key not in tried and (made or not names.keys() & MAKERS.keys()):  # of what is not known at all the model complains
                    tried.append(key)
                    yield made


def _companions(maker: Maker, images: bool, labels: bool, masks: bool) -> list[str]:
    """What goes along with the inputs: labels or what else gives a loss, masks, the decoder's words."""
    names = ["bbox", "mm_token_type_ids", "image_attention_mask", "feature_lens"]
    names += ["image_grid_thw", "pixel_position_ids", "merge_sizes"] * images
    names += ["spatial_shapes", "pixel_attention_mask"] * maker.packed + ["target_sizes"] * maker.strung
    names += ["decoder_input_ids"] * bool(getattr(maker.whole, "is_encoder_decoder", False))
    if labels:
        names += [n for n in LABELS if n in maker.accepted]
    if masks:
        names += ["encoder_hidden_states"] * hasattr(maker.whole, "encoder_hidden_size")
        names += [n for n in ("attention_mask", "input_features_mask", "feature_attention_mask", "pixel_mask", "padding_mask") if n in maker.accepted]
    return [n for n in names if n in maker.accepted]
