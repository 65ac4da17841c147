"""Two processes that each hold a shard of the model, on the CPU over gloo, against one that holds it whole: FSDP 2, and
DeepSpeed where it is installed."""

import importlib.util
import os
import subprocess
import sys

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from test_trainer import BATCHES, drawn_back, same, tracked

LORA = {"target_modules": ["q_proj", "v_proj", "down_proj"]}
LAUNCH = ["accelerate.commands.launch", "--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no",
          "--dynamo_backend", "no", "--main_process_port", "0"]
FSDP = [*LAUNCH, "--use_fsdp", "--fsdp_version", "2"]
LAYERS = [*FSDP, "--fsdp_auto_wrap_policy", "TRANSFORMER_BASED_WRAP"]
TORCHRUN = ["torch.distributed.run", "--nproc_per_node", "2", "--rdzv_backend", "c10d", "--rdzv_endpoint",
            "localhost:0"]
# What torchrun does not say of FSDP is in Accelerate's variables.
VARIABLES = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2", "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP"}
INSTALLED = pytest.mark.skipif(not importlib.util.find_spec("deepspeed"), reason="DeepSpeed is not installed")
DEEPSPEED = {stage: [*LAUNCH, "--use_deepspeed", "--zero_stage", str(stage)] for stage in (1, 2, 3)}
ZERO = {stage: pytest.param(words, id=f"ZeRO-{stage}", marks=INSTALLED) for stage, words in DEEPSPEED.items()}
KINDS = [pytest.param(LAYERS, id="FSDP"), ZERO[2], ZERO[3]]


def sharded(peers, name="two", launcher=LAYERS, options=(), lora=None, **settings):
    peer = peers(name, lora={**LORA, **(lora or {})}, **settings,
                 command=[sys.executable, "-m", *launcher, "-m", "murmuration_trainer", "--heartbeat", "0.2", *options])
    ready = peer.hello()
    kind = "DeepSpeed" if "--use_deepspeed" in launcher else "FSDP"
    assert ready["type"] == "ready" and f"2 × cpu, {kind}" in ready["name"], ready
    assert ready["knows"] == ([] if kind == "DeepSpeed" else ["proximal", "tracking"])
    return peer


def single(peers, name="one", lora=None, **settings):
    peer = peers(name, lora={**LORA, **(lora or {})}, **settings)
    assert peer.hello()["type"] == "ready"
    return peer


def evaluate(peer, adapter, records):
    """The loss on so many of the peer's records."""
    save_file(adapter, peer.folder / "adapter.safetensors")
    lines = (peer.folder / "records.jsonl").read_text().splitlines(keepends=True)[:records]
    (peer.folder / "held-out.jsonl").write_text("".join(lines))
    return peer.ask("evaluate", adapter=str(peer.folder / "adapter.safetensors"),
                    records=str(peer.folder / "held-out.jsonl"))[-1]


def near(found, wanted):
    for loss, expected in zip(found, wanted, strict=True):
        assert abs(loss - expected) < 1e-5


@INSTALLED
@pytest.mark.parametrize("stage, options", [(1, ["--micro-batch", "1"]), (2, []), (3, ["--micro-batch", "1"])])
def test_parts_of_deepspeed_take_the_steps_of_one(peers, stage, options):
    take_the_steps_of_one(peers, DEEPSPEED[stage], options)


@pytest.mark.parametrize("launcher, options", [
    (LAYERS, []),
    # One unit for all layers, whose parameters stay gathered after a forward pass.
    (FSDP, ["--micro-batch", "1"]),
    ([*LAYERS, "--fsdp_cpu_ram_efficient_loading", "true"], ["--micro-batch", "2"]),
    ([*LAYERS, "--fsdp_activation_checkpointing", "true"], []),
    (TORCHRUN, ["--gradient-checkpointing"]),
], ids=["layers", "whole", "loaded once", "checkpointing", "torchrun"])
def test_shards_take_the_steps_of_one(peers, monkeypatch, launcher, options):
    if launcher == TORCHRUN:
        for name, value in VARIABLES.items():
            monkeypatch.setenv(name, value)
    take_the_steps_of_one(peers, launcher, options)


