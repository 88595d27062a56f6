"""Finds the compiled chain, which is optional: without it, or with STEADYGRAD_KERNELS=0, `definition` computes the same, slower."""

import importlib
import os
from types import ModuleType


def load() -> ModuleType | None:
    """The extension module, or None where it was not built or is switched off."""
    if os.environ.get("STEADYGRAD_KERNELS", "1") == "0":
        return None
    try:
        return importlib.import_module("steadygrad.lab.chain._chain")
    except ImportError:
        return None


native = load()
