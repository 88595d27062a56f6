"""The logs that are published with the documentation are full runs of experiments that exist, and their numbers agree."""

import json
from pathlib import Path

import pytest

from steadygrad.lab.experiments import EXPERIMENTS
from steadygrad.lab.number import Number

LOGS = Path(__file__).parents[3] / "docs" / "logs"


@pytest.mark.parametrize("path", sorted(LOGS.glob("*.json")), ids=lambda path: path.stem)
def test_a_log_is_a_full_run_that_agrees(path: Path) -> None:
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["name"] == path.stem and found["name"] in {e.name for e in EXPERIMENTS}
    assert found["scale"] == "full" and found["seconds"] > 0
    numbers = [Number(**{**n, **{key: float(n[key]) for key in ("measured", "expected", "tolerance")}}) for n in found["outcome"]["numbers"]]
    assert numbers and [n.name for n in numbers if not n.agrees] == []
