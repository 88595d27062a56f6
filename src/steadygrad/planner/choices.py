"""What a user may ask for: "auto", a recipe, a scheme for all weights, a scheme for those a pattern names."""

import difflib
import re
from collections.abc import Iterable, Mapping

from steadygrad.errors import InputError
from steadygrad.randomness.law import Law
from steadygrad.schemes.by_parameter import Load, Mixed
from steadygrad.schemes.names import by_name
from steadygrad.schemes.scheme import Scheme

Choice = str | Scheme | Law | Mixed | Load


def resolve(choice: Choice, recipes: Mapping[str, object]) -> Choice:
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
    try:
        return by_name(choice)
    except (InputError, LookupError) as error:
        close = difflib.get_close_matches(choice, ["auto", *recipes], 2)
        hint = f"; did you mean {' or '.join(map(repr, close))}" if close else f"; recipes are auto, {', '.join(recipes)}"
        raise InputError(f"`scheme` must be 'auto', a recipe or a scheme, got {choice!r}: {error}{hint}") from None


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
