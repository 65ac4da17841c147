"""Adapter and optimiser as the ranks hold them: each the whole, or each a shard (FSDP 2; tensors are DTensors then)."""

import contextlib
import copy

import torch
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
    """Lets go of the parameters that FSDP has gathered for a forward pass. A backward pass does it itself. Without one
    the outermost parameters stay gathered, and the next pass would take them as they were."""
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


class Held:
    """A model whose adapter one process, data parallel ones, or ones with a shard each train with AdamW."""

    knows = ["proximal", "tracking"]

    def __init__(self, accelerator, model, optimizer, clip):
        self.accelerator, self.clip = accelerator, clip
        self.model, self.optimizer = accelerator.prepare(model, optimizer)
        self.inner = accelerator.unwrap_model(self.model)
        # Under FSDP these are the shards, from here on; the model itself has whole ones during a pass.
        named = [(name, value) for name, value in self.inner.named_parameters() if value.requires_grad]
        self.names, self.parameters = [name for name, _ in named], [value for _, value in named]
        self.before = None

    def shape(self, number):
        return self.parameters[number].shape

    def put(self, tensors):
        """Sets the parameters to these whole tensors."""
        with torch.no_grad():
            for value, full in zip(self.parameters, tensors):
                value.copy_(laid_out(full, value))

    def values(self):
        """The parameters, whole, one after another: all ranks ask."""
        return (whole(value.detach()) for value in self.parameters)

    def passing(self, last):
        """Around a forward and a backward pass: only the last of a step's sums the gradients over the ranks."""
        alone = self.accelerator.num_processes == 1
        return contextlib.nullcontext() if last or alone else self.accelerator.no_sync(self.model)

    def backward(self, loss, last):
        self.accelerator.backward(loss)

    def step(self, rate):
        """A step of the optimiser at this rate, on the clipped gradients; their norm before."""
        norm = self.accelerator.clip_grad_norm_(self.model.parameters(), self.clip or float("inf"))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad()
        return float(whole(norm))

    def keep(self):
        """Remembers the moments, for `undo`. The parameters come anew with every request."""
        self.before = copy.deepcopy(self.optimizer.state_dict())

    def forget(self):
        self.before = None

    def undo(self):
        if self.before is not None:
            self.optimizer.load_state_dict(self.before)
            self.before = None
        self.optimizer.zero_grad()

    def moments(self):
        """For each parameter its steps and moments, whole; nothing before the first step. All ranks ask."""
        for value in self.parameters:
            state = self.optimizer.state.get(value, {})
            yield {key: whole(torch.as_tensor(part).detach()) for key, part in state.items()}

    def set_moments(self, states):
        """Sets what `moments` gives; an empty one stands for the time before the first step."""
        placed = {number: {key: part if key == "step" else laid_out(part, value) for key, part in state.items()}
                  for number, (value, state) in enumerate(zip(self.parameters, states)) if state}
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": placed, "param_groups": groups})
