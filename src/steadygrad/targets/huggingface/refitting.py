"""A configuration changed as its model complains, where defaults of its parts do not fit each other.

The last resort. Of two sizes that a complaint names one is an entry of the configuration, or an item of a list of channels, and becomes
the other; an index that a table has not is one of a larger vocabulary; of a backbone of which several maps are read, and that gives the
last only, all stages are taken. Each change is tried by itself, and kept when the model then complains about something else.
"""

import copy
import re
from collections.abc import Iterator
from typing import Any

from steadygrad.targets.huggingface.complaints import JOINED, OUTSIDE, UNKNOWN
from steadygrad.targets.huggingface.layouts import ADDED, CHANNELS, PRODUCT
from steadygrad.targets.huggingface.shrinking import WIDTHS
from steadygrad.targets.huggingface.sizes import once_inside, read, write
from steadygrad.targets.huggingface.trial import TOO_LARGE, built, tried

Change = tuple[int | None, str, Any]  # in which of the configurations, all when None; the entry; its value
NORMED = re.compile(r"normalized_shape=\[(?P<wanted>\d+)\], expected input .*size\[(?:\d+, )*(?P<got>\d+)\]")
PAIRS = (PRODUCT, CHANNELS, NORMED, JOINED)
LEAST = 8  # smaller numbers stand for too many things
MOST_CHANGES, MOST_TRIALS = 8, 12  # of one complaint; of all
MOST_INPUTS = 4  # with labels and masks, and without


def refitting(head: type, configuration: Any, seed: int, batch: int) -> tuple[Any, dict[str, Any]] | None:
    """The model of a changed configuration and inputs that it runs on, or None."""
    told: list[str] = []
    model = built(head, configuration, told)
    if model is not None and tried(model, configuration, None, seed, batch, told, MOST_INPUTS) is not None:
        return None  # which ran before
    heard: set[str] = set()
    left = MOST_TRIALS
    while left:
        heard |= set(told)
        complaints, told = list(dict.fromkeys(told)), []
        for changed in (changed for complaint in complaints for changed in refitted(configuration, complaint)):
            model, told, left = built(head, changed, []), [], left - 1
            found = None if model is None else tried(model, changed, None, seed, batch, told, MOST_INPUTS)
            if found is not None or not left:
                return found
            if set(told) - heard:
                configuration = changed
                break
        else:
            return None
    return None


def refitted(configuration: Any, complaint: str) -> Iterator[Any]:
    """Copies of the configuration, each with one change that may answer the complaint."""
    changes = [*_vocabularies(configuration, complaint), *_stages(configuration, complaint), *_filters(configuration, complaint),
               *_sizes(configuration, complaint)]  # fmt: skip
    for which, name, value in changes[:MOST_CHANGES]:
        changed = copy.deepcopy(configuration)
        for index, inner in enumerate(_all(changed, [])):
            if which in (index, None) and read(inner, name) is not None:
                write(inner, name, value)
        yield changed


def _all(configuration: Any, seen: list[Any]) -> list[Any]:
    """The configuration and those inside."""
    return [configuration, *(deeper for inner in once_inside(configuration, seen) for deeper in _all(inner, seen))]


def _vocabularies(configuration: Any, complaint: str) -> Iterator[Change]:
    """As many words in every part as in the one with most, or as an index needs."""
    known = [size for inner in _all(configuration, []) if isinstance(size := read(inner, "vocab_size"), int)]
    outside = OUTSIDE.search(complaint)
    if outside is not None and int(outside["size"]) in known:
        yield None, "vocab_size", int(outside["index"]) + 1
    elif UNKNOWN in complaint and len(set(known)) > 1:
        yield None, "vocab_size", max(known)


def _stages(configuration: Any, complaint: str) -> Iterator[Change]:
    """All stages of a backbone that gives one."""
    for index, inner in enumerate(_all(configuration, [])):
        stages, given = read(inner, "stage_names"), read(inner, "out_indices")
        if CHANNELS.search(complaint) and isinstance(stages, list) and len(stages) > 2 and isinstance(given, list | tuple) and len(given) == 1:
            yield index, "out_indices", list(range(1, len(stages)))


def _filters(configuration: Any, complaint: str) -> Iterator[Change]:
    """A quarter of the channels that double from stage to stage, where they make a model too large."""
    for index, inner in enumerate(_all(configuration, [])):
        filters = read(inner, "num_filters")
        if TOO_LARGE in complaint and isinstance(filters, int) and filters >= LEAST:
            yield index, "num_filters", filters // 4


def _sizes(configuration: Any, complaint: str) -> Iterator[Change]:
    """Entries, and items of lists, that are one of the two sizes: the whole follows its parts, before they follow each other, and widths change last."""
    match, added = next((found for pattern in PAIRS if (found := pattern.search(complaint))), None), ADDED.search(complaint)
    sizes = {int(match["wanted"]), int(match["got"])} if match else {int(added["a"]), int(added["b"])} if added else set()
    if len(sizes) != 2 or min(sizes) < LEAST:
        return
    small, large = sorted(sizes)
    found: list[tuple[tuple[bool, ...], Change]] = []
    for index, inner in enumerate(_all(configuration, [])):
        for name, value in vars(inner).items():
            for old, new in ((large, small), (small, large)):
                rank = (name in WIDTHS, index > 0, isinstance(value, int), old == small)
                if isinstance(value, list | tuple) and old in value:
                    found.append((rank, (index, name, type(value)(new if item == old else item for item in value))))
                elif isinstance(value, int) and value == old and not name.startswith("_"):
                    found.append((rank, (index, name, new)))
    yield from (change for _, change in sorted(found, key=lambda pair: pair[0]))
