"""Records as the peer writes them, and batches of them as a model takes them."""

import json
from dataclasses import dataclass

import torch

IGNORED = -100


@dataclass
class Record:
    """One record's tokens and which of them carry loss. The first has nothing before it and never does."""

    tokens: list
    loss: list

    @property
    def targets(self):
        return sum(self.loss[1:])


def read(path):
    """The records of a file with one `{"tokens": [...], "loss": [...]}` a line."""
    records = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            record = Record(**json.loads(line))
            if not record.tokens or len(record.tokens) != len(record.loss):
                raise ValueError(f"{path}, line {number}: a record has as many marks as tokens, and one token at least")
            records.append(record)
    return records


def collate(records, device):
    """A batch padded at the right: tokens, attention mask, and labels that are IGNORED where there is no loss."""
    longest = max(len(record.tokens) for record in records)
    tokens = torch.zeros(len(records), longest, dtype=torch.long)
    attention = torch.zeros(len(records), longest, dtype=torch.long)
    labels = torch.full((len(records), longest), IGNORED)
    for row, record in enumerate(records):
        length = len(record.tokens)
        tokens[row, :length] = torch.tensor(record.tokens)
        attention[row, :length] = 1
        marks = torch.tensor(record.loss, dtype=torch.bool)
        marks[0] = False
        labels[row, :length][marks] = tokens[row, :length][marks]
    return tokens.to(device), attention.to(device), labels.to(device)


def pieces(records, size, count=None):
    """The records in pieces of `size`, 0 for all at once; with `count`, as many pieces, the last ones empty."""
    size = size or max(1, len(records))
    result = [records[start:start + size] for start in range(0, len(records), size)]
    return result + [[]] * ((count or len(result)) - len(result))
