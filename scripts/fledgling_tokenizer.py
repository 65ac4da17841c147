"""Builds the byte-level BPE of `builtin:fledgling`: every word of its texts is one token, with and without a space."""

import random
import re

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

import fledgling_text as text

SIZE = 1280
PIECES = re.compile(r" ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+")


def byte_symbols():
    """The printable stand-ins of the 256 bytes, in byte order, as byte-level BPE writes them."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in printable]
    return {b: chr(b) if b in printable else chr(256 + others.index(b)) for b in range(256)}


def pieces(sample_count=30000, seed=1):
    """Every piece (a word, a number or marks, with its leading space) of records and texts, the frequent first."""
    rng, counts = random.Random(seed), {}
    samples = [text.TEMPLATE.format(instruction=r["instruction"], input=r["input"]) + r["output"]
               for r in text.records(8000, seed)]
    samples += [text.spans(text.document(rng))[0] for _ in range(sample_count)]
    for sample in samples:
        for piece in PIECES.findall(sample):
            counts[piece] = counts.get(piece, 0) + 1
    return sorted(counts, key=lambda p: (-counts[p], p))


def build(size):
    """The tokenizer. Merges are made piece by piece: what earlier merges leave of a piece is joined left to right; as
    later merges have lower priority, earlier pieces stay whole."""
    symbols = byte_symbols()
    vocabulary = {text.END: 0} | {symbol: i + 1 for i, symbol in enumerate(symbols.values())}
    ranks, left_over = {}, []
    # Shorter pieces first: their tokens are parts of longer ones.
    for piece in sorted(pieces(), key=lambda p: len(p.strip()) if p.strip() else 0):
        parts = [symbols[b] for b in piece.encode()]
        while len(parts) > 1:
            known = [(ranks[pair], i) for i, pair in enumerate(zip(parts, parts[1:])) if pair in ranks]
            if known:
                i = min(known)[1]
            else:
                i = 1 if parts[0] == symbols[32] and len(parts) > 2 else 0
                if len(vocabulary) == size:
                    left_over.append(piece)
                    break
                ranks[(parts[i], parts[i + 1])] = len(ranks)
                vocabulary[parts[i] + parts[i + 1]] = len(vocabulary)
            parts[i:i + 2] = [parts[i] + parts[i + 1]]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=list(ranks), fuse_unk=False))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text.END, special=True)])
    return tokenizer, left_over


if __name__ == "__main__":
    tokenizer, left_over = build(4096)
    print("vocabulary without a limit:", tokenizer.get_vocab_size(), "pieces:", len(pieces()), left_over)
    lengths = sorted(len(tokenizer.encode(text.TEMPLATE.format(instruction=r["instruction"], input=r["input"])
                     + r["output"]).ids) + 1 for r in text.records(2000, 3))
    print("record tokens: median", lengths[1000], "longest", lengths[-1])
    used = {}
    rng = random.Random(5)
    for _ in range(20000):
        for i in tokenizer.encode(text.spans(text.document(rng))[0]).ids:
            used[i] = used.get(i, 0) + 1
    needed = set()
    for r in text.records(8000, 4):
        needed |= set(tokenizer.encode(text.TEMPLATE.format(instruction=r["instruction"], input=r["input"]) + r["output"]).ids)
    print("rare in the texts:", [(tokenizer.decode([i]), used.get(i, 0)) for i in sorted(needed) if used.get(i, 0) < 60])
