"""The trainer as a process, as a peer meets it."""

import socket
import sys
import time

import pytest
import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

BATCHES = [[0, 1, 2], [3, 4, 5], [6, 7, 0]]


def plain_losses(peer, batches, rate=1e-2):
    """The same steps in a loop of PyTorch and PEFT, a record at a time, without padding."""
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(peer.model), LoraConfig(
        **{**peer.lora, "inference_mode": False}))
    set_peft_model_state_dict(model, peer.seed_adapter)
    parameters = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.0)
    losses = []
    for batch in batches:
        total, count = 0, 0
        for place in batch:
            record = peer.records[place]
            tokens = torch.tensor([record["tokens"]])
            logits = model(input_ids=tokens).logits[0, :-1]
            marked = torch.tensor(record["loss"][1:], dtype=torch.bool)
            total = total + torch.nn.functional.cross_entropy(
                logits[marked], tokens[0, 1:][marked], reduction="sum")
            count += int(marked.sum())
        (total / count).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(total / count))
    return losses


def drawn_back(peer, begin, batches, first, proximal, rate=1e-2):
    """Steps of a plain loop on `first` and then, from `begin`, on `batches` with the proximal term in the loss."""
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(peer.model), LoraConfig(
        **{**peer.lora, "inference_mode": False}))
    set_peft_model_state_dict(model, peer.seed_adapter)
    parameters = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.0)
    losses = []
    for round, group in enumerate([first, batches]):
        if round == 1:
            set_peft_model_state_dict(model, begin)
        start = [value.detach().clone() for value in parameters]
        for batch in group:
            total, count = 0, 0
            for place in batch:
                record = peer.records[place]
                tokens = torch.tensor([record["tokens"]])
                logits = model(input_ids=tokens).logits[0, :-1]
                marked = torch.tensor(record["loss"][1:], dtype=torch.bool)
                total = total + torch.nn.functional.cross_entropy(
                    logits[marked], tokens[0, 1:][marked], reduction="sum")
                count += int(marked.sum())
            way = sum(((value - begun) ** 2).sum() for value, begun in zip(parameters, start))
            (total / count + (0.5 * proximal * way if round == 1 else 0.0)).backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            if round == 1:
                losses.append(float(total / count))
    return losses, get_peft_model_state_dict(model)


