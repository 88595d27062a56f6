"""A law at the width a use asks for: what `scaled_orthogonal` and `sparse` are made with."""

from math import isfinite

from steadygrad.errors import InputError
from steadygrad.randomness.composed import Computed, Draw, Values
from steadygrad.randomness.law import Law, Shape


def rescaled(label: str, law: Law, rms: float) -> Computed:
    """`law` times whatever makes √E[w²] = rms in the tensor it is drawn into, whatever its shape and groups.

    Raises:
        InputError: rms not finite.

    Example:
        >>> from steadygrad.randomness import orthogonal
        >>> rescaled("wide", orthogonal(), 0.5).rms((8, 4))
        0.5
    """
    if not isfinite(rms):
        raise InputError(f"a {label} law must have a finite width, got √E[w²] = {rms!r}; the gain it came from is not finite")

    def function(shape: Shape, draw: Draw) -> Values:
        return draw(law, shape) * (rms / law.rms(shape))

    return Computed(label, function, lambda shape: rms * rms)
