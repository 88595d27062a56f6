"""Arguments that a model misses: it names them, or stumbles over None on a line that does."""

import re
from typing import Any, NamedTuple

import torch

from steadygrad.targets.huggingface.inputs import Maker

Inputs = dict[str, Any]
REQUIRED = re.compile(r"missing \d+ required positional arguments?: (?P<names>.*)")
WORDLESS = re.compile(r"no attribute 'embed_tokens'|`input_ids` is expected to be `None`|inputs_embeds .*cannot be None")
NOTHING = re.compile(r"NoneType")
NEVER = re.compile(r"^(cache|past_|use_|output_|return_|labels$|position_ids$|inputs_embeds$)")  # of these a model makes its own, or needs none
ALIKE = {  # by names that nothing else is known of
    "attention_mask$|^mask$": "attention_mask", "pixel|image|mask": "pixel_values", "_ids$|codes?$|tokens$": "input_ids",
}  # fmt: skip
VECTORS = re.compile(r"(states|embeds|embeddings?|features|queries|vectors?|encoding|cond|conditions?|conditioning)$")
TIMES = re.compile(r"(time_?steps?|sigmas?|noise_levels?)$")
LISTS = re.compile(r"^(list|tuple)\[(torch\.)?Tensor\b", re.IGNORECASE)


class Line(NamedTuple):
    """Of a model's code, and the arguments of its function that are None."""

    text: str
    absent: tuple[str, ...] = ()

    def names(self, name: str) -> bool:
        """Whether the line reads or writes a variable of this name."""
        return re.search(rf"\b{name}\b", self.text) is not None


def supplied(made: Inputs, complaint: str, maker: Maker, lines: tuple[Line, ...] = ()) -> Inputs | None:
    """The inputs with what is missing.

    Args:
        made: what the model was given.
        complaint: its error.
        maker: of inputs.
        lines: of the model's code that the error passed, innermost first.
    """
    nothing = NOTHING.search(complaint) is not None
    answers = (
        lambda: _completed(made, REQUIRED.search(complaint), maker),
        lambda: _named(made, complaint, maker),
        lambda: _described(made, maker) if nothing else None,
        lambda: _stumbled(made, lines, maker) if nothing else None,
        lambda: _embedded(made, maker) if nothing or WORDLESS.search(complaint) else None,
    )
    return next((found for answer in answers if (found := answer()) is not None), None)


def guessed(name: str, maker: Maker) -> Any:
    """What an argument may be whose name alone is known, or its annotation: images and masks over them, words, vectors, counts, maps of features."""
    value = maker.described(name)
    if value is None and LISTS.search(maker.annotations.get(name, "")):
        value = [maker.map()]
    if value is None:
        value = maker.one(next((kind for pattern, kind in ALIKE.items() if re.search(pattern, name)), name))
    if value is None and name.startswith("num_"):  # a count of some of the words
        value = maker.length // 2
    if value is None and TIMES.search(name):
        value = torch.rand(maker.batch, generator=maker.generator)
    if value is None and VECTORS.search(name):
        value = maker.hidden()
    return value


def _completed(made: Inputs, match: re.Match[str] | None, maker: Maker) -> Inputs | None:
    """With all arguments that a call must have."""
    if match is None:
        return None
    found = {}
    for name in re.findall(r"'(\w+)'", match["names"]):
        value = guessed(name, maker)
        if value is None:
            return None
        found[name] = value
    return {**made, **found}


def _named(made: Inputs, complaint: str, maker: Maker) -> Inputs | None:
    """With the arguments that the complaint names and that were not given: "`visual_feats` cannot be `None`"."""
    missing = [n for n in maker.accepted if n not in made and "embeds" not in n and re.search(rf"\b{n}\b", complaint)]
    found = {n: value for n in missing if (value := maker.one(n)) is not None}
    return {**made, **found} if found and "both" not in complaint else None


def _stumbled(made: Inputs, lines: tuple[Line, ...], maker: Maker) -> Inputs | None:
    """With the arguments that a line names, the innermost that names any; else, where a forward hands on `**kwargs`, what was None the furthest out."""
    wanted = [[n for n in maker.accepted if line.names(n)] for line in lines]
    if "kwargs" in maker.accepted:
        wanted += [[n for n in line.absent if n not in maker.accepted and line.names(n)] for line in reversed(lines)]
    for names in wanted:
        found = {n: value for n in names if n not in made and not NEVER.search(n) and (value := guessed(n, maker)) is not None}
        if found:
            return {**made, **found}
    return None


def _described(made: Inputs, maker: Maker) -> Inputs | None:
    """With everything that the forward describes: what may be left out in general cannot be here."""
    ids = next((v for v in made.values() if isinstance(v, torch.Tensor) and v.ndim == 2), None)
    maker.length = maker.length if ids is None else ids.shape[1]
    lengths = [n for n in maker.accepted if n.endswith(("_lens", "_lengths"))]
    found = {n: value for n in dict.fromkeys((*maker.documented, *lengths)) if n not in made and (value := maker.one(n)) is not None}
    return {**made, **found} if found else None


def _embedded(made: Inputs, maker: Maker) -> Inputs | None:
    """With vectors in the place of words, for parts that have no table of them."""
    if "input_ids" not in made or "inputs_embeds" not in maker.accepted or "inputs_embeds" in made:
        return None
    return {"inputs_embeds": maker.hidden(), **{n: v for n, v in made.items() if n not in ("input_ids", "labels")}}
