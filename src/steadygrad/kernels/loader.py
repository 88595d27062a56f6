"""Finds the compiled kernels, which are optional.

`STEADYGRAD_KERNELS=0` in the environment makes everything use the NumPy definitions instead: same bits, slower.
"""

import os
from types import ModuleType


def load() -> ModuleType | None:
    """The extension module, or None where it was not built or is switched off."""
    if os.environ.get("STEADYGRAD_KERNELS", "1") == "0":
        return None
    try:
        from steadygrad.kernels import _kernels
    except ImportError:
        return None
    return _kernels


native = load()
