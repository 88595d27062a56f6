"""Build the documentation site: generate rule pages, the page of measurements and that of the lab's logs, execute every Python block, then run mkdocs.

    python docs/build.py [--strict]
"""

import contextlib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from steadygrad.lab.experiments import EXPERIMENTS
from steadygrad.lab.number import Number
from steadygrad.lab.site import number
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
    for folder, title, after in (("faulty_programs", "Real faulty programs", "## Records not"), ("injected_faults", "Injected faults", "## Threats")):
        text = (results / folder / "README.md").read_text(encoding="utf-8")
        lines += [text[text.index("## Measured") : text.index(after)].replace("## Measured", f"## {title}")]
    (PAGES / "measured.md").write_text("\n".join(lines), encoding="utf-8")


def lab_results_page() -> None:
    """Every number of the logs in `docs/logs` beside the expected one, and which experiments have no log."""
    logs = {log.stem: json.loads(log.read_text(encoding="utf-8")) for log in (HERE / "logs").glob("*.json")}
    without = ", ".join(f"`{e.name}`" for e in EXPERIMENTS if e.name not in logs)
    lines = [
        "# The lab, measured", "", f"From the logs in `docs/logs`: {len(logs)} experiments at full size, made by `steadygrad lab run NAME -o SITE`.",
        "The others take seconds or minutes, and have no log here: " + without + ".", "",
    ]  # fmt: skip
    for experiment in EXPERIMENTS:
        if experiment.name not in logs:
            continue
        log = logs[experiment.name]
        spent = f" ({log['cpu_seconds']:.0f} s of CPU)" if "cpu_seconds" in log else ""
        lines += [f"## {experiment.name}", "", f"{experiment.title}. {log['seconds']:.0f} s{spent} on {log['machine']}, seed {log['seed']}.", ""]
        lines += ["| number | measured | expected | where from | tolerance from | agrees |", "|---|---|---|---|---|---|"]
        for row in log["outcome"]["numbers"]:
            n = Number(**{**row, **{key: float(row[key]) for key in ("measured", "expected", "tolerance")}})
            wanted = f"{n.relation if n.relation != '=' else ''} {number(n.expected)}" + (f" ± {n.tolerance:.2g}" if n.tolerance else "")
            cells = (n.name, number(n.measured), wanted.strip(), n.source, n.derivation, "yes" if n.agrees else "**no**")
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        lines += ["", log["outcome"]["remark"], ""]
    (PAGES / "lab-results.md").write_text("\n".join(lines), encoding="utf-8")


def execute(page: Path) -> None:
    """Run the Python blocks of a page in one namespace; an exception ends the build."""
    space: dict[str, object] = {"__name__": "__page__"}
    for count, block in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")), 1):
        exec(compile(block, f"{page.name}, block {count}", "exec"), space)


def main() -> None:
    """Generate, execute, build."""
    rule_pages()
    measured_page()
    lab_results_page()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for page in [HERE.parent / "README.md", *sorted(PAGES.glob("*.md"))]:
            execute(page)
    strict = ["--strict"] if "--strict" in sys.argv else []
    subprocess.run([sys.executable, "-m", "mkdocs", "build", "-q", *strict, "-f", str(HERE / "mkdocs.yml")], check=True)
    print(f"built {HERE.parent / 'site'}: {len(RULES)} rule pages")


if __name__ == "__main__":
    main()
