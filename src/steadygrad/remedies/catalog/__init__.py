"""One file per remedy, one line here each."""

from typing import Any

REMEDIES: tuple[Any, ...] = ()