def tracked(peer, begin, batches, corrections, rate=1e-2):
    """Steps of a plain loop from `begin` whose gradients are corrected: losses, adapter and mean gradient, without
    clipping."""
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(peer.model), LoraConfig(
        **{**peer.lora, "inference_mode": False}))
    set_peft_model_state_dict(model, begin)
    named = [(name.replace(".default.", "."), value) for name, value in model.named_parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW([value for _, value in named], lr=rate, weight_decay=0.0)
    losses, means = [], {name: torch.zeros_like(value) for name, value in named}
    for batch in batches:
        total, count = 0, 0
        for place in batch:
            record = peer.records[place]
            logits = model(input_ids=torch.tensor([record["tokens"]])).logits[0, :-1]
            marked = torch.tensor(record["loss"][1:], dtype=torch.bool)
            total = total + torch.nn.functional.cross_entropy(
                logits[marked], torch.tensor(record["tokens"][1:])[marked], reduction="sum")
            count += int(marked.sum())
        (total / count).backward()
        for name, value in named:
            means[name] += value.grad / len(batches)
            value.grad += corrections[name]
        torch.nn.utils.clip_grad_norm_([value for _, value in named], 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(total / count))
    return losses, get_peft_model_state_dict(model), means


def same(one, other, tolerance=1e-6):
    assert one.keys() == other.keys()
    for name in one:
        assert torch.allclose(one[name], other[name], atol=tolerance), name


@pytest.mark.parametrize("micro", [0, 1, 2])
def test_losses_are_those_of_a_plain_loop(peers, micro):
    peer = peers(command=[sys.executable, "-m", "murmuration_trainer", "--micro-batch", str(micro)])
    ready = peer.hello()
    assert ready["type"] == "ready" and ready["protocol"] == 1 and ready["samples"] == 8 and "peft" in ready["name"]
    losses, _ = peer.train(peer.seed_adapter, BATCHES)
    for loss, wanted in zip(losses, plain_losses(peer, BATCHES), strict=True):
        assert abs(loss - wanted) < 1e-5


@pytest.mark.parametrize("launcher", [
    ["accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no",
     "--dynamo_backend", "no", "--main_process_port", "0"],
    ["torch.distributed.run", "--nproc_per_node", "2", "--rdzv_backend", "c10d", "--rdzv_endpoint", "localhost:0"],
])
def test_two_ranks_take_the_steps_of_one(peers, launcher):
    one = peers("one")
    two = peers("two", command=[sys.executable, "-m", *launcher, "-m", "murmuration_trainer", "--micro-batch", "1"])
    batches = [[0, 1, 2], [3], [4, 5, 6, 7]]
    assert one.hello()["type"] == "ready"
    ready = two.hello()
    assert ready["type"] == "ready" and "2 × cpu" in ready["name"], ready
    expected, adapter = one.train(one.seed_adapter, batches)
    losses, other = two.train(two.seed_adapter, batches)
    for loss, wanted in zip(losses, expected, strict=True):
        assert abs(loss - wanted) < 1e-5
    same(adapter, other, 1e-5)
    two.send({"type": "stop"})
    assert two.process.wait(300) == 0


def test_tasks_of_slurm_are_ranks():
    from murmuration_trainer.launch import is_first, ranks_of_slurm

    task = {"SLURM_PROCID": "3", "SLURM_LOCALID": "1", "SLURM_STEP_NUM_TASKS": "4", "SLURM_JOB_ID": "70001",
            "SLURM_LAUNCH_NODE_IPADDR": "10.0.0.7"}
    assert ranks_of_slurm(task) == {"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "MASTER_ADDR": "10.0.0.7",
                                    "MASTER_PORT": "20001"}
    assert ranks_of_slurm({**task, "RANK": "0"}) == {} == ranks_of_slurm({**task, "SLURM_STEP_NUM_TASKS": "1"})
    assert ranks_of_slurm({}) == {}
    assert is_first({}) and not is_first(ranks_of_slurm(task))
    assert is_first(ranks_of_slurm({**task, "SLURM_PROCID": "0"}))
    # A peer that MPI has started has a trainer of its own.
    assert is_first({"OMPI_COMM_WORLD_RANK": "2", "OMPI_COMM_WORLD_SIZE": "4"})


def test_a_restored_trainer_goes_on_exactly(peers):
    steady, broken = peers("steady", lora={"lora_dropout": 0.1}), peers("broken", lora={"lora_dropout": 0.1})
    steady.hello(), broken.hello()
    _, middle = steady.train(steady.seed_adapter, BATCHES)
    losses, end = steady.train(middle, BATCHES, first=3)
    broken.train(broken.seed_adapter, BATCHES)
    file = str(broken.folder / "snapshot")
    assert broken.ask("snapshot", file=file)[-1]["type"] == "snapshotted"
    broken.close()
    again = peers("again", lora={"lora_dropout": 0.1})
    again.hello()
    assert again.ask("restore", file=file, steps=3)[-1]["type"] == "restored"
    found, other = again.train(middle, BATCHES, first=3)
    assert found == losses
    same(end, other, 0)


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_factor_that_is_not_trained_stays(peers, ranks):
    launcher = ["torch.distributed.run", "--nproc_per_node", "2", "--rdzv_backend", "c10d", "--rdzv_endpoint", "localhost:0",
                "-m"] if ranks == 2 else []
    peer = peers(command=[sys.executable, "-m", *launcher, "murmuration_trainer"])
    peer.hello()
    # A gets no gradient while B is zero.
    _, adapter = peer.train(peer.seed_adapter, BATCHES)
    for first, factors in [(3, ["B"]), (6, ["A"]), (9, ["A", "B"])]:
        _, after = peer.train(adapter, BATCHES, first=first, factors=factors)
        for name, value in after.items():
            assert torch.equal(value, adapter[name]) == (name.split(".lora_")[1][0] not in factors), name
        adapter = after


@pytest.mark.parametrize("ranks", [1, 2])
def test_steps_are_drawn_back_to_the_start(peers, ranks):
    launcher = ["torch.distributed.run", "--nproc_per_node", "2", "--rdzv_backend", "c10d", "--rdzv_endpoint", "localhost:0",
                "-m"] if ranks == 2 else []
    plain, peer = peers("plain"), peers("peer", command=[sys.executable, "-m", *launcher, "murmuration_trainer"])
    plain.hello()
    assert "proximal" in peer.hello()["knows"]
    # At zero it changes no bit.
    _, begin = peer.train(peer.seed_adapter, BATCHES, proximal=0)
    if ranks == 1:
        same(begin, plain.train(plain.seed_adapter, BATCHES)[1], 0)
    losses, adapter = peer.train(begin, BATCHES, first=3, proximal=5.0)
    wanted, expected = drawn_back(peer, begin, BATCHES, first=BATCHES, proximal=5.0)
    for loss, value in zip(losses, wanted, strict=True):
        assert abs(loss - value) < 1e-5
    same(adapter, expected, 1e-5)


@pytest.mark.parametrize("ranks", [1, 2])
def test_gradients_are_corrected_and_told(peers, ranks):
    launcher = ["torch.distributed.run", "--nproc_per_node", "2", "--rdzv_backend", "c10d", "--rdzv_endpoint", "localhost:0",
                "-m"] if ranks == 2 else []
    peer = peers("peer", command=[sys.executable, "-m", *launcher, "murmuration_trainer"])
    assert "tracking" in peer.hello()["knows"]
    generator = torch.Generator().manual_seed(9)
    begin = {name: value + 0.1 * torch.randn(value.shape, generator=generator)
             for name, value in peer.seed_adapter.items()}
    corrections = {name: 0.05 * torch.randn(value.shape, generator=generator) for name, value in begin.items()}
    save_file(corrections, peer.folder / "correction.safetensors")
    files = {"correction": str(peer.folder / "correction.safetensors"),
             "gradient": str(peer.folder / "gradient.safetensors")}
    losses, adapter = peer.train(begin, BATCHES, tracking=files)
    wanted, expected, means = tracked(peer, begin, BATCHES, corrections)
    for loss, value in zip(losses, wanted, strict=True):
        assert abs(loss - value) < 1e-5
    same(adapter, expected, 1e-5)
    same(load_file(files["gradient"]), means, 1e-6)
    # Not asked for it, it does without.
    plain, _ = peer.train(begin, BATCHES, first=3, tracking=None)
    assert len(plain) == 3


def test_an_error_leaves_the_state(peers):
    peer, other = peers("peer"), peers("other")
    peer.hello(), other.hello()
    _, middle = peer.train(peer.seed_adapter, BATCHES)
    bad = {name: value * float("inf") for name, value in middle.items()}
    save_file(bad, peer.folder / "adapter.safetensors")
    replies = peer.ask("train", round=1, adapter=str(peer.folder / "adapter.safetensors"),
                       result=str(peer.folder / "result.safetensors"),
                       steps=[{"number": 3, "learning_rate": 1e-2, "dropout_seed": 1, "records": [0]}])
    assert replies[-1]["type"] == "error" and "learning rate" in replies[-1]["message"]
    assert peer.ask("restore", file=str(peer.folder / "adapter.safetensors"), steps=3)[-1]["type"] == "error"
    assert peer.ask("dance")[-1]["type"] == "error"
    other.train(other.seed_adapter, BATCHES)
    losses, end = peer.train(middle, BATCHES, first=3)
    wanted, expected = other.train(middle, BATCHES, first=3)
    assert losses == wanted
    same(end, expected, 0)


def test_evaluation_is_the_mean_over_marked_tokens(peers):
    peer = peers()
    peer.hello()
    save_file(peer.seed_adapter, peer.folder / "adapter.safetensors")
    reply = peer.ask("evaluate", adapter=str(peer.folder / "adapter.safetensors"),
                     records=str(peer.folder / "records.jsonl"))[-1]
    assert reply["tokens"] == sum(len(record["tokens"]) - 2 for record in peer.records)
    assert abs(reply["loss"] - plain_losses(peer, [list(range(8))])[0]) < 1e-5


def test_it_says_that_it_is_alive_and_hears_that_it_is_not_needed(peers):
    peer = peers()
    peer.hello()
    save_file(peer.seed_adapter, peer.folder / "adapter.safetensors")
    steps = [{"number": number, "learning_rate": 1e-3, "dropout_seed": 1, "records": [0]} for number in range(100_000)]
    peer.send({"type": "train", "id": 1, "round": 0, "adapter": str(peer.folder / "adapter.safetensors"),
               "result": str(peer.folder / "result.safetensors"), "steps": steps})
    kinds = set()
    while kinds != {"alive", "step"}:
        kinds.add(peer.receive(alive=True)["type"])
    peer.send({"type": "cancel", "id": 1})
    while (reply := peer.receive())["type"] == "step":
        pass
    assert reply == {"type": "cancelled", "id": 1}
    peer.number = 1
    assert len(peer.train(peer.seed_adapter, BATCHES)[0]) == 3


@pytest.mark.parametrize("while_training", [False, True])
def test_it_ends_when_its_input_closes(peers, while_training):
    peer = peers()
    peer.hello()
    if while_training:
        save_file(peer.seed_adapter, peer.folder / "adapter.safetensors")
        steps = [{"number": number, "learning_rate": 1e-3, "dropout_seed": 1, "records": [0]} for number in range(50_000)]
        peer.send({"type": "train", "id": 1, "round": 0, "adapter": str(peer.folder / "adapter.safetensors"),
                   "result": str(peer.folder / "result.safetensors"), "steps": steps})
        assert peer.receive()["type"] == "step"
    peer.process.stdin.close()
    assert peer.process.wait(20) == 0


def test_it_ends_when_its_input_closes_while_it_waits_for_another_rank(peers):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["env", "RANK=0", "LOCAL_RANK=0", "WORLD_SIZE=2", "MASTER_ADDR=127.0.0.1", f"MASTER_PORT={port}",
               sys.executable, "-m", "murmuration_trainer"]
    peer = peers(command=command)
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    else:
        pytest.fail("the first rank does not wait for the second")
    peer.process.stdin.close()
    assert peer.process.wait(20) == 1


@pytest.mark.parametrize("changes, words", [
    ({"protocol": 9}, "version 9"),
    ({"tensors": [{"name": "a.lora_A.weight", "shape": [4, 32]}]}, "a.lora_A.weight"),
    ({"model": {"path": "/nowhere/model.gguf"}}, "Hugging Face directory"),
    ({"model": {"path": "/nowhere"}}, "nowhere"),
])
def test_what_is_wrong_at_the_start_is_told(peers, changes, words):
    peer = peers()
    reply = peer.hello(**changes)
    assert reply["type"] == "error" and words in reply["message"], reply
    assert peer.process.wait(20) == 1