def take_the_steps_of_one(peers, launcher, options):
    one, two = single(peers), sharded(peers, launcher=launcher, options=options)
    # The second step has no record for the second rank.
    batches = [[0, 1, 2], [3], [4, 5, 6, 7]]
    expected, adapter = one.train(one.seed_adapter, batches)
    losses, other = two.train(two.seed_adapter, batches)
    near(losses, expected)
    same(adapter, other, 1e-5)
    # An evaluation leaves nothing behind: the next round begins with its own adapter.
    for count in (8, 3, 1):
        wanted, found = evaluate(one, adapter, count), evaluate(two, adapter, count)
        assert abs(found["loss"] - wanted["loss"]) < 1e-5 and found["tokens"] == wanted["tokens"]
    expected, adapter = one.train(one.seed_adapter, batches, first=3, rate=3e-3)
    losses, other = two.train(two.seed_adapter, batches, first=3, rate=3e-3)
    near(losses, expected)
    same(adapter, other, 1e-5)
    two.send({"type": "stop"})
    assert two.process.wait(300) == 0


@pytest.mark.parametrize("launcher", [pytest.param(LAYERS, id="FSDP"), ZERO[3]])
def test_passes_in_bfloat16_are_close(peers, launcher):
    place = launcher.index("--mixed_precision") + 1
    one, two = single(peers), sharded(peers, launcher=[*launcher[:place], "bf16", *launcher[place + 1:]])
    expected, losses = one.train(one.seed_adapter, BATCHES)[0], two.train(two.seed_adapter, BATCHES)[0]
    # Three digits of a number have their error; were they all there, it would not be bfloat16.
    assert 1e-6 < max(abs(loss - wanted) for loss, wanted in zip(losses, expected, strict=True)) < 2e-3


