"""Parameters that are spread over processes (FSDP2, tensor parallelism): each process holds a shard, a `DTensor`.

Reading one whole is a collective: every process must ask at the same moment, as they all do when all of them check the
same model.
"""

import sys
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

DTENSOR, FSDP = "torch.distributed.tensor", "torch.distributed.fsdp"


def is_sharded(tensor: torch.Tensor) -> bool:
    """Whether the tensor is a `DTensor`; torch's distributed part is not imported to find out."""
    module: Any = sys.modules.get(DTENSOR)
    return module is not None and isinstance(tensor, module.DTensor)


def any_sharded(tensors: Iterable[torch.Tensor]) -> bool:
    """Whether one of them is."""
    return DTENSOR in sys.modules and any(map(is_sharded, tensors))


def whole(tensor: Any) -> torch.Tensor:
    """The full tensor, gathered from all processes where it is sharded; the tensor itself elsewhere."""
    return tensor.full_tensor() if is_sharded(tensor) else tensor


def shard(tensor: Any) -> torch.Tensor:
    """What this process holds, sharing storage and version counter; for an ordinary tensor all of it."""
    return tensor.detach()._local_tensor if is_sharded(tensor) else tensor.detach()


def like(tensor: Any, local: torch.Tensor) -> torch.Tensor:
    """`local` laid out as `tensor` is."""
    if not is_sharded(tensor):
        return local
    module: Any = sys.modules[DTENSOR]
    return module.DTensor.from_local(local, tensor.device_mesh, tensor.placements, run_check=False, shape=tensor.shape, stride=tensor.stride())


def reshard(modules: Iterable[nn.Module]) -> None:
    """Let FSDP2 modules put the shards back in the place of gathered parameters, as after a backward pass."""
    fsdp: Any = sys.modules.get(FSDP)
    for module in modules if fsdp is not None else ():
        if isinstance(module, fsdp.FSDPModule):
            module.reshard()
