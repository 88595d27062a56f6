"""Put a real report into the README, between its markers.

    python docs/render_readme.py [--check]

Seconds differ from run to run, so they are written as 0.1 s.
"""

import re
import sys
from pathlib import Path

import torch

from steadygrad.door import check
from steadygrad.lab import digits
from steadygrad.lab.sick_networks import small_sigmoid

README = Path(__file__).parent.parent / "README.md"
MARKS = re.compile(r"(<!-- report:begin -->\n).*?(<!-- report:end -->)", re.S)


def block() -> str:
    """The report of the 20-layer sigmoid network on digits."""
    torch.manual_seed(0)
    data = digits.load()
    report = check(small_sigmoid(), data.train_x[:128], data.train_y[:128], torch.nn.functional.cross_entropy, name="net")
    return "```text\n" + re.sub(r"\d+\.\d s\b", "0.1 s", str(report)).replace("0.1\ns", "0.1 s") + "```\n"


def main() -> int:
    """Write or compare; 1 when `--check` finds a difference."""
    text = README.read_text(encoding="utf-8")
    fresh = MARKS.sub(lambda m: m[1] + block() + m[2], text)
    if "--check" in sys.argv:
        return int(fresh != text)
    README.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
