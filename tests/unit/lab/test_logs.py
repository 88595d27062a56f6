"""The logs that are published with the documentation are full runs of experiments that exist, and their numbers agree."""

import json
from pathlib import Path

import pytest

from steadygrad.lab import record
from steadygrad.lab.experiments import EXPERIMENTS

LOGS = Path(__file__).parents[3] / "docs" / "logs"


@pytest.mark.parametrize("path", sorted(LOGS.glob("*.json")), ids=lambda path: path.stem)
def test_a_log_is_a_full_run_that_agrees(path: Path) -> None:
    found = json.loads(path.read_text(encoding="utf-8"))
    result = record.load(path, found["fingerprint"])
    assert result is not None and result.name == path.stem and result.name in {e.name for e in EXPERIMENTS}
    assert result.scale == "full" and result.seconds > 0 and [n.name for n in result.outcome.numbers if not n.agrees] == []
