"""The split into a tuning and a held-back half, by a hash of the base's name: held-back networks are unseen as a whole.

python -m benchmarks.injected_faults.split       # prints the halves; exit 1 when split.json disagrees
"""

import sys
from pathlib import Path

from benchmarks.faulty_programs.split import agreement
from benchmarks.injected_faults.bases import BASES

SPLIT_FILE = Path(__file__).with_name("split.json")


if __name__ == "__main__":
    sys.exit(agreement(list(BASES), SPLIT_FILE))
