"""murmuration-trainer: tunes LoRA adapters for a peer of Murmuration (docs/trainers.md).

Not to be started by hand: a peer starts it and speaks with it over standard input and output.

    murmur peer swarm.yaml --as alice --identity alice.identity --out run \\
        --trainer 'murmuration-trainer --micro-batch 8'
    ... --trainer 'accelerate launch --multi_gpu --num_processes 2 -m murmuration_trainer'
    ... --trainer 'accelerate launch --use_fsdp --fsdp_version 2 --num_processes 2 -m murmuration_trainer'
"""

import argparse
import os
import sys
import traceback

from . import PROTOCOL
from .channel import Cancelled, Channel, Failed, Stopped, standard_output
from .launch import is_first, ranks_of_slurm


def options(arguments=None):
    parser = argparse.ArgumentParser(
        prog="murmuration-trainer", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--micro-batch", type=int, default=0, metavar="N",
                        help="records in one pass of a process; 0 for all of a step at once (faster, with more memory)")
    parser.add_argument("--dtype", choices=["auto", "float32", "bfloat16", "float16"], default="float32",
                        help="what the base model is kept in; the adapter and its optimiser stay in float32")
    parser.add_argument("--load-in", choices=["8bit", "4bit"], help="keep the base model quantised (bitsandbytes)")
    parser.add_argument("--gradient-checkpointing", action="store_true", help="less memory, more time")
    parser.add_argument("--trust-remote-code", action="store_true", help="run code that comes with the model")
    parser.add_argument("--heartbeat", type=float, default=10.0, metavar="SECONDS", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def answer(trainer, request, channel):
    """Does what a request asks for, on all processes, and returns the main one's answer."""
    kind, identifier = request["type"], request.get("id")
    if kind == "train":
        records = trainer.train(request, channel)
        return {"type": "trained", "id": identifier, "records": records}
    if kind == "evaluate":
        loss, tokens = trainer.evaluate(request, channel)
        return {"type": "evaluated", "id": identifier, "loss": loss, "tokens": tokens}
    if kind == "snapshot":
        trainer.save(request["file"])
        return {"type": "snapshotted", "id": identifier}
    if kind == "restore":
        trainer.restore(request["file"])
        return {"type": "restored", "id": identifier}
    raise Failed(f"a request of type {kind} is unknown to this trainer, which speaks version {PROTOCOL}")


def serve(trainer, channel, request):
    """Answers one request. What goes wrong with it is told; the trainer is then as it was before."""
    try:
        reply = answer(trainer, request, channel)
    except Cancelled:
        trainer.undo()
        reply = {"type": "cancelled", "id": request.get("id")}
    except Stopped:
        raise
    except Failed as error:
        trainer.undo()
        reply = {"type": "error", "id": request.get("id"), "message": str(error)}
    if trainer.is_main:
        channel.send(reply)


def main():
    choices = options()
    # Before the libraries are loaded, which have something to say.
    output = standard_output()
    os.environ.update(ranks_of_slurm(os.environ))
    # The first rank alone reads standard input, which all ranks of a launcher share. It does so before it looks for the
    # others: one that never comes must not keep it from seeing that the peer has gone.
    channel = Channel(output, choices.heartbeat) if is_first(os.environ) else output.close()
    from .ranks import Ranks
    from .trainer import Trainer

    ranks = Ranks()
    if ranks.is_main != (channel is not None):
        raise SystemExit("murmuration-trainer: the launcher's variables do not say which process is the first")
    code = 0
    try:
        hello = ranks.share(channel.next() if ranks.is_main else None)
        trainer = Trainer(hello, choices, ranks)
        if ranks.is_main:
            channel.send({"type": "ready", "protocol": PROTOCOL, "name": trainer.name, "samples": len(trainer.records),
                          "knows": trainer.held.knows})
        while True:
            # A closed input is shared as nothing: the other ranks wait for it.
            request = None
            if ranks.is_main:
                try:
                    request = channel.next()
                except Stopped:
                    pass
            request = ranks.share(request)
            if request is None:
                break
            serve(trainer, channel, request)
    except Stopped:
        pass
    except Exception as error:  # noqa: BLE001 - whatever it is, the peer is to know its name
        traceback.print_exc()
        if ranks.is_main:
            try:
                channel.send({"type": "error", "message": f"{type(error).__name__}: {error}"})
            except Stopped:
                pass
        code = 1
    ranks.end(code)
    return code


if __name__ == "__main__":
    sys.exit(main())
