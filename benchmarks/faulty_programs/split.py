"""The split of the programs into a tuning and a held-back half, decided by a hash of the id alone.

    python -m benchmarks.faulty_programs.split        # prints the halves; exit 1 when split.json disagrees

`split.json` was committed before the first program was rebuilt and before the first rule was written.
"""

import hashlib
import json
import sys
from pathlib import Path

SPLIT_FILE = Path(__file__).with_name("split.json")
HALVES = ("tuning", "held_back")


def half_of(program_id: str) -> str:
    """`"tuning"` when the last hex digit of SHA-256(id) is even, else `"held_back"`."""
    last_digit = int(hashlib.sha256(program_id.encode()).hexdigest()[-1], 16)
    return HALVES[last_digit % 2]


def recorded_split() -> dict[str, list[str]]:
    """The committed halves, each a sorted list of ids."""
    recorded: dict[str, list[str]] = json.loads(SPLIT_FILE.read_text())
    return recorded


def recomputed_split(program_ids: list[str]) -> dict[str, list[str]]:
    """The halves of these ids as the hash gives them."""
    return {half: sorted(i for i in program_ids if half_of(i) == half) for half in HALVES}


def agreement(program_ids: list[str], split_file: Path) -> int:
    """Print the halves of another collection's ids; 0 where its split file has the same, else 1."""
    halves = recomputed_split(program_ids)
    print(json.dumps(halves, indent=1))
    return 0 if json.loads(split_file.read_text()) == halves else 1


def main() -> int:
    recorded = recorded_split()
    recomputed = recomputed_split([i for ids in recorded.values() for i in ids])
    for half, ids in recomputed.items():
        print(f"{half}: {len(ids)}")
        print(*(f"  {i}" for i in ids), sep="\n")
    return 0 if recomputed == recorded else 1


if __name__ == "__main__":
    sys.exit(main())
