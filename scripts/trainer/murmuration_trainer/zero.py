"""Adapter and optimiser under DeepSpeed's ZeRO (stages 1 to 3), whose engine owns the gradients and the step."""

import contextlib
import copy

import torch
from deepspeed import zero
from deepspeed.utils import (safe_get_full_fp32_param, safe_get_full_optimizer_state, safe_set_full_fp32_param,
                             safe_set_full_optimizer_state, safe_set_local_fp32_param, safe_set_local_optimizer_state)

from .channel import Failed

MOMENTS = ("exp_avg", "exp_avg_sq")


def refusal(config):
    """Why a configuration of DeepSpeed cannot be used here, or None where it can."""
    stage = config.get("zero_optimization", {})
    if stage.get("stage") not in (1, 2, 3):
        return "DeepSpeed without ZeRO is not supported; ZeRO stages 1 to 3 are"
    for key in ("offload_optimizer", "offload_param"):
        if stage.get(key, {}).get("device", "none") != "none":
            return f"DeepSpeed with {key} is not supported; without it, it is"
    if config.get("fp16", {}).get("enabled") in (True, "true"):
        return "DeepSpeed with fp16 is not supported; with ZeRO 3 and bf16 it is"
    if config.get("bf16", {}).get("enabled") in (True, "true") and stage["stage"] < 3:
        return "DeepSpeed with bf16 is supported with ZeRO 3 alone"
    return None


class Zero:
    """The same verbs as `Held`, where every rank has a part of the moments (stage 1), of the gradients (2), and of the
    model (3)."""

    # The engine sums, clips and steps at once: there is no place for what is added to gradients in between.
    knows = []

    def __init__(self, accelerator, model, optimizer, clip):
        config = accelerator.state.deepspeed_plugin.deepspeed_config
        # How many records there are in a pass, and passes in a step, differs from step to step: DeepSpeed is told in
        # `backward`. It never sees batches of its own.
        config.update(train_micro_batch_size_per_gpu=1, gradient_accumulation_steps=1, gradient_clipping=clip)
        config.pop("train_batch_size", None)
        accelerator.gradient_accumulation_steps = 1
        self.stage = config["zero_optimization"]["stage"]
        self.rank = accelerator.process_index
        self.engine, _ = accelerator.prepare(model, optimizer)
        self.model = self.inner = self.engine
        named = [(name, value) for name, value in self.engine.module.named_parameters() if value.requires_grad]
        self.names, self.parameters = [name for name, _ in named], [value for _, value in named]
        self.adam = self.engine.optimizer.optimizer
        # DeepSpeed gives Adam its moments with the first step; here they may have to be set before it. Adam has one
        # flat tensor for all of this rank's parts.
        outer = self.engine.optimizer
        for flat in outer.fp32_partitioned_groups_flat if self.stage == 3 else outer.single_partition_of_fp32_groups:
            self.adam.state[flat] = {"step": torch.zeros(()), **{key: torch.zeros_like(flat) for key in MOMENTS}}
        if self.stage < 3:
            outer._lazy_init_hp_params_optimizer_state()
        self.before = None

    def shape(self, number):
        value = self.parameters[number]
        return value.ds_shape if self.stage == 3 else value.shape

    def _own(self, value, full):
        """This rank's part of a whole tensor (stage 3)."""
        count = value.ds_tensor.numel()
        padded = torch.zeros(count * torch.distributed.get_world_size(), dtype=torch.float32, device=value.device)
        padded[:full.numel()] = full.flatten()
        return padded[count * self.rank:count * (self.rank + 1)]

    def put(self, tensors):
        """Sets the parameters: what passes use, and the copy that the optimiser keeps."""
        for value, full in zip(self.parameters, tensors):
            full = full.to(value.device, torch.float32)
            if self.stage == 3:
                with zero.GatheredParameters([value], modifier_rank=0):
                    value.data.copy_(full)
                safe_set_local_fp32_param(value, self._own(value, full))
            else:
                value.data.copy_(full)
                safe_set_full_fp32_param(value, full)

    def values(self):
        """The parameters, whole, one after another: all ranks ask."""
        for value in self.parameters:
            yield safe_get_full_fp32_param(value)

    def passing(self, last):
        return contextlib.nullcontext()

    def backward(self, loss, last):
        self.engine.set_gradient_accumulation_boundary(is_boundary=last)
        self.engine.backward(loss)

    def step(self, rate):
        """A step of the optimiser at this rate; the norm of the gradient before clipping."""
        for group in self.adam.param_groups:
            group["lr"] = rate
        self.engine.step()
        return float(self.engine.get_global_grad_norm())

    def keep(self):
        """Remembers the moments, for `undo`. The parameters come anew with every request."""
        self.before = [copy.deepcopy(state) for state in self.adam.state.values()]

    def forget(self):
        self.before = None

    def undo(self):
        # In place: DeepSpeed holds on to these tensors.
        for state, before in zip(self.adam.state.values(), self.before or []):
            for key, value in before.items():
                state[key].copy_(value)
        self.before = None

    def moments(self):
        """For each parameter its steps and moments, whole; nothing before the first step. All ranks ask."""
        for value in self.parameters:
            found = {key: safe_get_full_optimizer_state(value, key) for key in MOMENTS}
            # All parameters have the same count of steps, each a tensor of its own for the file.
            steps = next(iter(self.adam.state.values()))["step"].clone()
            yield {"step": steps, **found} if steps else {}

    def set_moments(self, states):
        """Sets what `moments` gives; an empty one stands for the time before the first step."""
        steps = {float(state["step"]) if state else 0.0 for state in states}
        if len(steps) > 1:
            raise Failed("the saved state has trained its factors for unlike numbers of steps, which DeepSpeed cannot")
        for value, state, number in zip(self.parameters, states, range(len(states))):
            for key in MOMENTS:
                full = (state[key] if state else torch.zeros(self.shape(number))).to(value.device, torch.float32)
                if self.stage == 3:
                    safe_set_local_optimizer_state(value, self._own(value, full), key)
                else:
                    safe_set_full_optimizer_state(value, full, key)
        for state in self.adam.state.values():
            state["step"].fill_(next(iter(steps)))
