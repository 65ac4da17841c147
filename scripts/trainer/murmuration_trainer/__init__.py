"""A trainer for Murmuration's peers (docs/trainers.md): transformers, PEFT and Accelerate."""

PROTOCOL = 1
