"""The split into a tuning and a held-back half, by the same hash of the id as in the other collections.

    python -m benchmarks.thread_programs_three.split       # prints the halves; exit 1 when split.json disagrees

`split.json` was committed after the programs and their labels and before the first of them was shown to a detector.
"""

import sys

from benchmarks.faulty_programs.split import agreement
from benchmarks.thread_programs_three.programs import CATALOGUE
from benchmarks.thread_programs_three.thread import FOLDER

SPLIT_FILE = FOLDER / "split.json"


if __name__ == "__main__":
    sys.exit(agreement(list(CATALOGUE), SPLIT_FILE))
