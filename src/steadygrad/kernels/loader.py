"""Finds the compiled kernels, which are optional.

`STEADYGRAD_KERNELS=0` in the environment makes everything use the NumPy definitions instead: same bits, slower.
"""

import importlib
import os
from types import ModuleType


def load() -> ModuleType | None:
    """The extension module, or None where it was not built or is switched off."""
    if os.environ.get("STEADYGRAD_KERNELS", "1") == "0":
        return None
    try:
        module = importlib.import_module("steadygrad.kernels._kernels")
    except ImportError:
        return None
    return module if hasattr(module, "introduce") else None  # one that was built from older sources is none


native = load()
