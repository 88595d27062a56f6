"""What the statistics records have in common: a JSON-able `to_dict`."""

import math
from dataclasses import fields
from typing import Any, ClassVar, TypeVar

import numpy as np

R = TypeVar("R", bound="Record")


def plain(value: Any) -> Any:
    """`value` as JSON can hold it: arrays and tuples become lists, numbers that are not finite become None."""
    if isinstance(value, np.ndarray):
        return [plain(entry) for entry in value.tolist()]
    if isinstance(value, (tuple, list)):
        return [plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


class Record:
    """Base of the frozen dataclasses: fields, and the properties named in `derived`, as one flat dictionary."""

    derived: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def of(cls: type[R], values: tuple[Any, ...]) -> R:
        """The record with `values` as its fields in order, without one `setattr` each: for the hot path."""
        record = object.__new__(cls)
        record.__dict__.update(zip(cls.__match_args__, values, strict=True))  # type: ignore[attr-defined]
        return record

    def to_dict(self) -> dict[str, Any]:
        """Every field and derived number under its own name; not-a-number and infinity become None."""
        names = [field.name for field in fields(self) if field.repr]  # type: ignore[arg-type]
        return {name: plain(getattr(self, name)) for name in (*names, *self.derived)}


def share(part: int, whole: int) -> float:
    """part / whole, 0 when there is nothing to share."""
    return part / whole if whole else 0.0
