"""Schemes by name: ours, what else people call them, and the names of four libraries with their meanings."""

import difflib
import inspect
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import Any

from steadygrad.errors import InputError, TargetError
from steadygrad.schemes.scheme import Scheme

LIBRARIES = ("torch", "keras", "jax", "mxnet")
ALSO = {
    "xavier_normal": "glorot_normal", "xavier_uniform": "glorot_uniform", "kaiming_normal": "he_normal", "kaiming_uniform": "he_uniform",
    "msra": "he_normal", "eye": "identity", "irnn": "identity", "zero": "zeros", "one": "ones", "zero_init": "zeros", "saxe": "orthogonal",
    "suo": "scaled_orthogonal", "scaled_uniform_orthogonal": "scaled_orthogonal", "partial_identity": "identity", "trunc_normal": "truncated_normal",
    "martens": "sparse", "skip_init": "rezero", "skipinit": "rezero", "layerscale": "layer_scale", "hadamard": "zer_o", "zero_hadamard": "zer_o",
    "smallinit": "small_init", "dsinit": "ds_init", "gpt2": "gpt2_residual", "mup": "mup_output", "hippo": "hippo_legs", "mamba_a_log": "s4d_real_log",
    "mamba_dt_bias": "time_step_bias", "focal_bias": "prior_bias", "pixel_shuffle": "icnr", "ugi": "uniform_gate", "loc_bias": "stn_identity",
    "lstm_bias": "forget_bias", "rayleigh": "complex_glorot", "mirrored": "looks_linear",
}  # fmt: skip


def by_name(name: str, /, *args: Any, **arguments: Any) -> Scheme:
    """The scheme called `name`, made with these arguments.

    Args:
        name: of the catalogue ("he_normal"), another common one ("kaiming_normal"), or a library's with its prefix
            ("torch.kaiming_normal_", "keras.HeNormal", "jax.he_normal", "mxnet.xavier"): then with that library's defaults and
            meaning, and its arguments. The prefix may be left out where only one library knows the name.

    Raises:
        TargetError: nothing is called so (the nearest names are shown), or several libraries mean different things by it.
        InputError: arguments it does not take.

    Example:
        >>> by_name("xavier_uniform"), by_name("keras.glorot_normal")
        (glorot_uniform(), variance_scaling(mode='fan_avg'))
        >>> by_name("xavier", magnitude=2.0)  # only mxnet has it
        variance_scaling(scale=0.6666666666666666, mode='fan_avg', distribution='uniform')
    """
    factory = find(name)
    try:
        inspect.signature(factory).bind(*args, **arguments)
    except TypeError as error:
        takes = ", ".join(str(parameter) for parameter in inspect.signature(factory).parameters.values())
        raise InputError(f"`{name}` takes ({takes}), got {args or ''}{arguments}: {error}") from None
    return factory(*args, **arguments)


def names() -> tuple[str, ...]:
    """Every name `by_name` knows, the libraries' with their prefixes."""
    return (*catalogue(), *ALSO, *(f"{library}.{name}" for library in LIBRARIES for name in initializers(library)))


def find(name: str) -> Callable[..., Scheme]:
    """What makes the scheme called `name`; errors as `by_name`."""
    bare = str(name).removesuffix("_")
    if bare in catalogue():
        return catalogue()[bare]
    if bare in ALSO:
        return catalogue()[ALSO[bare]]
    library, _, rest = str(name).partition(".")
    if rest and library in LIBRARIES:
        table = initializers(library)
        for spelling in (rest, rest.removesuffix("_"), rest.lower()):
            if spelling in table:
                return table[spelling]
        raise TargetError(f"{library} has no initializer called `{rest}`{_nearest(rest, tuple(table))}")
    holders = [library for library in LIBRARIES if bare in initializers(library) or bare.lower() in initializers(library)]
    if len(holders) > 1:
        raise TargetError(f"`{name}` means different things in {' and '.join(holders)}; write {' or '.join(f'{holder}.{bare}' for holder in holders)}")
    if holders:
        return find(f"{holders[0]}.{bare}")
    if bare in installed():
        return catalogue()[bare]
    raise TargetError(f"no scheme is called `{name}`{_nearest(str(name), names())}")


def catalogue() -> dict[str, type[Scheme]]:
    """Our own schemes by name."""
    from steadygrad.schemes import SCHEMES  # made of the files that this one stands beside

    return {item.name: item for item in SCHEMES}


@lru_cache(maxsize=1)
def installed() -> frozenset[str]:
    """The names in the catalogue once it also has what other packages announce under `steadygrad.schemes`."""
    from steadygrad.schemes import SCHEMES

    SCHEMES.add_installed()
    return frozenset(catalogue())


def initializers(library: str) -> dict[str, Callable[..., Scheme]]:
    """A library's names and what makes them."""
    table: dict[str, Callable[..., Scheme]] = import_module(f"steadygrad.schemes.aliases.{library}").INITIALIZERS
    return table


def _nearest(name: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    return f"; did you mean {', '.join(near)}?" if near else f"; there are {', '.join(sorted(known))}"
