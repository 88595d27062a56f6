"""Import a name from a file or a package, and call it; the only places where a TARGET's code runs before the check.

The folder of the file (or the working directory, for a package) goes first on `sys.path` as `python -m` would have it,
and stays there, because factories import too. When importing fails, `sys.path` and `sys.modules` are as they were.
"""

import difflib
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from steadygrad.errors import ModelError, TargetError


def load(target: str) -> Any:
    """The object that `target` ("file.py:a.b" or "package.module:a.b") names.

    Raises:
        TargetError: no such file, module or attribute, or importing it raised; the message shows the failing line.
    """
    source, _, name = target.rpartition(":")
    if not source or not name:
        raise TargetError(f"`{target}` must look like path/to/file.py:NAME or package.module:NAME, with a NAME after the colon")
    value: Any = _from_file(Path(source)) if source.endswith(".py") else _from_package(source)
    for part in name.split("."):
        if not hasattr(value, part):
            near = difflib.get_close_matches(part, [n for n in dir(value) if not n.startswith("_")], n=3, cutoff=0.4)
            raise TargetError(f"`{source}` has no `{part}`" + _did_you_mean(near))
        value = getattr(value, part)
    return value


def called(factory: Callable[..., Any], target: str) -> Any:
    """What `factory()` returns.

    Raises:
        TargetError: it needs arguments.
        ModelError: it raised; the message shows the failing line.
    """
    try:
        signature = inspect.signature(factory)
    except ValueError:  # some callables of C have none
        signature = inspect.Signature()
    try:
        signature.bind()
    except TypeError as error:
        name = target.rpartition(":")[2]
        raise TargetError(
            f"`{target}` must be callable without arguments, but is `{name}{signature}` ({error}); "
            f"add a factory to the file, for example `def make(): return {name}(...)`, and name that"
        ) from error
    try:
        return factory()
    except (Exception, SystemExit) as error:
        raise ModelError(f"calling `{target}` raised {_story(error)}") from error


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        files = [str(p) for p in path.parent.glob("*.py")] if path.parent.is_dir() else []
        near = difflib.get_close_matches(str(path), files, n=3)
        raise TargetError(f"`{path}` is not a file in {Path.cwd()}" + (_did_you_mean(near) or "; give the path of the Python file before the colon"))
    folder, parts = _root_and_parts(path.resolve())
    with _importable(folder, str(path)):
        if len(parts) > 1:
            module = importlib.import_module(".".join(parts))
            if Path(module.__file__ or "").resolve() == path.resolve():
                return module
        name = f"_steadygrad_target_{path.stem}"
        specification = importlib.util.spec_from_file_location(name, path)
        assert specification is not None and specification.loader is not None  # a .py file always has a loader
        module = importlib.util.module_from_spec(specification)
        sys.modules[name] = module
        specification.loader.exec_module(module)
    return module


def _root_and_parts(path: Path) -> tuple[Path, list[str]]:
    """The folder to import from and the dotted name; a file inside a package is imported as part of it."""
    parts = [path.stem]
    folder = path.parent
    while (folder / "__init__.py").is_file() and folder.name.isidentifier():
        parts.insert(0, folder.name)
        folder = folder.parent
    return folder, parts


def _from_package(name: str) -> ModuleType:
    if Path(f"{name}.py").is_file() and not all(part.isidentifier() for part in name.split(".")):
        raise TargetError(f"`{name}` is not a module name; for the file write {name}.py:NAME")
    with _importable(Path.cwd(), name):
        return importlib.import_module(name)


@contextmanager
def _importable(folder: Path, what: str) -> Iterator[None]:
    """`folder` first on `sys.path`; whatever the body raises becomes a `TargetError` and leaves nothing behind."""
    path, modules = list(sys.path), set(sys.modules)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    except BaseException as error:
        sys.path[:] = path
        for name in [n for n in sys.modules if n not in modules and _lies_in(sys.modules[n], folder)]:
            del sys.modules[name]
        if isinstance(error, Exception | SystemExit):
            raise TargetError(f"importing `{what}` raised {_story(error)}{_advice(error, what)}") from error
        raise


def _lies_in(module: ModuleType, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    return bool(file) and folder in Path(str(file)).resolve().parents


def _story(error: BaseException) -> str:
    """Type, message and the failing line; of the user's own code where the traceback passes through it."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg} at {error.filename}:{error.lineno}: `{(error.text or '').strip()}`"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "importlib" not in f.filename and Path(f.filename) != Path(__file__)]
    own = [f for f in frames if "site-packages" not in f.filename and f.line]
    last = (own or frames)[-1:]
    place = "".join(f" at {f.filename}:{f.lineno}: `{f.line}`" for f in last)
    return f"{type(error).__name__}: {error}{place}"


def _advice(error: BaseException, what: str) -> str:
    if isinstance(error, SystemExit):
        return '; keep what the script does under `if __name__ == "__main__":`, so that importing it only defines names'
    if isinstance(error, ModuleNotFoundError) and error.name and (what == error.name or what.startswith(f"{error.name}.")):
        return f"; looked in {Path.cwd()} and among the installed packages; for a file write path/to/file.py:NAME"
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"; install `{error.name}` into this environment, or run steadygrad from the folder that holds it"
    return ""


def _did_you_mean(near: list[str]) -> str:
    return f"; did you mean {', '.join(near)}?" if near else ""
