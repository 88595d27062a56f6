"""Checkpointed blocks of the reentrant kind, opened for the time of a trace.

A reentrant checkpoint runs its block without a graph and computes it again inside backward, so gradients of what is
inside never pass where they could be read, and `torch.autograd.grad` refuses it altogether. The other kind computes the
same numbers with the same saving of memory and hides nothing.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any


class _Seen:
    """Stands in for `torch.utils.checkpoint.CheckpointFunction`."""

    def __init__(self, checkpoint: Callable[..., Any]) -> None:
        self._checkpoint = checkpoint

    def apply(self, function: Callable[..., Any], preserve_rng_state: bool, *args: Any) -> Any:
        """The same block, checkpointed without reentering."""
        return self._checkpoint(function, *args, use_reentrant=False, preserve_rng_state=preserve_rng_state)


@contextlib.contextmanager
def opened() -> Iterator[None]:
    """Reentrant checkpoints run as non-reentrant ones; costs nothing where torch.utils.checkpoint was never imported."""
    module: Any = sys.modules.get("torch.utils.checkpoint")
    if module is None:
        yield
        return
    original = module.CheckpointFunction
    module.CheckpointFunction = _Seen(module.checkpoint)
    try:
        yield
    finally:
        module.CheckpointFunction = original
