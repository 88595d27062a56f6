"""`steadygrad phase ACTIVATION`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from steadygrad.errors import InputError

if TYPE_CHECKING:
    from steadygrad.theory.activation import Activation


def phase(
    activation: str = typer.Argument(..., help="A name in torch.nn.functional, with parameters after commas (leaky_relu,negative_slope=0.2), or file.py:NAME of a function."),
    html: Path | None = typer.Option(None, "--html", help="Write the phase diagram to this file, one self-contained page."),
    weight_std: float | None = typer.Option(None, "--weight-std", help="Your σ_w: √fan_in times the standard deviation of the weights (he: √2). With --fan-in, the plain standard deviation."),
    bias_std: float = typer.Option(0.0, "--bias-std", help="Your σ_b: standard deviation of the biases."),
    fan_in: int | None = typer.Option(None, "--fan-in", help="Inputs of your layer; turns --weight-std into the plain standard deviation. PyTorch's default is shown for 256 without it."),
    traceback: bool = typer.Option(False, help="Show the Python traceback of errors."),
) -> None:
    """Show where an activation's networks are critical, and how deep an initialization trains."""
    from steadygrad.report.phase_terminal import print_phase
    from steadygrad.report.phase_view import phase_view

    for name, value in (("--weight-std", weight_std), ("--bias-std", bias_std)):
        if value is not None and not 0.0 <= value < float("inf"):
            raise InputError(f"`{name}` must be finite and at least 0, got {value!r}")
    if fan_in is not None and fan_in < 1:
        raise InputError(f"`--fan-in` must be at least 1, got {fan_in!r}")
    if weight_std is None and bias_std:
        raise InputError(f"`--bias-std` {bias_std!r} must come with --weight-std, got none; for example --weight-std 1.4 --bias-std {bias_std:g}")
    phi = _activation(activation)
    variance = None if weight_std is None else weight_std**2 * (fan_in or 1)
    view = phase_view(phi, variance, bias_std**2, fan_in=fan_in or 256)
    print_phase(view)
    if html is not None:
        from steadygrad.report.phase_page import render_phase
        from steadygrad.whole_file import write_whole

        write_whole(html, render_phase(phi, view))
        print(f"written to {html}")


def _activation(text: str) -> "Activation":
    """NAME,key=value or file.py:NAME."""
    from steadygrad.theory import activations

    if ":" in text:
        from steadygrad.targets.importing import load

        return activations.from_callable(_numpy(load(text)), name=text.rpartition(":")[2])
    name, *settings = text.split(",")
    return activations.get(name, **dict(_setting(setting, text) for setting in settings))


def _setting(setting: str, text: str) -> tuple[str, float | str]:
    key, equals, value = setting.partition("=")
    if not (equals and key.isidentifier()):
        raise InputError(f"parameters of an activation must look like NAME,key=value, got {text!r}; for example leaky_relu,negative_slope=0.2")
    try:
        return key, float(value)
    except ValueError:
        return key, value


def _numpy(found: Any) -> Any:
    """A function or module of torch, as a function of arrays; anything else as it is."""
    import numpy as np
    import torch

    module = found() if isinstance(found, type) and issubclass(found, torch.nn.Module) else found
    if not callable(module):
        return module

    def of_tensors(x: Any) -> Any:
        with torch.no_grad():
            return module(torch.from_numpy(np.asarray(x, dtype=np.float64))).numpy()

    if isinstance(module, torch.nn.Module):
        module.double()
        return of_tensors
    try:
        with np.errstate(all="ignore"):
            module(np.zeros(3))
    except TypeError:  # functions of torch refuse arrays
        return of_tensors
    return module
