"""`Thread`: a `Program` of the real collection whose record is a public question or issue."""

import json
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from benchmarks.faulty_programs.program import Program, Setting


@cache
def all_facts() -> dict[str, dict[str, str]]:
    """Id → fields source, what, fault, repair, assumed; read from facts.json."""
    records = json.loads(Path(__file__).with_name("facts.json").read_text())
    return {record["id"]: record for record in records}


@dataclass(frozen=True, eq=False)
class Thread(Program):
    """A program as asked about, and as it was after the answer."""

    @cached_property
    def facts(self) -> dict[str, str]:
        return all_facts()[self.id]


def repaired(setting: Setting, **changes: Any) -> Setting:
    """The setting with the parts the answer changes."""
    return replace(setting, **changes)
