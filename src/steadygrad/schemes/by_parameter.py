"""A scheme for each parameter, chosen by its name: rules of regular expressions, and numbers loaded under their names."""

import re
from collections.abc import Iterable, Mapping
from typing import Union

import numpy as np
from numpy.typing import ArrayLike

from steadygrad.errors import InputError, TargetError
from steadygrad.randomness.law import Shape
from steadygrad.schemes.elementary import given
from steadygrad.schemes.scheme import Scheme

Choice = Union[Scheme, "Mixed", "Load"]


class Mixed:
    """The scheme of the first rule whose pattern matches a parameter's name from its start (`re.match`).

    Args:
        rules: pairs of a regular expression and a scheme (or another `Mixed` or `Load`); end them with ".*" to cover all.

    Raises:
        InputError: a pattern that is no regular expression, or a value that chooses nothing.

    Source: mxnet.initializer.Mixed.

    Example:
        >>> from steadygrad.schemes import he_normal, zeros
        >>> Mixed([(".*bias", zeros()), (".*", he_normal())]).scheme("fc.bias")
        zeros()
    """

    def __init__(self, rules: Iterable[tuple[str, Choice]]) -> None:
        self.rules = tuple((pattern, choice) for pattern, choice in rules)
        for pattern, choice in self.rules:
            try:
                re.compile(pattern)
            except (re.error, TypeError) as error:
                raise InputError(f"a pattern of Mixed must be a regular expression, got {pattern!r}: {error}") from None
            if not isinstance(choice, Scheme | Mixed | Load):
                raise InputError(f"`{pattern}` of Mixed must choose a scheme, got {choice!r}")

    def scheme(self, name: str, shape: Shape | None = None) -> Scheme:
        """The scheme of the parameter called `name`.

        Raises:
            TargetError: no pattern matches.
        """
        for pattern, choice in self.rules:
            if re.match(pattern, name):
                return choice if isinstance(choice, Scheme) else choice.scheme(name, shape)
        patterns = ", ".join(repr(pattern) for pattern, _ in self.rules)
        raise TargetError(f"no pattern of Mixed matches `{name}`, got {patterns or 'none'}; end them with ('.*', scheme)")

    def unused(self, names: Iterable[str]) -> tuple[str, ...]:
        """The patterns that no name comes to: misspelt ones, and ones that stand behind a wider one.

        Example:
            >>> from steadygrad.schemes import ones, zeros
            >>> Mixed([(".*", zeros()), ("norm.*", ones())]).unused(["norm.weight"])
            ('norm.*',)
        """
        used = {next((i for i, (pattern, _) in enumerate(self.rules) if re.match(pattern, name)), -1) for name in names}
        return tuple(pattern for i, (pattern, _) in enumerate(self.rules) if i not in used)

    def __repr__(self) -> str:
        return f"Mixed({list(self.rules)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mixed) and self.rules == other.rules

    def __hash__(self) -> int:
        return hash(repr(self))


class Load:
    """The numbers stored under a parameter's name, and a default scheme for the others.

    Args:
        values: from names to arrays, as `numpy.load` of an .npz file gives; mxnet's prefixes "arg:" and "aux:" are dropped.
        default: a scheme (or `Mixed` or `Load`) for names that are not there; without it they are an error.

    Raises:
        InputError: values that are empty or not finite.

    Source: mxnet.initializer.Load.

    Example:
        >>> Load({"arg:fc.bias": [1.0, 2.0]}).scheme("fc.bias", (2,))
        given(values=[1.0, 2.0])
    """

    def __init__(self, values: Mapping[str, ArrayLike], default: Choice | None = None) -> None:
        bare = {name[4:] if name.startswith(("arg:", "aux:")) else name: numbers for name, numbers in values.items()}
        self.values = {name: given(numbers).values for name, numbers in bare.items()}
        self.default = default

    def scheme(self, name: str, shape: Shape | None = None) -> Scheme:
        """The numbers as a scheme, or the default's.

        Args:
            name: of the parameter.
            shape: of the parameter; the numbers must have it exactly, where it is given.

        Raises:
            InputError: another shape.
            TargetError: a name without numbers, and no default.
        """
        if name in self.values:
            stored = np.shape(self.values[name])
            if shape is not None and stored != tuple(shape):
                raise InputError(f"`{name}` must be loaded from numbers of its shape {tuple(shape)}, got shape {stored}")
            return given(self.values[name])
        if self.default is None:
            raise TargetError(f"`{name}` is not among the loaded values and there is no default, got {', '.join(sorted(self.values)) or 'none'}")
        return self.default if isinstance(self.default, Scheme) else self.default.scheme(name, shape)

    def __repr__(self) -> str:
        return f"Load({self.values!r}, {self.default!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Load) and (self.values, self.default) == (other.values, other.default)

    def __hash__(self) -> int:
        return hash(repr(self))