def test_each_rank_holds_half_of_the_model():
    """The point of it: no rank keeps the base model whole."""
    code = ("import torch; from murmuration_trainer.ranks import Ranks; "
            "from torch.distributed.tensor import DTensor; "
            "from transformers import LlamaConfig, LlamaForCausalLM; ranks = Ranks(); "
            "model = LlamaForCausalLM(LlamaConfig(vocab_size=64, hidden_size=32, intermediate_size=64, "
            "num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2)); "
            "optimizer = torch.optim.AdamW(model.parameters()); "
            "model, _ = ranks.accelerator.prepare(model, optimizer); "
            "assert all(isinstance(value, DTensor) for value in model.parameters()); "
            "held = sum(value.to_local().numel() for value in model.parameters()); "
            "assert 2 * held == sum(value.numel() for value in model.parameters()) == 22688, held; ranks.end(0)")
    done = subprocess.run(
        [sys.executable, "-m", *TORCHRUN, "--no-python", sys.executable, "-c", code], text=True, capture_output=True,
        env={**os.environ, **VARIABLES, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": "."})
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]


@pytest.mark.parametrize("launcher", KINDS)
def test_a_snapshot_fits_any_number_of_ranks(peers, launcher):
    one, two = single(peers), sharded(peers, launcher=launcher)
    _, middle = one.train(one.seed_adapter, BATCHES)
    two.train(two.seed_adapter, BATCHES)
    files = {peer: str(peer.folder / "snapshot") for peer in (one, two)}
    for peer, file in files.items():
        assert peer.ask("snapshot", file=file)[-1]["type"] == "snapshotted"
    same(load_file(files[one]), load_file(files[two]), 1e-5)
    expected, adapter = one.train(middle, BATCHES, first=3)
    # The one goes on from the others' snapshot, they from its, from where they would not be by themselves.
    two.train(two.seed_adapter, BATCHES, first=9, rate=1e-1)
    for peer, other in ((one, two), (two, one)):
        assert peer.ask("restore", file=files[other], steps=3)[-1]["type"] == "restored"
        losses, found = peer.train(middle, BATCHES, first=3)
        near(losses, expected)
        same(found, adapter, 1e-5)
    # A snapshot that an earlier version wrote has the model's own names.
    with safe_open(files[one], "pt") as file:
        older = {key.replace(".weight|", ".default.weight|"): file.get_tensor(key) for key in file.keys()}
        save_file(older, files[one], metadata=file.metadata())
    again = sharded(peers, "again", launcher=launcher)
    assert again.ask("restore", file=files[one], steps=3)[-1]["type"] == "restored"
    near(again.train(middle, BATCHES, first=3)[0], expected)


def test_shards_are_drawn_back_to_the_start(peers):
    two = sharded(peers)
    _, begin = two.train(two.seed_adapter, BATCHES, proximal=0)
    losses, adapter = two.train(begin, BATCHES, first=3, proximal=5.0)
    wanted, expected = drawn_back(two, begin, BATCHES, first=BATCHES, proximal=5.0)
    near(losses, wanted)
    same(adapter, expected, 1e-5)


def test_gradients_of_shards_are_corrected_and_told(peers):
    two = sharded(peers, options=["--micro-batch", "1"])
    generator = torch.Generator().manual_seed(9)
    begin = {name: value + 0.1 * torch.randn(value.shape, generator=generator)
             for name, value in two.seed_adapter.items()}
    corrections = {name: 0.05 * torch.randn(value.shape, generator=generator) for name, value in begin.items()}
    files = {name: str(two.folder / f"{name}.safetensors") for name in ("correction", "gradient")}
    save_file(corrections, files["correction"])
    losses, adapter = two.train(begin, BATCHES, tracking=files)
    wanted, expected, means = tracked(two, begin, BATCHES, corrections)
    near(losses, wanted)
    same(adapter, expected, 1e-5)
    same(load_file(files["gradient"]), means, 1e-6)


def test_a_frozen_factor_stays_and_the_other_moves_as_with_one(peers):
    one, two = single(peers), sharded(peers)
    _, adapter = one.train(one.seed_adapter, BATCHES)
    two.train(two.seed_adapter, BATCHES)
    for first, factors in [(3, ["B"]), (6, ["A"]), (9, ["A", "B"])]:
        expected, after = one.train(adapter, BATCHES, first=first, factors=factors)
        losses, found = two.train(adapter, BATCHES, first=first, factors=factors)
        near(losses, expected)
        same(found, after, 1e-5)
        for name, value in found.items():
            assert torch.equal(value, adapter[name]) == (name.split(".lora_")[1][0] not in factors), name
        adapter = after


@pytest.mark.parametrize("launcher", KINDS)
def test_gradients_of_shards_are_clipped_together(peers, launcher):
    one, two = single(peers, clip_norm=1e-3), sharded(peers, launcher=launcher, clip_norm=1e-3)
    norms = []
    for peer in (one, two):
        save_file(peer.seed_adapter, peer.folder / "adapter.safetensors")
        replies = peer.ask("train", round=0, adapter=str(peer.folder / "adapter.safetensors"),
                           result=str(peer.folder / "result.safetensors"),
                           steps=[{"number": 0, "learning_rate": 1e-2, "dropout_seed": 1, "records": [0, 1, 2]}])
        norms.append(replies[0]["gradient_norm"])
        assert peer.ask("snapshot", file=str(peer.folder / "snapshot"))[-1]["type"] == "snapshotted"
    assert norms[0] > 1e-2 and abs(norms[0] - norms[1]) < 1e-6
    # Adam's first moment is a tenth of the clipped gradient.
    moments = [load_file(peer.folder / "snapshot") for peer in (one, two)]
    same(*moments, 1e-8)
    total = sum(float((value ** 2).sum()) for name, value in moments[1].items() if name.endswith("exp_avg"))
    assert abs(total ** 0.5 - 1e-4) < 1e-6


@pytest.mark.parametrize("launcher", KINDS)
def test_shards_go_back_after_a_request_that_was_broken_off(peers, launcher):
    one, two = single(peers), sharded(peers, launcher=launcher)
    _, middle = one.train(one.seed_adapter, BATCHES)
    two.train(two.seed_adapter, BATCHES)
    expected, adapter = one.train(middle, BATCHES, first=3)
    steps = [{"number": number, "learning_rate": 1e-1, "dropout_seed": 1, "records": [0]} for number in range(100_000)]
    two.send({"type": "train", "id": 2, "round": 1, "adapter": str(two.folder / "adapter.safetensors"),
              "result": str(two.folder / "result.safetensors"), "steps": steps})
    for _ in range(3):
        assert two.receive()["type"] == "step"
    two.send({"type": "cancel", "id": 2})
    while (reply := two.receive())["type"] == "step":
        pass
    assert reply == {"type": "cancelled", "id": 2}
    two.number = 2
    # An adapter that is not finite is an error, after which all is as before, too.
    save_file({name: value * float("inf") for name, value in middle.items()}, two.folder / "adapter.safetensors")
    replies = two.ask("train", round=1, adapter=str(two.folder / "adapter.safetensors"),
                      result=str(two.folder / "result.safetensors"), steps=steps[:1])
    assert replies[-1]["type"] == "error" and "learning rate" in replies[-1]["message"]
    losses, found = two.train(middle, BATCHES, first=3)
    near(losses, expected)
    same(found, adapter, 1e-5)


def test_dropout_is_the_same_again(peers):
    two = sharded(peers, lora={"lora_dropout": 0.2})
    assert two.ask("snapshot", file=str(two.folder / "snapshot"))[-1]["type"] == "snapshotted"
    losses, adapter = two.train(two.seed_adapter, BATCHES)
    assert two.ask("restore", file=str(two.folder / "snapshot"), steps=0)[-1]["type"] == "restored"
    again, found = two.train(two.seed_adapter, BATCHES)
    assert again == losses
    same(found, adapter, 0)


@pytest.mark.parametrize("launcher", [ZERO[3]])
def test_what_deepspeed_cannot_do_is_refused_by_name(peers, launcher):
    two = sharded(peers, launcher=launcher)
    save_file(two.seed_adapter, two.folder / "adapter.safetensors")
    for members in ({"factors": ["B"]}, {"proximal": 1.0}, {"tracking": {"correction": "", "gradient": ""}}):
        reply = two.ask("train", round=0, adapter=str(two.folder / "adapter.safetensors"), result="", steps=[],
                        **members)
        assert reply[-1]["type"] == "error" and "DeepSpeed" in reply[-1]["message"], reply
    assert len(two.train(two.seed_adapter, BATCHES)[0]) == 3


@INSTALLED
def test_what_of_deepspeed_is_not_supported_is_refused_by_name():
    from murmuration_trainer.zero import refusal

    assert refusal({"zero_optimization": {"stage": 3, "offload_param": {"device": "none"}}}) is None
    assert "without ZeRO" in refusal({}) and "without ZeRO" in refusal({"zero_optimization": {"stage": 0}})
    assert "offload_param" in refusal({"zero_optimization": {"stage": 3, "offload_param": {"device": "cpu"}}})
    assert "bf16" in refusal({"zero_optimization": {"stage": 2}, "bf16": {"enabled": True}})
    assert "fp16" in refusal({"zero_optimization": {"stage": 3}, "fp16": {"enabled": True}})
    assert refusal({"zero_optimization": {"stage": 3}, "bf16": {"enabled": True}}) is None


def test_what_cannot_be_sharded_is_refused_by_name():
    from murmuration_trainer.launch import refusal

    assert refusal({}) is None and refusal({**VARIABLES, "FSDP_OFFLOAD_PARAMS": "false"}) is None
    assert "FSDP 1" in refusal({"ACCELERATE_USE_FSDP": "true"})
    assert "FSDP 1" in refusal({**VARIABLES, "FSDP_VERSION": "1"})
    assert "offload" in refusal({**VARIABLES, "FSDP_OFFLOAD_PARAMS": "true"})
    assert "Megatron" in refusal({**VARIABLES, "ACCELERATE_USE_PARALLELISM_CONFIG": "true"})


@pytest.mark.parametrize("launcher, option", [
    (FSDP, ["--load-in", "4bit"]), pytest.param(DEEPSPEED[3], ["--dtype", "bfloat16"], marks=INSTALLED)])
def test_options_that_do_not_go_with_shards_are_refused_by_name(peers, launcher, option):
    peer = peers(command=[sys.executable, "-m", *launcher, "-m", "murmuration_trainer", *option])
    reply = peer.hello()
    assert reply["type"] == "error" and option[0] in reply["message"]
