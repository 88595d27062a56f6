"""The benchmarks are plain scripts beside the package, so the repository root must be importable."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))
