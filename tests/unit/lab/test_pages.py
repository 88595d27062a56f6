"""The pages name every experiment, and no other."""

import re
from pathlib import Path

import pytest

from steadygrad.lab.experiments import EXPERIMENTS

PAGES = Path(__file__).parents[3] / "docs" / "pages"


@pytest.mark.parametrize("page", ["lab.md", "guide.md"])
def test_every_experiment_is_named(page: str) -> None:
    text = (PAGES / page).read_text(encoding="utf-8")
    assert [e.name for e in EXPERIMENTS if f"`{e.name}`" not in text] == []


def test_the_list_names_experiments_only() -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \|", (PAGES / "lab.md").read_text(encoding="utf-8"), re.M)
    assert sorted(rows) == sorted(e.name for e in EXPERIMENTS)


def test_the_guide_labels_its_claims() -> None:
    rows = [line.split("|")[2].strip() for line in (PAGES / "guide.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ") and "claim" not in line]
    assert rows and all(re.search(r"proven|measured|hunch|wrong|published", standing) for standing in rows), rows


def test_the_glossary_has_every_word_in_every_language() -> None:
    rows = [line for line in (PAGES / "glossary.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    assert len(rows) > 40
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert len(cells) == 4 and all(cells), row
