"""The inside of an isolated process: it is sent a request, carries it out, and sends the answer.

Started by :mod:`loki_bench.sandbox.parent` for one request, and ended after it, so nothing that a
component keeps outlives its cell. What goes back is JSON and plain arrays: the host unpickles
nothing that a component wrote.
"""

import importlib
import io
import json
import os
import pickle
import signal
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np

from loki_bench.errors import LokiBenchError
from loki_bench.sandbox.landlock import allow_writes_only_in, die_with_parent, drop_tracing

__all__ = ["Request", "main"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What an isolated process is to do.

    Attributes
    ----------
    function : str
        ``"package.module:name"``; called with ``argument`` and a function that puts a question to
        the host, it returns named arrays, plain data, and what the work cost, in seconds.
    argument : bytes
        Pickled by the host; unpickled once the process has given up its rights.
    writable : tuple of str
        Folders that the process may write in.
    """

    function: str
    argument: bytes
    writable: tuple[str, ...]


def main(channel_number: int, parent: int) -> None:
    """Carry out one request, sent through the open file ``channel_number``."""
    die_with_parent(parent)
    channel: Connection[Any, Any] = Connection(channel_number)
    request: Request = pickle.loads(channel.recv_bytes())
    drop_tracing()
    confined = allow_writes_only_in([Path(folder) for folder in request.writable])
    _end_with_lifeline()  # from here on: a thread keeps the rights it was started with
    _send(channel, {"kind": "ready", "writes_confined": confined})
    try:
        reply, arrays = _carried_out(request, channel)
    except BaseException as error:  # whatever a plugin raises, SystemExit included
        reply, arrays = _told(error), {}
    _send(channel, reply)
    content = io.BytesIO()
    np.savez(content, **arrays)
    channel.send_bytes(content.getvalue())
    channel.recv_bytes()  # the host reads this process's memory first
    os._exit(0)  # at once: a thread or an exit handler of a plugin has no say


def _carried_out(
    request: Request, channel: "Connection[Any, Any]"
) -> tuple[dict[str, Any], dict[str, Any]]:
    def ask(question: Any) -> Any:
        _send(channel, {"kind": "question", "question": question})
        return json.loads(channel.recv_bytes())

    module, _, name = request.function.partition(":")
    function = getattr(importlib.import_module(module), name)
    arrays, report, costs = function(pickle.loads(request.argument), ask)
    return {"kind": "answer", "report": report, "costs": costs}, arrays


def _told(error: BaseException) -> dict[str, Any]:
    ours = isinstance(error, LokiBenchError)
    return {
        "kind": "error",
        "type": type(error).__name__,
        "ours": ours,
        "refused": isinstance(error, PermissionError),
        "message": str(error),
        "traceback": traceback.format_exc(),
    }


def _send(channel: "Connection[Any, Any]", message: dict[str, Any]) -> None:
    channel.send_bytes(json.dumps(message, allow_nan=False).encode())


def _end_with_lifeline() -> None:
    """End, with all processes started from here, when the host does: its pipe then closes."""
    lifeline = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)

    def wait_for_the_end() -> None:
        os.read(lifeline, 1)
        os.killpg(0, signal.SIGKILL)

    Thread(target=wait_for_the_end, daemon=True).start()
