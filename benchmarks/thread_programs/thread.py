"""`Thread`: a `Program` of the real collection whose record is a public question or issue."""

import json
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, ClassVar

from benchmarks.faulty_programs.program import Program, Setting

FOLDER = Path(__file__).parent


@cache
def all_facts(folder: Path = FOLDER) -> dict[str, dict[str, str]]:
    """Id → fields source, what, fault, repair, assumed; read from a collection's facts.json."""
    records = json.loads((folder / "facts.json").read_text())
    return {record["id"]: record for record in records}


@dataclass(frozen=True, eq=False)
class Thread(Program):
    """A program as asked about, and as it was after the answer; its record is in the facts.json of `folder`."""

    folder: ClassVar[Path] = FOLDER

    @cached_property
    def facts(self) -> dict[str, str]:
        return all_facts(self.folder)[self.id]


def repaired(setting: Setting, **changes: Any) -> Setting:
    """The setting with the parts the answer changes."""
    return replace(setting, **changes)
