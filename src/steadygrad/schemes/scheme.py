"""`Scheme`: the one extension point of initialization."""

import inspect
from typing import Any, ClassVar

from steadygrad.errors import InputError
from steadygrad.randomness.law import Fans, Law, Shape


class Scheme:
    """How to draw a weight, given how it is used. A subclass writes `law` and the first five class attributes.

    Arguments of the constructor are kept under their own names: `repr`, comparison and JSON read them there.

    Class attributes:
        name: how people call it.
        formula: the variance of one entry, or the entries, in the symbols fan_in, fan_out, gain and the arguments.
        source: paper and equation.
        assumes: what must hold for it to keep what it promises.
        fails: when it does not.
        keeps: the promise: "signal" (fan_in·rms² = gain²), "gradient" (fan_out·rms² = gain²), "mean"
            ((fan_in + fan_out)/2·rms² = gain²), or "" where it makes none of these.
        scales: whether the gain multiplies its entries; False where they are absolute numbers.
        role: what it is drawn into: "weight", "bias", "scale" (a multiplier) or "state" (of a recurrence).
        needs: which shapes it can be drawn into, in words; "" for any.
        shape: one of them.
        fixed: its law where that is the same whatever fans and gain are, so that nobody needs to count them; None elsewhere.
        complex: whether its fans count complex numbers; a complex weight is two real ones to all others, with twice the fans.
    """

    name: ClassVar[str]
    formula: ClassVar[str]
    source: ClassVar[str]
    assumes: ClassVar[str]
    fails: ClassVar[str]
    keeps: str = ""
    scales: ClassVar[bool] = True
    role: ClassVar[str] = "weight"
    fixed: ClassVar[Law | None] = None
    needs: ClassVar[str] = ""
    shape: ClassVar[Shape] = (48, 32)
    complex: ClassVar[bool] = False

    def law(self, fans: Fans, gain: float = 1.0) -> Law:
        """The law of one tensor.

        Args:
            fans: how the weight is used.
            gain: multiplies the standard deviation; √2 after ReLU, 1 after nothing (`theory.starting_point`).

        Raises:
            InputError: a fan is not positive, or the gain not finite.
        """
        raise NotImplementedError

    @classmethod
    def specimens(cls) -> "tuple[Scheme, ...]":
        """Instances that the contract tests try; one per behaviour."""
        return (cls(),)

    def arguments(self) -> dict[str, Any]:
        """What its constructor was given, defaults included."""
        return {argument: getattr(self, argument) for argument in inspect.signature(type(self)).parameters}

    def __repr__(self) -> str:
        """The call that makes it, without defaults."""
        parameters = inspect.signature(type(self)).parameters
        given = (f"{argument}={value!r}" for argument, value in self.arguments().items() if value != parameters[argument].default)
        return f"{self.name}({', '.join(given)})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and isinstance(other, Scheme) and self.arguments() == other.arguments()

    def __hash__(self) -> int:
        return hash(repr(self))


def positive(fan: float, fans: Fans, scheme: str) -> float:
    """`fan`, which a law divides by.

    Raises:
        InputError: it is not positive: a weight with an empty axis has nothing to draw.
    """
    if not fan > 0.0:
        raise InputError(f"`{scheme}` must be given positive fans, got {fans}; leave weights with an empty axis out")
    return fan


def one_of(value: str, choices: tuple[str, ...], argument: str, scheme: str) -> str:
    """`value`, one of the choices.

    Raises:
        InputError: it is another.
    """
    if value not in choices:
        raise InputError(f"`{argument}` of {scheme} must be {' or '.join(map(repr, choices))}, got {value!r}")
    return value


def at_least(value: float, least: float, argument: str, scheme: str) -> float:
    """`value`, a finite number not below `least`.

    Raises:
        InputError: it is below, infinite or NaN.
    """
    if not least <= value < float("inf"):
        raise InputError(f"`{argument}` of {scheme} must be a finite number of at least {least:g}, got {value!r}")
    return value


def above_zero(value: float, argument: str, scheme: str) -> float:
    """`value`, a finite number above 0.

    Raises:
        InputError: it is 0, negative, infinite or NaN.
    """
    if not 0.0 < value < float("inf"):
        raise InputError(f"`{argument}` of {scheme} must be positive and finite, got {value!r}")
    return value
