"""Streams: names, seeds, and where each entry's word comes from."""

from hashlib import blake2b

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadygrad.errors import InputError
from steadygrad.randomness import stream
from steadygrad.randomness.philox import philox4x32


@given(st.integers(0, 2**40), st.integers(0, 600), st.integers(0, 300))
def test_jumping_is_skipping(start: int, skip: int, count: int) -> None:
    whole = stream.words("fc.weight", 3, start, skip + count)
    assert np.array_equal(stream.words("fc.weight", 3, start + skip, count), whole[skip:])


@pytest.mark.parametrize("entry", [0, 31, 32, 127, 128, 1000, 2**39 + 77])
@pytest.mark.parametrize("seed", [0, 2**32 + 5, 2**64 - 1])
def test_word_of_an_entry(entry: int, seed: int) -> None:
    """The documented layout, one entry at a time."""
    block, rest = divmod(entry, 128)
    word, lane = divmod(rest, 32)
    counter = 32 * block + lane
    digest = int.from_bytes(blake2b(b"a.b", digest_size=8).digest(), "little")
    parts = [counter % 2**32, counter >> 32, seed % 2**32, seed >> 32]
    answer = philox4x32([np.array([part], np.uint64) for part in parts], (digest % 2**32, digest >> 32))
    assert stream.words("a.b", seed, entry, 1)[0] == answer[word][0]


def test_every_entry_has_its_own_word() -> None:
    """Philox is a bijection of counters: within a stream no four words repeat together."""
    words = stream.words("w", 0, 0, 128 * 500).reshape(-1, 4, 32).transpose(0, 2, 1).reshape(-1, 4)
    assert len({tuple(row) for row in words.tolist()}) == len(words)


def test_seeds_and_names_separate_streams() -> None:
    drawn = [stream.words(name, seed, 0, 1000) for name in ("a.weight", "b.weight") for seed in (0, 1, 2**32)]
    for i, one in enumerate(drawn):
        for other in drawn[:i]:
            assert (one == other).sum() <= 1  # 1000 chances of 2⁻³²


@pytest.mark.parametrize(
    ("wrapped", "bare"),
    [
        ("module.fc.weight", "fc.weight"),
        ("module.module.fc.weight", "fc.weight"),
        ("_orig_mod.module.fc.weight", "fc.weight"),
        ("layers._checkpoint_wrapped_module.0.bias", "layers.0.bias"),
        ("_fsdp_wrapped_module.layers._fsdp_wrapped_module.0.bias", "layers.0.bias"),
        ("encoder.module.weight", "encoder.module.weight"),
        ("module", "module"),
        ("weight", "weight"),
        ("my_orig_mod.weight", "my_orig_mod.weight"),
    ],
)
def test_wrappers_leave_names_alone(wrapped: str, bare: str) -> None:
    assert stream.bare_name(wrapped) == bare
    assert stream.key(wrapped) == stream.key(bare)


@pytest.mark.parametrize("seed", [-1, 2**64, 1.0, True, None])
def test_bad_seeds(seed: object) -> None:
    with pytest.raises(InputError, match=r"`seed` must be an integer in \[0, 2\*\*64\), got"):
        stream.words("w", seed, 0, 1)


def test_bad_ranges() -> None:
    with pytest.raises(InputError, match="`start` and `count` of `w` must be at least 0, got -1 and 3"):
        stream.words("w", 0, -1, 3)
