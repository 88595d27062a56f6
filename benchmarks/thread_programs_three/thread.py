"""`Thread` of this collection: its record is in the facts.json beside this file."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.thread_programs import thread

FOLDER = Path(__file__).parent


@dataclass(frozen=True, eq=False)
class Thread(thread.Thread):
    folder = FOLDER
