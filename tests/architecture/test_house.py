"""The house rules that a program can hold: floors, public names, messages, sizes, what must not be imported."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import steadygrad

SOURCE = Path(steadygrad.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
ROOT = Path(__file__).parents[2]


def test_imports_point_down() -> None:
    done = subprocess.run([sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_public_names_exist_and_are_few() -> None:
    assert len(steadygrad.__all__) <= 15
    for name in steadygrad.__all__:
        assert getattr(steadygrad, name) is not None
    with pytest.raises(AttributeError, match="steadygrad has no `chek`; it has Case"):
        _ = steadygrad.chek


def test_import_is_light() -> None:
    heavy = "{'torch', 'plotly', 'jax', 'keras', 'lightning', 'transformers', 'torchvision', 'rich', 'typer', 'jinja2'}"
    probe = f"import sys, steadygrad; assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe], capture_output=True).returncode == 0


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(SOURCE)))
def test_files_and_functions_hold_one_idea(file: Path) -> None:
    text = file.read_text()
    assert text.count("\n") <= 275, "look for the second idea"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                lines -= (first.end_lineno or 0) - first.lineno + 1
            assert lines <= 55, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(SOURCE)))
def test_messages_carry_a_value_and_are_one_string(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text())):
        if not isinstance(node, ast.Raise) or not isinstance(node.exc, ast.Call) or not isinstance(node.exc.func, ast.Name):
            continue
        if not node.exc.func.id.endswith("Error") or node.exc.func.id in ("AttributeError", "NotImplementedError"):
            continue
        assert len(node.exc.args) <= 1, f"line {node.lineno}: a stray comma splits the message"
        holds_value = any(isinstance(part, ast.FormattedValue | ast.Call | ast.Name) for part in ast.walk(node.exc.args[0])) if node.exc.args else False
        says_got = "got" in ast.unparse(node.exc) or "(enabled: True)" in ast.unparse(node.exc)
        assert holds_value or says_got, f"line {node.lineno}: the message carries no value"


def test_nothing_unpickles_and_nothing_defers_annotations() -> None:
    for file in FILES:
        text = file.read_text()
        assert not re.search(r"^\s*(import pickle|from pickle)", text, re.M), file
        assert "torch.load(" not in text or "weights_only=True" in text, file
        assert "from __future__ import annotations" not in text, file
        assert not re.search(r"allow_pickle=True", text), file


def test_every_rule_file_is_exported() -> None:
    from steadygrad.rules.catalog import RULES

    files = {f.stem for f in (SOURCE / "rules" / "catalog").glob("*.py")} - {"__init__"}
    assert files == {rule.__module__.rpartition(".")[2] for rule in RULES}


def test_no_drawers() -> None:
    names = {part for f in FILES for part in f.relative_to(SOURCE).with_suffix("").parts}
    assert not names & {"utils", "util", "helpers", "common", "manager", "misc"}


def test_the_readme_shows_what_the_command_prints() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "docs" / "render_readme.py"), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, "run python docs/render_readme.py"
