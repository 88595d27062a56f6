"""Inputs for a transformers model, each made up from its name and the configuration, or as the forward describes it."""

import inspect
from collections.abc import Callable
from typing import Any

import torch

from steadygrad.targets.huggingface.documented import documented, made_of, size_of
from steadygrad.targets.huggingface.sizes import first_of, inside, positions, read, text_of, vocabularies

WIDTH = ("hidden_size", "d_model", "n_embd", "dim")
LENGTH, SECOND, SIDE = 32, 16000, 8
LAYOUTS, DESCRIBED = 3, 3  # shapes that a kind of input may have; after them those that the forward describes


class Maker:
    """Makes any named input it knows; `layout` picks among the shapes that a kind of input may have."""

    def __init__(self, model: Any, configuration: Any, seed: int, batch: int, layout: int) -> None:
        self.head, self.batch, self.layout = type(model).__name__, batch, layout
        self.whole = configuration
        self.text = text_of(configuration)
        self.vision = getattr(configuration, "vision_config", None) or configuration
        self.sound = getattr(configuration, "audio_config", None) or configuration
        self.annotations = {name: str(p.annotation) for name, p in inspect.signature(model.forward).parameters.items()}
        self.accepted = tuple(self.annotations)
        self.listed = "grid_thw" in self.accepted or "image_grid_thw" in self.accepted
        self.packed, self.strung = (n in self.accepted for n in ("spatial_shapes", "target_sizes"))
        self.documented, self.length = documented(model.forward), min(LENGTH, positions(self.text, LENGTH))
        self.generator = torch.Generator().manual_seed(seed)
        self.words = max(min(vocabularies(configuration, []), default=int(first_of((configuration,), ("num_tokens",), 1000) or 1000)), 8)

    def all(self, names: list[str]) -> dict[str, Any]:
        """Those of the names that can be made up."""
        made = {name: self.one(name) for name in dict.fromkeys(names)}
        return {name: value for name, value in made.items() if value is not None}

    def one(self, name: str) -> Any:
        """One input, or None when neither its name nor its description says enough, or the configuration not what is needed."""
        if self.layout == DESCRIBED and name in self.documented:
            return self.described(name)
        maker = MAKERS.get(name) or (Maker.lengths if name.endswith(("_lens", "_lengths")) else None)
        try:
            return self.described(name) if maker is None else maker(self)
        except (TypeError, ValueError):  # a size that is a list here, or open
            return None

    def described(self, name: str) -> torch.Tensor | None:
        """An input as the docstring of the forward describes it."""
        entry = self.documented.get(name)
        return None if entry is None else made_of(name, entry, lambda word: size_of(word, self), self.generator)

    def known(self, names: tuple[str, ...], default: Any) -> Any:
        """The first of the names that one of the configurations answers to."""
        return first_of((self.whole, self.vision, self.text, self.sound), names, default)

    def ids(self) -> torch.Tensor:
        """Words, above the special ones."""
        last = max(self.words - 48, self.words // 2)
        return torch.randint(5 if last > 8 else 0, last, (self.batch, self.length), generator=self.generator)

    def normal(self, *shape: int) -> torch.Tensor:
        """Standard normal values."""
        return torch.randn(self.batch, *shape, generator=self.generator)

    def pixels(self) -> torch.Tensor:
        """Images; clips where the configuration counts frames; lists of patches where their shapes go along."""
        if self.listed:
            return self.patch_list()
        if self.strung:  # the patches of all images side by side
            side = int(first_of((self.vision,), ("patch_size",), 14))
            return self.normal(self.size()[0], side, side * SIDE * SIDE).movedim(0, 2).flatten(2, 3).unsqueeze(0)
        if self.packed:
            return self.normal(SIDE * SIDE, self.size()[0] * int(first_of((self.vision,), ("patch_size",), 16)) ** 2)
        channels, size = self.size()
        frames = first_of((self.vision,), ("num_frames", "frames_per_clip", "tubelet_size"), None)
        clip = isinstance(frames, int) and frames > 1
        if self.layout == 2:
            return self.normal(1, channels, *size)  # a list of images with each text
        return self.normal(frames, channels, *size) if clip != (self.layout == 1) and isinstance(frames, int) else self.normal(channels, *size)

    def side(self) -> int:
        """Of a square patch; 0 where nothing says."""
        found = first_of((self.vision, self.whole, *inside(self.whole)), ("patch_size",), 0)
        return found if isinstance(found, int) else 0

    def size(self) -> tuple[int, tuple[int, int]]:
        """Channels and (height, width) of an image."""
        pooled = first_of((self.vision,), ("pooling_kernel_size",), 0)  # squares of so many patches become one
        patch = self.side() or 16
        usual = 4 * pooled * patch if isinstance(pooled, int) and pooled else max(224 // patch, 1) * patch
        size = first_of((self.vision, self.whole, *inside(self.whole)), ("image_size", "input_size", "img_size", "crop_size", "max_img_size"), usual)
        height, width = (size, size) if isinstance(size, int) else (tuple(size) * 2)[:2] if isinstance(size, list | tuple) else (224, 224)
        channels = first_of((self.vision, self.whole), ("num_channels", "in_channels", "in_chans"), 3)
        return int(channels), (int(height), int(width))

    def wave(self) -> torch.Tensor:
        """Sound: a second of samples, one channel more, or frames of a spectrogram."""
        bins = first_of((self.sound,), ("num_mel_bins",), None)
        shapes = [(SECOND,), (1, SECOND)]
        if isinstance(bins, int):
            shapes.insert(0, (int(first_of((self.sound,), ("max_length",), 256)), bins))
        return self.normal(*shapes[self.layout % len(shapes)])

    def features(self) -> torch.Tensor:
        """A spectrogram: (bins, frames) as Whisper reads it, or (frames, bins)."""
        bins = int(first_of((self.sound, self.whole), ("num_mel_bins", "feature_size", "input_feat_per_channel", "feature_projection_input_dim", "input_dim", "n_mels"), 80))
        if "feature_lens" in self.accepted:  # all sounds one behind the other
            return self.normal(bins, self.frames()).movedim(0, 1).flatten(1)
        square = int(first_of((self.sound,), ("spec_size",), 0) or 0)
        first = self.normal(1, square * max(square // bins, 1), bins) if square else self.normal(bins, self.frames())
        return (first, self.normal(128, bins), self.normal(bins, 128))[self.layout % LAYOUTS]

    def labels(self) -> torch.Tensor | list[dict[str, torch.Tensor]] | None:
        """Targets as the head reads them."""
        if "ObjectDetection" in self.head:
            box = torch.tensor([[0.5, 0.5, 0.3, 0.3], [0.3, 0.4, 0.2, 0.4]])
            return [{"class_labels": torch.tensor([0, 1]), "boxes": box} for _ in range(self.batch)]
        classes = max(int(getattr(self.whole, "num_labels", 2) or 2), 1)
        if "Segmentation" in self.head or "DepthEstimation" in self.head:
            return torch.randint(0, classes, (self.batch, *self.size()[1]), generator=self.generator)
        if self.head.endswith("CTC"):
            return torch.randint(1, self.words - 1, (self.batch, 8), generator=self.generator)
        if "TokenClassification" in self.head:
            return torch.randint(0, classes, (self.batch, self.length), generator=self.generator)
        if "Classification" in self.head:
            return torch.randint(0, classes, (self.batch,), generator=self.generator)
        return self.ids()

    def patches(self) -> torch.Tensor:
        """Which patches of an image are hidden."""
        side = int(first_of((self.vision,), ("patch_size",), 16))
        height, width = self.size()[1]
        return torch.rand(self.batch, (height // side) * (width // side), generator=self.generator) < 0.5

    def past(self, features: int | None = None) -> torch.Tensor:
        """A stretch of a time series."""
        lags = first_of((self.whole,), ("lags_sequence",), [0]) or [0]
        length = int(first_of((self.whole,), ("context_length", "seq_length"), self.length) or self.length) + max(lags)
        channels = int(first_of((self.whole,), ("num_input_channels", "input_size"), 1) or 1)
        shape = (length, features) if features is not None else (length,) if channels == 1 and hasattr(self.whole, "lags_sequence") else (length, channels)
        return self.normal(*shape)

    def future(self, features: int | None = None) -> torch.Tensor:
        """What follows it."""
        length = int(first_of((self.whole,), ("prediction_length",), 8) or 8)
        channels = int(first_of((self.whole,), ("num_input_channels", "input_size"), 1) or 1)
        shape = (length, features) if features is not None else (length,) if channels == 1 and hasattr(self.whole, "lags_sequence") else (length, channels)
        return self.normal(*shape)

    def grid(self) -> torch.Tensor:
        """Frames, rows and columns of patches of each image, for towers that read all patches of a batch as one list."""
        return torch.tensor([[1, SIDE, SIDE]] * self.batch)

    def patch_list(self) -> torch.Tensor:
        """The patches of all images, one below the other."""
        patch = int(first_of((self.vision,), ("patch_size", "spatial_patch_size"), 14))
        channels = int(first_of((self.vision,), ("in_channels", "in_chans", "num_channels"), 3))
        return self.normal(SIDE * SIDE, channels * int(first_of((self.vision,), ("temporal_patch_size",), 1)) * patch * patch).flatten(0, 1)

    def places(self) -> torch.Tensor:
        """Column and row of each patch of an image."""
        side = int(first_of((self.vision,), ("patch_size",), 16))
        rows, columns = (size // side for size in self.size()[1])
        return torch.cartesian_prod(torch.arange(rows), torch.arange(columns)).flip(1).expand(self.batch, -1, -1).clone()

    def boxes(self) -> torch.Tensor:
        """Left, upper, right and lower end of each word on a page of 1000 × 1000, or as far as there are positions."""
        most = min(int(first_of((self.text, self.whole), ("max_2d_position_embeddings",), 1001)), 1001)
        corners = torch.randint(0, most, (self.batch, self.length, 2, 2), generator=self.generator)
        return corners.sort(2).values.flatten(2)

    def lengths(self) -> torch.Tensor:
        """How long each sound is: all are as long as there is room."""
        return torch.full((self.batch,), self.frames())

    def frames(self) -> int:
        """Of a spectrogram."""
        return 2 * int(first_of((self.sound,), ("max_source_positions",), 128))

    def hidden(self) -> torch.Tensor:
        """Vectors as wide as the model; the patches of all images where the tower reads those."""
        if "grid_thw" in self.accepted:
            return self.patch_list()
        return self.normal(self.length, int(first_of((self.text, self.whole), WIDTH, 64)))


    def shared(self) -> dict[str, tuple[torch.Tensor, torch.Tensor]] | None:
        """Keys and values that another model hands to all layers of a kind."""
        kinds, found = getattr(self.text, "layer_types", None) or (), {}
        layers = read(self.text, "per_layer_config") or [self.text] * len(kinds)  # some have heads of a width of their own
        for kind, layer in zip(kinds, layers, strict=False):
            shape = int(first_of((layer,), ("num_key_value_heads",), 1)), self.length, int(first_of((layer,), ("head_dim",), 64))
            found.setdefault(kind, (self.normal(*shape), self.normal(*shape)))
        return found or None

    def map(self) -> torch.Tensor:
        """A map of features as wide as the model, with no more places than there are words."""
        side = int(self.length**0.5)
        return self.normal(int(first_of((self.text, self.whole), WIDTH, 64)), side, side)


def _time_features(maker: Maker) -> int:
    return int(first_of((maker.whole,), ("num_time_features",), 0))


MAKERS: dict[str, Callable[[Maker], Any]] = {
    **dict.fromkeys(("input_ids", "decoder_input_ids", "qformer_input_ids", "inputs", "tokens"), Maker.ids),
    **dict.fromkeys(("attention_mask", "padding_mask"), lambda m: torch.ones(m.batch, m.length, dtype=torch.int64)),
    **dict.fromkeys(("pixel_values", "images", "image"), Maker.pixels),
    **dict.fromkeys(("grid_thw", "image_grid_thw"), Maker.grid),
    "pixel_position_ids": Maker.places,
    "merge_sizes": lambda m: torch.ones(m.batch, dtype=torch.int64),
    "target_sizes": lambda m: torch.tensor([[SIDE, SIDE]] * m.batch),
    "spatial_shapes": lambda m: torch.tensor([[SIDE, SIDE]] * m.batch),
    "pixel_attention_mask": lambda m: torch.ones(m.batch, SIDE * SIDE, dtype=torch.int64) if m.packed else torch.ones(m.batch, *m.size()[1], dtype=torch.int64),
    "pixel_values_videos": lambda m: m.normal(int(first_of((m.vision,), ("num_frames", "frames_per_clip"), 8)), *((c := m.size())[0], *c[1])),
    **dict.fromkeys(("input_values", "audio_values"), Maker.wave),
    **dict.fromkeys(("input_features", "mel_spectrogram", "spectrogram"), Maker.features),
    "audio_mel": lambda m: m.normal(64, int(first_of((m.sound,), ("input_feat_size", "num_mel_bins"), 128))),
    "audio_mel_mask": lambda m: torch.zeros(m.batch, 64, dtype=torch.bool),
    **dict.fromkeys(("input_features_mask", "feature_attention_mask"), lambda m: torch.ones(m.batch, m.features().shape[-1], dtype=torch.int64)),
    "pixel_mask": lambda m: torch.ones(m.batch, *m.size()[1], dtype=torch.int64),
    "mm_token_type_ids": lambda m: torch.zeros(m.batch, m.length, dtype=torch.int64),
    "image_attention_mask": lambda m: torch.ones(m.batch, m.length, 1, dtype=torch.int64),
    "shared_kv_states": Maker.shared,
    "bbox": Maker.boxes,
    "labels": Maker.labels,
    "return_loss": lambda m: True,
    "bool_masked_pos": Maker.patches,
    **dict.fromkeys(("start_positions", "end_positions"), lambda m: torch.randint(0, m.length, (m.batch,), generator=m.generator)),
    **dict.fromkeys(("query_embeds", "hidden_states", "inputs_embeds", "encoder_outputs"), Maker.hidden),
    "encoder_hidden_states": lambda m: m.normal(m.length, int(first_of((m.whole, m.text), ("encoder_hidden_size", "hidden_size", "d_model"), 64))),
    "spectrogram_labels": lambda m: m.normal(m.length, int(first_of((m.sound, m.whole), ("num_mel_bins",), 80))),
    "duration_labels": lambda m: torch.ones(m.batch, m.length, dtype=torch.int64),  # a frame for each word
    **dict.fromkeys(("pitch_labels", "energy_labels"), lambda m: m.normal(m.length, 1)),
    "past_values": Maker.past,
    "past_observed_mask": lambda m: torch.ones_like(m.past()),
    "past_time_features": lambda m: m.past(_time_features(m)),
    "future_values": Maker.future,
    "future_time_features": lambda m: m.future(_time_features(m)),
    "flattened_patches": lambda m: torch.cat([torch.ones(m.batch, m.length, 2), m.normal(m.length, int(first_of((m.vision,), ("patch_embed_hidden_size",), 768)))], -1),
}
