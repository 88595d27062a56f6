"""`Scheme`: the one extension point of initialization."""

from typing import ClassVar

from steadygrad.randomness.law import Fans, Law


class Scheme:
    """How wide to draw a weight, given how it is used.

    Class attributes:
        name: how people call it.
    """

    name: ClassVar[str]

    def law(self, fans: Fans, gain: float = 1.0) -> Law:
        """The law of one entry; `gain` multiplies the standard deviation."""
        raise NotImplementedError
