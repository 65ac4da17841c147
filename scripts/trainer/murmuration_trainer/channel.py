"""The conversation with the peer: JSON lines over standard input and output."""

import json
import os
import queue
import sys
import threading


class Stopped(Exception):
    """The peer has closed standard input, or asked to stop."""


class Cancelled(Exception):
    """The peer has no use for the answer to the request under way."""


class Failed(Exception):
    """A request cannot be done; the peer is told why, and the trainer goes on."""


def standard_output():
    """Standard output, for messages alone: what libraries print goes to standard error from here on."""
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return output


class Channel:
    """Reads requests in a thread, so that a cancelled request and a closed input are seen while the model computes, and
    says that the trainer is alive."""

    def __init__(self, output, heartbeat=10.0):
        self._output = output
        self._lock = threading.Lock()
        self._requests = queue.Queue()
        self._cancelled = set()
        self._stopped = threading.Event()
        self._busy = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._beat, args=(heartbeat,), daemon=True).start()

    def _read(self):
        for line in sys.stdin:
            message = json.loads(line)
            if message["type"] == "cancel":
                self._cancelled.add(message["id"])
            elif message["type"] == "stop":
                break
            else:
                self._requests.put(message)
        self._stopped.set()
        self._requests.put(None)
        # Whoever computes looks up between two records; whoever hangs in a library, or waits for ranks that do not come,
        # is ended here. As a failure, on which a launcher ends the other ranks.
        timer = threading.Timer(8, os._exit, args=(1,))
        timer.daemon = True
        timer.start()

    def _beat(self, heartbeat):
        while not self._stopped.wait(heartbeat):
            if self._busy.is_set():
                self.send({"type": "alive"})

    def next(self):
        """The next request; raises Stopped where there is none any more."""
        self._busy.clear()
        request = self._requests.get()
        if request is None or self._stopped.is_set():
            raise Stopped()
        self._busy.set()
        return request

    def check(self, identifier):
        """Raises where nobody waits any more for the answer to this request."""
        if self._stopped.is_set():
            raise Stopped()
        if identifier in self._cancelled:
            raise Cancelled()

    def send(self, message):
        try:
            with self._lock:
                self._output.write(json.dumps(message, allow_nan=False) + "\n")
                self._output.flush()
        except (BrokenPipeError, OSError) as error:
            raise Stopped() from error
