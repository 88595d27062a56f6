"""Import a name from a file or a package, leaving `sys.path` as it was."""

import difflib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from steadygrad.errors import TargetError


def load(target: str) -> Any:
    """The object `target` ("file.py:a.b" or "package.module:a.b") names.

    Raises:
        TargetError: no such file, module or attribute, or importing it raised; the message shows the failing line.
    """
    source, _, name = target.rpartition(":")
    module = _from_file(Path(source)) if source.endswith(".py") else _from_package(source)
    value: Any = module
    for part in name.split("."):
        if not hasattr(value, part):
            near = difflib.get_close_matches(part, [n for n in dir(value) if not n.startswith("_")], n=3, cutoff=0.4)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise TargetError(f"`{source}` has no `{part}`{hint}")
        value = getattr(value, part)
    return value


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise TargetError(f"`{path}` is not a file in {Path.cwd()}; give the path of the Python file before the colon")
    name = f"_steadygrad_target_{path.stem}"
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise TargetError(f"`{path}` cannot be imported as Python")
    module = importlib.util.module_from_spec(specification)
    with _importable(path.resolve().parent):
        sys.modules[name] = module
        try:
            specification.loader.exec_module(module)
        except BaseException as error:
            sys.modules.pop(name, None)
            if isinstance(error, Exception):
                raise TargetError(_failure(str(path), error)) from error
            raise
    return module


def _from_package(name: str) -> ModuleType:
    with _importable(Path.cwd()):
        try:
            return importlib.import_module(name)
        except Exception as error:
            raise TargetError(_failure(name, error)) from error


def _failure(name: str, error: Exception) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "importlib" not in f.filename and "steadygrad/targets" not in f.filename]
    place = f" at {frames[-1].filename}:{frames[-1].lineno}: `{frames[-1].line}`" if frames else ""
    return f"importing `{name}` raised {type(error).__name__}: {error}{place}"


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """`folder` first on `sys.path`, as `python -m` would have it, while importing."""
    saved = list(sys.path)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path[:] = saved
