"""Philox4x32-10 against Random123's known answers and a scalar version written from the paper."""

import numpy as np
import pytest

from steadygrad.randomness.philox import philox4x32

# kat_vectors of Random123 1.14: counter, key, answer
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def numbers(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


def scalar(counter: list[int], key: list[int]) -> list[int]:
    (a, b, c, d), (k, l) = counter, key
    for _ in range(10):
        p, q = a * 0xD2511F53, c * 0xCD9E8D57
        a, b, c, d = (q >> 32) ^ b ^ k, q % 2**32, (p >> 32) ^ d ^ l, p % 2**32
        k, l = (k + 0x9E3779B9) % 2**32, (l + 0xBB67AE85) % 2**32
    return [a, b, c, d]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_known_answers(counter: str, key: str, answer: str) -> None:
    found = philox4x32([np.array([word], np.uint64) for word in numbers(counter)], tuple(numbers(key)))
    assert [int(word[0]) for word in found] == numbers(answer) == scalar(numbers(counter), numbers(key))


def test_arrays_are_elementwise() -> None:
    rng = np.random.default_rng(0)
    counters = rng.integers(0, 2**32, size=(4, 50), dtype=np.uint64)
    key = [int(word) for word in rng.integers(0, 2**32, size=2)]
    found = np.stack(philox4x32(list(counters), tuple(key)))
    assert [list(map(int, column)) for column in found.T] == [scalar([int(word) for word in column], key) for column in counters.T]
