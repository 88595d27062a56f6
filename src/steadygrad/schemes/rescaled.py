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

    def own(shape: Shape) -> float:
        found = law.rms(shape)
        if not found > 0.0:
            raise InputError(f"a {label} law must have entries that are not 0, got none in shape {tuple(shape)}: its fans are those of another use")
        return found

    def function(shape: Shape, draw: Draw) -> Values:
        return draw(law, shape) * (rms / own(shape))

    def mean_square(shape: Shape) -> float:
        return (rms / own(shape) * law.rms(shape)) ** 2

    return Computed(label, function, mean_square)
