"""Tensors of which each rank holds a shard (FSDP 2, where they are DTensors), beside those that each holds whole."""

from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor, distribute_tensor


def whole(value):
    """The whole of a tensor. Where it is sharded the ranks gather it: all of them ask, in the same order."""
    return value.full_tensor() if isinstance(value, DTensor) else value


def laid_out(full, like):
    """A whole tensor laid out as `like` is: this rank's shard of it, in the same place and type. All ranks have read
    `full` themselves, so that nothing is sent."""
    if isinstance(like, DTensor):
        full = distribute_tensor(full, like.device_mesh, like.placements, src_data_rank=None)
    return full.to(like.device, like.dtype)


def let_go(model):
    """Lets go of the parameters that FSDP has gathered for a forward pass. A backward pass does it itself. Without one the
    outermost parameters stay gathered, and the next pass would take them as they were."""
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()
