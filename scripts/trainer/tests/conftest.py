"""A peer for the tests: makes a small model, starts the trainer as a peer does, and speaks the protocol with it."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

ROOT = pathlib.Path(__file__).parents[1]
LORA = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 8, "lora_dropout": 0.0, "bias": "none",
        "target_modules": ["q_proj", "v_proj"], "inference_mode": True, "base_model_name_or_path": None}


class Peer:
    def __init__(self, folder, command=None, lora=None, **settings):
        self.folder = folder
        self.lora = {**LORA, **(lora or {})}
        self.model = str(folder / "model")
        self.settings = {"clip_norm": 1.0, "learning_rate": 1e-2,
                         "optimizer": {"name": "adamw", "betas": [0.9, 0.999], "epsilon": 1e-8, "weight_decay": 0.0},
                         **settings}
        torch.manual_seed(3)
        model = LlamaForCausalLM(LlamaConfig(
            vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=64))
        model.save_pretrained(self.model)
        adapter = get_peft_model(model, LoraConfig(**self.lora))
        self.seed_adapter = {name: value.detach().clone().contiguous()
                             for name, value in get_peft_model_state_dict(adapter).items()}
        generator = torch.Generator().manual_seed(5)
        self.records = []
        for length in [5, 9, 14, 20, 7, 11, 3, 16]:
            tokens = torch.randint(0, 64, (length,), generator=generator).tolist()
            self.records.append({"tokens": tokens, "loss": [0, 0] + [1] * (length - 2)})
        (folder / "records.jsonl").write_text("".join(json.dumps(record) + "\n" for record in self.records))
        self.number = 0
        # DeepSpeed's launcher would say on standard output that it has found no GPU.
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "",
                       "DS_ACCELERATOR": "cpu"}
        self.log = open(folder / "trainer.log", "w", encoding="utf-8")
        self.process = subprocess.Popen(
            command or [sys.executable, "-m", "murmuration_trainer", "--heartbeat", "0.2"], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, env=environment, start_new_session=True)

    def send(self, message):
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def receive(self, alive=False):
        while True:
            line = self.process.stdout.readline()
            assert line, f"the trainer is gone: {(self.folder / 'trainer.log').read_text()[-3000:]}"
            message = json.loads(line)
            if alive or message["type"] != "alive":
                return message

    def hello(self, **changes):
        tensors = [{"name": name, "shape": list(value.shape)} for name, value in sorted(self.seed_adapter.items())]
        self.send({"type": "hello", "protocol": 1, "peer": "alice", "scratch": str(self.folder), "threads": 1, "seed": "7",
                   "model": {"path": self.model, "digest": ""}, "lora": self.lora, "tensors": tensors,
                   "tuning": self.settings,
                   "records": {"file": str(self.folder / "records.jsonl"), "count": len(self.records)},
                   "held_out": None, **changes})
        return self.receive()

    def ask(self, kind, **members):
        self.number += 1
        self.send({"type": kind, "id": self.number, **members})
        replies = [self.receive()]
        while replies[-1]["type"] == "step":
            replies.append(self.receive())
        assert replies[-1].get("id") == self.number
        return replies

    def train(self, adapter, batches, first=0, rate=1e-2, **members):
        """Steps from `adapter`: the losses and the adapter that comes back."""
        save_file(adapter, self.folder / "adapter.safetensors")
        steps = [{"number": first + place, "learning_rate": rate, "dropout_seed": 11 + first + place, "records": batch}
                 for place, batch in enumerate(batches)]
        replies = self.ask("train", round=0, adapter=str(self.folder / "adapter.safetensors"),
                           result=str(self.folder / "result.safetensors"), steps=steps, **members)
        assert replies[-1] == {"type": "trained", "id": self.number, "records": sum(map(len, batches))}, replies[-1]
        return [reply["loss"] for reply in replies[:-1]], load_file(self.folder / "result.safetensors")

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.log.close()


@pytest.fixture
def peers(tmp_path):
    """Makes peers; whatever runs at the end is ended."""
    made = []

    def make(name="peer", **arguments):
        folder = tmp_path / name
        folder.mkdir()
        made.append(Peer(folder, **arguments))
        return made[-1]

    yield make
    for peer in made:
        peer.close()
