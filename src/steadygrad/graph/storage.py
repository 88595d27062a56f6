"""The plain tensor in which a parameter or an input of any layout keeps its numbers."""

from typing import Any

import torch

from steadygrad.graph.sharded import is_sharded, shard

PLAIN = frozenset({torch.Tensor, torch.nn.Parameter})
"""Types whose numbers are what they are: subclasses may hold them elsewhere, or show others."""
COMPRESSED = (torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr, torch.sparse_bsc)


def numbers(tensor: Any) -> torch.Tensor:
    """A detached alias that shares storage and version counter: the shard of a `DTensor`, the values of a sparse or jagged tensor."""
    if is_sharded(tensor):
        return shard(tensor)
    if tensor.layout is torch.sparse_coo:
        return tensor.detach()._values()
    if tensor.layout in COMPRESSED or tensor.layout is torch.jagged:
        return tensor.detach().values()
    return tensor.detach()


def replaceable(tensor: torch.Tensor) -> bool:
    """Whether `.data` of the tensor can be set to other numbers: sparse and jagged tensors are only written in place."""
    return tensor.layout is torch.strided and not tensor.is_nested


def address(tensor: torch.Tensor) -> int:
    """Where its storage begins; 0 for tensors without one."""
    try:
        return numbers(tensor).untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError, AttributeError):
        return 0
