"""The processes that train together, and how they hold the model: each the whole of it, or each a shard."""

import datetime
import os
import sys

import torch
from accelerate import Accelerator, FullyShardedDataParallelPlugin, InitProcessGroupKwargs
from accelerate.utils import DistributedType, broadcast_object_list

from .channel import Cancelled, Stopped
from .launch import FSDP, refusal

GO_ON, CANCELLED, STOPPED = 0, 1, 2


class Ranks:
    """The processes that train together: one, or as many as a launcher has started."""

    def __init__(self):
        if reason := refusal(os.environ):
            raise SystemExit(f"murmuration-trainer: {reason}")
        several = int(os.environ.get("WORLD_SIZE", "1")) > 1
        # `accelerate launch --multi_gpu` and torchrun start ranks on a machine without GPUs, too. Accelerate does not
        # look for DeepSpeed where it is told to keep to the CPU; it is told the way to send instead.
        on_cpu = several and not torch.accelerator.is_available()
        deepspeed = os.environ.get("ACCELERATE_USE_DEEPSPEED", "false").lower() == "true"
        # A rank waits for the next request as long as the swarm mixes, which may be hours.
        patience = InitProcessGroupKwargs(timeout=datetime.timedelta(days=7),
                                          backend="gloo" if on_cpu and deepspeed else None)
        self.accelerator = Accelerator(cpu=on_cpu and not deepspeed, kwargs_handlers=[patience])
        state = self.accelerator.state
        if state.distributed_type == DistributedType.MULTI_CPU and os.environ.get(FSDP, "false").lower() == "true":
            # Accelerate takes to FSDP only where there is an accelerator. PyTorch shards over gloo just the same.
            state.fsdp_plugin = FullyShardedDataParallelPlugin()
            if self.accelerator.mixed_precision != "no":
                state.fsdp_plugin.set_mixed_precision(self.accelerator.mixed_precision)
            state.distributed_type = DistributedType.FSDP
        kind = state.distributed_type
        self.sharded = {DistributedType.FSDP: "FSDP", DistributedType.DEEPSPEED: "DeepSpeed"}.get(kind)
        if kind == DistributedType.DEEPSPEED:
            from . import zero

            if reason := zero.refusal(state.deepspeed_plugin.deepspeed_config):
                raise SystemExit(f"murmuration-trainer: {reason}")
        known = [DistributedType.NO, DistributedType.MULTI_CPU, DistributedType.MULTI_GPU]
        if not self.sharded and kind not in known:
            raise SystemExit(f"murmuration-trainer: {kind} is not supported; data parallel training, FSDP 2 and "
                             "DeepSpeed are")

    is_main = property(lambda self: self.accelerator.is_main_process)
    count = property(lambda self: self.accelerator.num_processes)
    index = property(lambda self: self.accelerator.process_index)

    def share(self, value):
        """The main process's value, on all of them."""
        if self.count == 1:
            return value
        box = [value]
        broadcast_object_list(box, from_process=0)
        return box[0]

    def check(self, channel, identifier):
        """Raises on all processes where the peer has no use any more for the answer."""
        state = GO_ON
        if self.is_main:
            try:
                channel.check(identifier)
            except Cancelled:
                state = CANCELLED
            except Stopped:
                state = STOPPED
        state = self.share(state)
        if state == CANCELLED:
            raise Cancelled()
        if state == STOPPED:
            raise Stopped()

    def end(self, code):
        """Ends this process with `code` where it is one of several; returns where it is alone. The model must still be
        there: if it goes first, it takes its group with it, which waits for the group's threads and holds the lock of
        the interpreter that they wait for."""
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
            sys.stderr.flush()
            os._exit(code)
