"""Schemes as JSON: ["he_normal", {"mode": "fan_out"}], nested where a scheme holds schemes. The form mxnet's initializers have."""

import json
from typing import Any

from steadygrad.errors import InputError, SteadygradError
from steadygrad.schemes.by_parameter import Load, Mixed
from steadygrad.schemes.names import by_name
from steadygrad.schemes.scheme import Scheme

Choice = Scheme | Mixed | Load
WANTED = 'a scheme in JSON must read like ["he_normal", {"mode": "fan_out"}]'


def to_json(choice: Choice) -> str:
    """The JSON of a scheme, of `Mixed` or of `Load`.

    Raises:
        InputError: something else.

    Example:
        >>> from steadygrad.schemes import he_normal
        >>> to_json(he_normal("fan_out"))
        '["he_normal", {"mode": "fan_out"}]'
    """
    if not isinstance(choice, Choice):
        raise InputError(f"only schemes, Mixed and Load can be written as JSON, got {choice!r}")
    return json.dumps(_encoded(choice))


def from_json(text: str) -> Any:
    """What `to_json` wrote: a scheme, `Mixed` or `Load`. Names of other libraries are understood as in `by_name`.

    Raises:
        InputError: not JSON, or not [name, {arguments}].
        TargetError: a name that names nothing.

    Example:
        >>> from_json('["keras.he_normal", {}]')
        variance_scaling(scale=2.0)
    """
    try:
        choice = _decoded(json.loads(text))
    except SteadygradError:
        raise
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(f"{WANTED}, got {text!r}: {error}") from None
    if not isinstance(choice, Choice):
        raise InputError(f"{WANTED}, got {text!r}")
    return choice


def _encoded(value: Any) -> Any:
    if isinstance(value, Scheme):
        return [value.name, {argument: _encoded(item) for argument, item in value.arguments().items() if item is not None}]
    if isinstance(value, Mixed):
        return ["mixed", {"rules": [[pattern, _encoded(choice)] for pattern, choice in value.rules]}]
    if isinstance(value, Load):
        return ["load", {"values": value.values, "default": _encoded(value.default)}]
    return value


def _decoded(value: Any) -> Any:
    if not (isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], dict)):
        return value
    name, arguments = value
    if name == "mixed":
        rules = arguments.get("rules", [])
        return Mixed([(pattern, _decoded(choice)) for pattern, choice in rules])
    if name == "load":
        return Load(arguments.get("values", {}), _decoded(arguments.get("default")))
    return by_name(name, **{argument: _decoded(item) for argument, item in arguments.items()})
