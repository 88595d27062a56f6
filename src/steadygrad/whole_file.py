"""Files that are there whole or not at all, and the question whether one can be written, before hours of work."""

import os
import tempfile
from pathlib import Path

from steadygrad.errors import InputError


def write_whole(path: Path, text: str) -> None:
    """Write all of `text` under `path`, or nothing: beside it, then renamed. Pipes and devices (/dev/stdout) are written to as they are.

    Raises:
        InputError: the folder does not exist or cannot be written; what was under `path` is as before.
    """
    check_writable(path)
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
        return
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise _refused(path, error.strerror) from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def check_writable(path: Path) -> None:
    """Refuse a path that no file can be written to; asks, and writes nothing.

    Raises:
        InputError: it is a folder, or its folder does not exist or cannot be written.
    """
    if path.is_dir():
        raise _refused(path, "it is a folder")
    if not path.parent.is_dir():
        raise _refused(path, "No such file or directory")
    if not os.access(path.parent if path.is_file() or not path.exists() else path, os.W_OK):
        raise _refused(path, "Permission denied")


def _refused(path: Path, why: str | None) -> InputError:
    return InputError(f"`{path}` cannot be written ({why}); give a file in an existing folder, for example -o {path.name or 'report.html'}")
