"""What a user may ask for: "auto", a recipe, a scheme for all weights, a scheme for those a pattern names."""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from steadygrad.errors import InputError
from steadygrad.randomness.law import Law
from steadygrad.schemes.by_parameter import Load, Mixed
from steadygrad.schemes.names import by_name
from steadygrad.schemes.scheme import Scheme

Choice = str | Scheme | Law | Mixed | Load

SHAPED = (
    "changes activations, which a plan does not: theory.shaping.{0}(activation, chain(depth)) has the scalars of φ̂(x) = γ·(φ(α·x + β) + δ); "
    "write φ̂ into the model, then draw its weights at gain 1: draw_(weight, schemes.scaled_orthogonal(delta=True), name=…), biases 0"
)
ELSEWHERE = {"dks": SHAPED.format("dks"), "tat": SHAPED.format("tat")}
"""Published rules that are more than numbers for weights, and the calls that have them."""


def resolve(choice: Choice, recipes: Iterable[str]) -> Choice:
    """A recipe's name as it is, a scheme's name as the scheme, schemes and laws as they are.

    Raises:
        InputError: neither; close names are given.
    """
    if isinstance(choice, Scheme | Law | Mixed | Load):
        return choice
    if not isinstance(choice, str):
        raise InputError(f"`scheme` must be 'auto', a recipe, a scheme or its name, got {choice!r}; for example scheme='auto'")
    if choice == "auto" or choice in recipes:
        return choice
    if choice.lower() in ELSEWHERE:
        raise InputError(f"`scheme` {choice!r} {ELSEWHERE[choice.lower()]}")
    try:
        return by_name(choice)
    except (InputError, LookupError) as error:
        close = difflib.get_close_matches(choice, ["auto", *recipes], 2, 0.75)
        hint = f"; of recipes, {' or '.join(map(repr, close))}" if close else ""
        raise InputError(f"`scheme` must be 'auto', a recipe ({', '.join(recipes)}) or a scheme, got {choice!r}: {error}{hint}") from None


def schemes(overrides: Any) -> dict[str, Choice]:
    """Pattern → scheme, names resolved.

    Raises:
        InputError: no mapping, or a value that chooses no scheme.
    """
    if not isinstance(overrides, Mapping):
        raise InputError(f"`overrides` must map regular expressions to schemes, got {overrides!r}; for example overrides={{'head.weight': 'zeros'}}")
    return {pattern: _scheme(pattern, choice) for pattern, choice in overrides.items()}


def _scheme(pattern: str, choice: Any) -> Choice:
    if isinstance(choice, Scheme | Law | Mixed | Load):
        return choice
    try:
        return by_name(choice) if isinstance(choice, str) else _refuse(choice)
    except (InputError, LookupError) as error:
        raise InputError(f"`overrides` of {pattern!r} must be a scheme or its name, such as 'he_normal', got {choice!r}: {error}") from None


def _refuse(choice: Any) -> Choice:
    raise InputError(f"{type(choice).__name__} names no scheme")


def patterns(keep: Any) -> tuple[str, ...]:
    """Regular expressions; one string is one of them.

    Raises:
        InputError: something else.
    """
    if isinstance(keep, str):
        return (keep,)
    if not isinstance(keep, Iterable):
        raise InputError(f"`keep` must hold regular expressions, got {keep!r}; for example keep=['^encoder']")
    return tuple(keep)


def matching(patterns: Iterable[str], names: Iterable[str], argument: str) -> dict[str, str]:
    """Name → the first pattern that is found in it.

    Raises:
        InputError: a pattern that is no regular expression, or that no name matches.
    """
    names = list(names)
    found: dict[str, str] = {}
    for pattern in patterns:
        try:
            hits = [name for name in names if re.search(pattern, name)]
        except (re.error, TypeError) as error:
            raise InputError(f"`{argument}` must hold regular expressions, got {pattern!r}: {error}") from None
        if not hits:
            close = difflib.get_close_matches(pattern, names, 3, 0.4) or names[:3]
            raise InputError(f"`{argument}` pattern {pattern!r} must match a parameter, got none of {len(names)}; there are {', '.join(close)}")
        for name in hits:
            found.setdefault(name, pattern)
    return found
