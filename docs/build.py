"""Build the documentation site: generate rule pages and the page of measurements, execute every Python block, then run mkdocs.

    python docs/build.py [--strict]
"""

import contextlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from steadygrad.rules.catalog import RULES
from steadygrad.rules.explanation import explanation

HERE = Path(__file__).resolve().parent
PAGES = HERE / "pages"
BLOCK = re.compile(r"```python\n(.*?)```", re.S)


def rule_pages() -> None:
    """One page per rule, and an index of them."""
    folder = PAGES / "rules"
    folder.mkdir(exist_ok=True)
    lines = ["# Rules", "", "| code | slug | what |", "|---|---|---|"]
    for rule in RULES:
        (folder / f"{rule.code}.md").write_text(f"# {rule.code} {rule.slug}\n\n```text\n{explanation(rule)}\n```\n", encoding="utf-8")
        lines.append(f"| [{rule.code}]({rule.code}.md) | {rule.slug} | {rule.title} |")
    (folder / "index.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def measured_page() -> None:
    """One page of everything the benchmarks measured: their own tables, as they wrote them."""
    results = HERE.parent / "benchmarks"
    lines = ["# Measured", "", "Tables as the scripts in `benchmarks/` wrote them; each says how to run it again.", ""]
    for table in sorted((results / "results").glob("*.md")):
        text = table.read_text(encoding="utf-8").strip()
        lines += ["#" + text if text.startswith("# ") else text, ""]
    programs = (results / "faulty_programs" / "README.md").read_text(encoding="utf-8")
    measured = programs[programs.index("## Measured") : programs.index("## Records not rebuilt")]
    lines += [measured.replace("## Measured", "## Real faulty programs")]
    (PAGES / "measured.md").write_text("\n".join(lines), encoding="utf-8")


def execute(page: Path) -> None:
    """Run the Python blocks of a page in one namespace; an exception ends the build."""
    space: dict[str, object] = {"__name__": "__page__"}
    for number, block in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")), 1):
        exec(compile(block, f"{page.name}, block {number}", "exec"), space)


def main() -> None:
    """Generate, execute, build."""
    rule_pages()
    measured_page()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for page in [HERE.parent / "README.md", *sorted(PAGES.glob("*.md"))]:
            execute(page)
    strict = ["--strict"] if "--strict" in sys.argv else []
    subprocess.run([sys.executable, "-m", "mkdocs", "build", "-q", *strict, "-f", str(HERE / "mkdocs.yml")], check=True)
    print(f"built {HERE.parent / 'site'}: {len(RULES)} rule pages")


if __name__ == "__main__":
    main()
