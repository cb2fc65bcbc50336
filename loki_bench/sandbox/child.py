"""The inside of an isolated process: it is sent a request, carries it out, and sends the answer.

Started by :mod:`loki_bench.sandbox.parent` for one request, and ended after it, so nothing that a
component keeps outlives its cell. A fitted recommender is asked several times. What goes back is
JSON and plain arrays: the host unpickles nothing that a component wrote
(:mod:`loki_bench.sandbox.messages`).
"""

import importlib
import json
import os
import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.machinery import FileFinder, PathFinder
from typing import TYPE_CHECKING, TypeAlias

from loki_bench.errors import LokiBenchError, RejectedError
from loki_bench.kernel import die_with
from loki_bench.plain_data import in_short, text_of, traceback_of
from loki_bench.sandbox.channel import receive_frame, receive_object, send_frame
from loki_bench.sandbox.confinement import NOT_CONFINED, World, confine
from loki_bench.sandbox.machine_code import read_also
from loki_bench.sandbox.supervisor import start_below

if TYPE_CHECKING:  # it imports numpy, with what a process may read and start by then
    from loki_bench.answer_checks import NamedArrays

__all__ = ["Request", "main"]

_Reply: TypeAlias = "tuple[NamedArrays, dict[str, object], dict[str, float]]"
_Work: TypeAlias = Callable[[object, Callable[[object], object]], _Reply]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What an isolated process is to do.

    Attributes
    ----------
    function : str
        ``"package.module:name"``; called with each argument that is sent and a function that puts a
        question to the host, it returns named arrays, plain data, and what the work cost, in
        seconds. Of a class one instance is made, and called: it remembers what it did before.
    world : World
        What the process may see and change.
    source_folders : tuple of str
        Folders on the path that can't be listed from inside.
    machine_code : str
        Where numba may read, too, what it compiled before.
    """

    function: str
    world: World
    source_folders: tuple[str, ...]
    machine_code: str


def main(
    channel: int, *, confined: bool = True, before_answer: Callable[[], None] = lambda: None
) -> None:
    """Carry out one request, sent through the open file ``channel``; ends the process.

    Parameters
    ----------
    channel : int
    confined : bool
        See :func:`loki_bench.sandbox.parent.run_isolated`.
    before_answer : callable
        Called when an answer is known, and not yet sent.
    """

    def work(inside: tuple[str, ...], own_processes: bool, parent: int) -> None:
        request: Request = pickle.loads(receive_frame(channel))
        _list_now(request.source_folders)
        read_also(request.machine_code)
        confinement = NOT_CONFINED
        if confined:
            confinement = confine(request.world, namespaces=inside, own_processes=own_processes)
        die_with(parent)
        send_frame(channel, _encoded({"kind": "ready", "confinement": confinement.as_json()}))
        _answer(request, channel, before_answer)

    start_below(work, given=channel, apart=confined)


def _answer(request: Request, channel: int, before_answer: Callable[[], None]) -> None:
    """Answer what is sent, until nothing more is: the host reads this process's memory first."""
    work: _Work | None = None
    while opened := receive_object(channel):
        try:
            work = work or _imported(request.function)
            reply, content = _carried_out(work, opened, channel)
        except BaseException as error:  # whatever a plugin raises, SystemExit included
            reply, content = _encoded(_told(error)), []
        before_answer()
        send_frame(channel, reply)
        for part in content:
            send_frame(channel, part, framed=False)
    os._exit(0)  # at once: a thread or an exit handler of a plugin has no say


def _imported(function: str) -> "_Work":
    module, _, name = function.partition(":")
    found = getattr(importlib.import_module(module), name)
    work: _Work = found() if isinstance(found, type) else found
    return work


def _carried_out(
    work: "_Work", opened: Callable[[], object], channel: int
) -> tuple[bytes, list[bytes]]:
    def ask(question: object) -> object:
        send_frame(channel, _encoded({"kind": "question", "question": question}))
        answer: object = json.loads(receive_frame(channel))
        return answer

    import numpy as np  # with what it may read and start by now

    from loki_bench.sandbox.messages import array_forms

    given, report, costs = work(opened(), ask)
    arrays = {key: np.ascontiguousarray(array).reshape(array.shape) for key, array in given.items()}
    reply: dict[str, object] = {"kind": "answer", "report": report, "costs": costs}
    return _encoded({**reply, "arrays": array_forms(arrays)}), [
        array.tobytes() for array in arrays.values()
    ]


def _told(error: BaseException) -> dict[str, object]:
    """An error in plain data; its own methods may raise, or never end, like all of a plugin."""
    rule = "other"
    if isinstance(error, LokiBenchError):
        rule = "rejected" if isinstance(error, RejectedError) else "answer"
    number = getattr(error, "errno", 0)
    return {
        "kind": "error",
        "rule": rule,
        "type": in_short(str(type(error).__name__), 100),
        "number": number if isinstance(number, int) else 0,
        "message": text_of(error),
        "traceback": traceback_of(error),
    }


def _encoded(message: dict[str, object]) -> bytes:
    return json.dumps(message, allow_nan=False).encode()


def _list_now(folders: tuple[str, ...]) -> None:
    """Let imports know what lies in folders that can't be listed later, and never ask again."""
    PathFinder.find_spec("no_such_module_of_loki_bench")  # fills every finder's list
    for folder in folders:
        finder = sys.path_importer_cache.get(folder)
        if isinstance(finder, FileFinder):
            # A change in the folder would have it list again; it has no switch for that.
            vars(finder)["_fill_cache"] = lambda: None
