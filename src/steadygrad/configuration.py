"""Settings from `[tool.steadygrad]` of the nearest pyproject.toml; same names as the flags of `steadygrad check`."""

import difflib
import sys
from pathlib import Path
from typing import Any

from steadygrad.errors import InputError, TargetError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAMES: dict[str, type] = {"select": list, "ignore": list, "thresholds": dict, "full": bool, "loss": str, "input": list}


def settings(folder: Path) -> dict[str, Any]:
    """What the nearest pyproject.toml at or above `folder` sets, {} without one.

    Raises:
        TargetError: a setting has an unknown name; the message offers near ones.
        InputError: a setting has the wrong type, or the file is not TOML.
    """
    file = next((p for d in (folder, *folder.parents) if (p := d / "pyproject.toml").is_file()), None)
    if file is None:
        return {}
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"`{file}` is not valid TOML: {error}") from error
    found: dict[str, Any] = table.get("tool", {}).get("steadygrad", {})
    for name, value in found.items():
        if name not in NAMES:
            near = difflib.get_close_matches(name, NAMES, n=1) or sorted(NAMES)
            raise TargetError(f"`[tool.steadygrad]` of {file} knows no `{name}`; did you mean {', '.join(near)}?")
        if not isinstance(value, NAMES[name]):
            raise InputError(f"`{name}` in `[tool.steadygrad]` of {file} must be a {NAMES[name].__name__}, got {value!r}")
    return found
