"""The records as facts in our own words: what each program is, what is wrong with it, what the rebuild had to assume."""

import json
from functools import cache
from pathlib import Path


@cache
def all_facts() -> dict[str, dict[str, str]]:
    """Id → fields kind, source, what, fault, repair, assumed; read from facts.json."""
    records = json.loads(Path(__file__).with_name("facts.json").read_text())
    return {record["id"]: record for record in records}


def facts_of(program_id: str) -> dict[str, str]:
    return all_facts()[program_id]
