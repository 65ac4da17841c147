#!/usr/bin/env python3
"""Measure LoRA tuning and generation with PyTorch, transformers and PEFT: what EngineBench is compared with.

One case a process; prints a JSON object with the same names as EngineBench. Random weights, LoRA r = 8 on q, k, v and o,
AdamW, no dropout. `--type` is fp32, bf16 (weights and activations; the adapter stays fp32) or autocast.

    scripts/peft_baseline.py train --shape smollm135 --type fp32 --batch 4 --sequence 256
    scripts/peft_baseline.py dolly --shape small --type bf16 --records dump.json --order shuffled|grouped
    scripts/peft_baseline.py generate --shape smollm135 --type bf16
"""

import argparse
import contextlib
import json
import logging
import resource
import statistics
import time
import warnings

SHAPES = {
    "smollm135": dict(vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30,
                      num_attention_heads=9, num_key_value_heads=3, tie_word_embeddings=True),
    "small": dict(vocab_size=4096, hidden_size=256, intermediate_size=688, num_hidden_layers=6,
                  num_attention_heads=8, num_key_value_heads=8, tie_word_embeddings=True),
    "tinyllama": dict(vocab_size=32000, hidden_size=2048, intermediate_size=5632, num_hidden_layers=22,
                      num_attention_heads=32, num_key_value_heads=4, tie_word_embeddings=False),
}


def build(options, adapted=True, vocabulary=None):
    """The model, and a context in which its forward pass runs."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    shape = dict(SHAPES[options.shape])
    if vocabulary:
        shape["vocab_size"] = vocabulary
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(rms_norm_eps=1e-5, max_position_embeddings=2048, **shape))
    if options.type == "bf16":
        model = model.to(torch.bfloat16)
    if adapted:
        from peft import LoraConfig, get_peft_model

        model = get_peft_model(model, LoraConfig(
            r=8, lora_alpha=16, lora_dropout=0.0, bias="none", task_type="CAUSAL_LM",
            target_modules=["q_proj", "k_proj", "v_proj", "o_proj"]))
        model.config.use_cache = False
        model.train()
    context = torch.autocast("cpu", dtype=torch.bfloat16) if options.type == "autocast" else contextlib.nullcontext()
    return model, context


def summary(times):
    times = sorted(times)

    def quantile(part):
        return times[int(part * (len(times) - 1) + 0.5)]

    return {
        "median_s": quantile(0.5), "best_s": times[0], "worst_s": times[-1], "q1_s": quantile(0.25),
        "q3_s": quantile(0.75), "steps": len(times),
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
    }


def stepper(model, context):
    """A function that takes one optimiser step and returns its time in seconds."""
    import torch

    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=3e-4, weight_decay=0.0)

    def step(**inputs):
        begin = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        with context:
            loss = model(**inputs).loss
        loss.backward()
        optimizer.step()
        return time.perf_counter() - begin

    return step


def train(options):
    import torch

    model, context = build(options)
    step = stepper(model, context)
    times = []
    warm = False
    while not warm or len(times) < 3 or sum(times) < options.seconds:
        tokens = torch.randint(0, SHAPES[options.shape]["vocab_size"], (options.batch, options.sequence))
        times.append(step(input_ids=tokens, labels=tokens))
        if not warm:
            warm, times = True, []
    return summary(times) | {"tokens": options.batch * options.sequence}


def dolly(options):
    """Batches of records padded to their longest, as Shepherd's collator pads; in the order they come, or grouped by
    length as transformers' trainer groups them: sorted within 50 batches' worth."""
    import torch

    with open(options.records, encoding="utf-8") as file:
        records = json.load(file)
    count = options.batch
    if options.order == "grouped":
        # All batches of the sorted list would be measured in equal numbers; an even choice of them stands for all.
        records = sorted(records, key=lambda record: -len(record["tokens"]))
        batches = [records[i:i + count] for i in range(0, len(records) - count + 1, count)]
        stride = len(batches) / options.steps
        batches = [batches[int((i + 0.5) * stride)] for i in range(options.steps)]
        batches = [batches[0]] + batches
    else:
        batches = [records[i * count:(i + 1) * count] for i in range(options.steps + 1)]
    model, context = build(options, vocabulary=options.vocabulary)
    step = stepper(model, context)
    times, tokens = [], 0
    for number, batch in enumerate(batches):
        longest = -(-max(len(record["tokens"]) for record in batch) // 8) * 8
        ids = torch.zeros(count, longest, dtype=torch.long)
        labels = torch.full((count, longest), -100)
        mask = torch.zeros(count, longest, dtype=torch.long)
        for row, record in enumerate(batch):
            length = len(record["tokens"])
            ids[row, :length] = torch.tensor(record["tokens"])
            mask[row, :length] = 1
            loss = torch.tensor(record["loss"], dtype=torch.bool)
            labels[row, :length][loss] = ids[row, :length][loss]
        seconds = step(input_ids=ids, attention_mask=mask, labels=labels)
        if number > 0:
            times.append(seconds)
            tokens += int(mask.sum())
    return summary(times) | {"records_per_s": count * len(times) / sum(times), "tokens": tokens}


def generate(options):
    import torch

    model, context = build(options, adapted=False)
    model.eval()
    prompt = torch.tensor([[(i * 37 + 11) % SHAPES[options.shape]["vocab_size"] for i in range(options.prompt)]])
    times = {1: [], options.tokens: []}
    warm = False
    with torch.no_grad(), context:
        while not warm or len(times[1]) < 3 or sum(times[options.tokens]) < options.seconds:
            for wanted in times:
                begin = time.perf_counter()
                model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=wanted,
                               min_new_tokens=wanted, do_sample=False, pad_token_id=0)
                times[wanted].append(time.perf_counter() - begin)
            if not warm:
                warm, times = True, {key: [] for key in times}
    difference = statistics.median(times[options.tokens]) - statistics.median(times[1])
    return summary(times[options.tokens]) | {"tokens_per_s": (options.tokens - 1) / difference}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["train", "dolly", "generate"])
    parser.add_argument("--shape", choices=sorted(SHAPES), default="small")
    parser.add_argument("--type", choices=["fp32", "bf16", "autocast"], default="fp32")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--sequence", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--records")
    parser.add_argument("--order", choices=["shuffled", "grouped"], default="shuffled")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--vocabulary", type=int)
    parser.add_argument("--prompt", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=64)
    options = parser.parse_args()

    import torch

    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(options.threads)
    print(json.dumps({"train": train, "dolly": dolly, "generate": generate}[options.kind](options)))


if __name__ == "__main__":
    main()
