"""`Scheme`: the one extension point of initialization."""

from typing import ClassVar

from steadygrad.errors import InputError
from steadygrad.randomness.law import Fans, Law


class Scheme:
    """How wide to draw a weight, given how it is used. A subclass writes `law` and the five class attributes.

    Class attributes:
        name: how people call it.
        formula: the variance of one entry, in the symbols fan_in, fan_out, gain.
        source: paper and equation.
        assumes: what must hold for it to keep what it promises.
        fails: when it does not.
    """

    name: ClassVar[str]
    formula: ClassVar[str]
    source: ClassVar[str]
    assumes: ClassVar[str]
    fails: ClassVar[str]

    def law(self, fans: Fans, gain: float = 1.0) -> Law:
        """The law of one entry.

        Args:
            fans: how the weight is used.
            gain: multiplies the standard deviation; √2 after ReLU, 1 after nothing (`theory.starting_point`).

        Raises:
            InputError: a fan is not positive, or the gain not finite.
        """
        raise NotImplementedError

    def __repr__(self) -> str:
        """The call that makes it."""
        return f"{self.name}()"


def positive(fan: float, fans: Fans, scheme: str) -> float:
    """`fan`, which a law divides by.

    Raises:
        InputError: it is not positive: a weight with an empty axis has nothing to draw.
    """
    if not fan > 0.0:
        raise InputError(f"`{scheme}` must be given positive fans, got {fans}; leave weights with an empty axis out")
    return fan
