"""State that belongs to the process: random number generators, modes and flags."""

import random
import sys
from collections.abc import Callable
from typing import Any

import torch

Restore = Callable[[], None]


def snapshot() -> list[Restore]:
    """Actions that put the process state back as it is now."""
    actions = [_random_states(), _modes(), _autocast(), _backends()]
    return actions


def _random_states() -> Restore:
    python, cpu = random.getstate(), torch.get_rng_state()
    numpy = sys.modules.get("numpy")
    legacy = numpy.random.get_state() if numpy is not None else None
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() and torch.cuda.is_initialized() else None
    mps = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None

    def restore() -> None:
        random.setstate(python)
        torch.set_rng_state(cpu)
        if numpy is not None and legacy is not None:
            numpy.random.set_state(legacy)
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)
        if mps is not None:
            torch.mps.set_rng_state(mps)

    return restore


def _modes() -> Restore:
    grad, dtype = torch.is_grad_enabled(), torch.get_default_dtype()
    anomaly, check_nan = torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()

    def restore() -> None:
        torch.set_grad_enabled(grad)
        torch.set_default_dtype(dtype)
        if (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()) != (anomaly, check_nan):
            torch.autograd.set_detect_anomaly(anomaly, check_nan)

    return restore


def _autocast() -> Restore:
    devices = ("cpu", "cuda")
    enabled = {d: torch.is_autocast_enabled(d) for d in devices}
    dtypes = {d: torch.get_autocast_dtype(d) for d in devices}
    cache = torch.is_autocast_cache_enabled()

    def restore() -> None:
        for device in devices:
            torch.set_autocast_enabled(device, enabled[device])
            torch.set_autocast_dtype(device, dtypes[device])
        torch.set_autocast_cache_enabled(cache)
        if not any(enabled.values()):
            torch.clear_autocast_cache()

    return restore


def _backends() -> Restore:
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    precision = torch.get_float32_matmul_precision()
    cudnn: dict[str, Any] = {k: getattr(torch.backends.cudnn, k) for k in ("enabled", "benchmark", "deterministic")}

    def restore() -> None:
        if torch.are_deterministic_algorithms_enabled() != deterministic:
            torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        if torch.get_float32_matmul_precision() != precision:
            torch.set_float32_matmul_precision(precision)
        for key, value in cudnn.items():
            if getattr(torch.backends.cudnn, key) != value:
                setattr(torch.backends.cudnn, key, value)

    return restore
