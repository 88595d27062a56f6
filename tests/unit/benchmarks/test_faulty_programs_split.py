"""The halves are a function of the id, so no program can be moved after a rule has seen it."""

import hashlib

from benchmarks.faulty_programs.split import half_of, recomputed_split, recorded_split


def test_committed_halves_are_what_the_hash_gives() -> None:
    recorded = recorded_split()
    ids = [i for half in recorded.values() for i in half]
    assert len(ids) == len(set(ids)) == 56
    assert recomputed_split(ids) == recorded


def test_half_follows_the_parity_of_the_last_hex_digit() -> None:
    for program_id in ("a", "b", "AT-Circle-simplednn", "GRIST-ID_37"):
        odd = hashlib.sha256(program_id.encode()).digest()[-1] & 1
        assert half_of(program_id) == ("held_back" if odd else "tuning")
