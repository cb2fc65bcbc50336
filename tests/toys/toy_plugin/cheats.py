"""Attackers that try what an attacker must not, and say in their report how far they got."""

import gc
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from loki_bench.contracts import Attacker, Budget, Recommender
from loki_bench.errors import RejectedError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.split import HeldOut, Split


def _honest(view):
    return Sequences.of([[0] * view.budget.n_actions] * view.budget.n_fake_users)


class CountsItsCells(Attacker):
    """Keeps state in its class: how many cells it has attacked."""

    n_cells = 0

    def poison(self, view):
        type(self).n_cells += 1
        self.report = {"cells": self.n_cells}
        return _honest(view)


WINDOW = 1 << 26


class LooksAround(Attacker):
    """Walks all objects, and the host's memory, for test events and victims.

    ``first`` and ``second`` are halves of what to look for, as hexadecimal digits: only side by
    side are they the real thing, and this attacker never puts them so itself.
    """

    def __init__(self, *, n_events: int, host: int, first: str, second: str) -> None:
        self.n_events, self.host = n_events, host
        self.first, self.second = bytes.fromhex(first), bytes.fromhex(second)

    def poison(self, view):
        # isinstance() may run code of lazy objects that other libraries keep: type() does not
        found = [o for o in gc.get_objects() if issubclass(type(o), object)]
        kinds = {type(o).__name__ for o in found if issubclass(type(o), (HeldOut, Split))}
        kinds |= {type(o).__name__ for o in found if issubclass(type(o), Recommender)}
        whole = [
            o for o in found if issubclass(type(o), Interactions) and o.n_events == self.n_events
        ]
        modules = [name for name in sys.modules if name.startswith("loki_bench.pipeline")]
        self.report = {
            "objects": sorted(kinds),
            "whole_data": bool(whole),
            "jobs": bool(modules),
            "memory": self._memory(),
            "environment": sorted(n for n in os.environ if n.startswith("LOKI_BENCH_")),
            "folder": sorted(path.name for path in Path.cwd().iterdir()),
        }
        return _honest(view)

    def _memory(self):
        try:
            with (
                Path(f"/proc/{self.host}/maps").open() as maps,
                Path(f"/proc/{self.host}/mem").open("rb", buffering=0) as memory,
            ):
                return "found" if any(self._holds(memory, line) for line in maps) else "nothing"
        except OSError as error:
            return type(error).__name__

    def _holds(self, memory, line):
        addresses, rights, *_ = line.split()
        start, end = (int(address, 16) for address in addresses.split("-"))
        if not rights.startswith("rw") or end - start > 1 << 33:
            return False
        # a window at a time, each beginning within the one before: nothing is cut in two
        windows = range(start, end, WINDOW - len(self.first) - len(self.second))
        return any(self._stands_in(memory, at, min(WINDOW, end - at)) for at in windows)

    def _stands_in(self, memory, start, n_bytes):
        try:
            memory.seek(start)
            content = memory.read(n_bytes) or b""
        except (OSError, ValueError):  # a region that can't be read
            return False
        place = content.find(self.first)
        while place >= 0:
            after = place + len(self.first)
            if content[after : after + len(self.second)] == self.second:
                return True
            place = content.find(self.first, place + 1)
        return False


class LooksForAnEvent(Attacker):
    """Looks for an item in all that it is given, and for a pair of items in all objects.

    ``before`` and ``item`` are events of one user, one after the other; they come as separate
    numbers, and this attacker never puts them side by side itself.
    """

    def __init__(self, *, before: int, item: int) -> None:
        self.first, self.second = (np.int32(i).tobytes() for i in (before, item))
        self.item = item

    def poison(self, view):
        models = [surrogate.fit() for surrogate in view.surrogates]
        given = {
            "history": [view.history.items],
            "train": [surrogate.train.items for surrogate in view.surrogates],
            "fitted on": [model.train.items for model in models],
            "validated on": [
                array
                for model in models
                for array in (model.validation.items, model.validation.histories.items)
            ],
        }
        self.report = {
            "given": [name for name, arrays in given.items() if self._is_in(arrays)],
            "objects": any(self._follow(raw) for raw in self._all_bytes()),
        }
        return _honest(view)

    def _is_in(self, arrays):
        return any(bool((array == self.item).any()) for array in arrays)

    def _all_bytes(self):
        # arrays and bytes are not tracked themselves: their owners are
        for owner in gc.get_objects():
            for part in gc.get_referents(owner):
                if type(part) is bytes:
                    yield part
                elif type(part) is np.ndarray and part.dtype == np.int32:
                    yield part.tobytes()

    def _follow(self, raw):
        place = raw.find(self.first)
        while place >= 0:
            after = place + len(self.first)
            if raw[after : after + len(self.second)] == self.second:
                return True
            place = raw.find(self.first, place + 1)
        return False


class EditsView(Attacker):
    """Tries to change what it was shown, in one of several ways."""

    def __init__(self, how: str = "item") -> None:
        self.how = how

    def poison(self, view):
        items = view.history.items
        if self.how == "item":
            items[0] = 1
        elif self.how == "flag":
            items.setflags(write=True)
        elif self.how == "base":
            while isinstance(items.base, np.ndarray):
                items = items.base
            items.flags.writeable = True
        elif self.how == "goal":
            view.goal.items[0] = 1
        elif self.how == "budget":
            object.__setattr__(view, "budget", Budget(n_fake_users=50, n_actions=50))
        elif self.how == "history":
            object.__setattr__(view, "history", view.history.with_sequences(Sequences.of([[0]])))
        return _honest(view)


class WritesTo(Attacker):
    """Overwrites, adds, removes or empties a file that it knows, or writes beside itself."""

    def __init__(self, file: str = "", how: str = "overwrite") -> None:
        self.file, self.how = file, how

    def poison(self, view):
        Path("own.txt").write_text("its own folder is its own")
        if self.file:
            path = Path(self.file)
            if self.how == "overwrite":
                path.write_text("{}")
            elif self.how == "add":
                path.with_name("new.json").write_text("{}")
            elif self.how == "remove":
                path.unlink()
            elif self.how == "rename":
                path.rename(path.with_suffix(".old"))
            elif self.how == "truncate":
                os.truncate(path, 0)
        return _honest(view)


class Asks(Attacker):
    """Asks the oracle for the first users, some more often than it may, and says what it heard."""

    def __init__(self, n: int = 0, user: int = -1, catches: bool = False) -> None:
        self.n, self.user, self.catches = n, user, catches

    def poison(self, view):
        heard = {}
        try:
            for user in [self.user] * (self.user != -1) + list(range(self.n)):
                heard[str(user)] = view.oracle.top_k(user).tolist()
        except RejectedError:
            if not self.catches:
                raise
        self.report = {"heard": heard, "left": view.oracle.n_left}
        return _honest(view)


class AsksOf(Attacker):
    """Asks the oracle about a sequence, some times, and says what it heard."""

    def __init__(self, items: str = "0 1", n: int = 1, catches: bool = False) -> None:
        self.items, self.n, self.catches = items, n, catches

    def poison(self, view):
        heard = []
        try:
            for _ in range(self.n):
                asked = np.array(self.items.split(), dtype=np.int32)
                heard.append(view.oracle.top_k_of(asked).tolist())
        except RejectedError:
            if not self.catches:
                raise
        self.report = {"heard": heard, "left": view.oracle.n_left}
        return _honest(view)


class TakesMemory(Attacker):
    def poison(self, view):
        self.kept = np.ones(100 << 20)  # 800 MiB, all of it touched
        time.sleep(60)
        return _honest(view)


class LeavesAProcess(Attacker):
    def poison(self, view):
        asleep = f"600.{os.urandom(8).hex()}".translate(str.maketrans("abcdef", "123456"))
        subprocess.Popen(["sleep", asleep])
        self.report = {"asleep": asleep}
        return _honest(view)


class Prints(Attacker):
    def poison(self, view):
        print("I am in standard output")
        self.report = {"seconds": float("nan")}
        return _honest(view)


def sleep_long(argument, ask):
    """What an isolated process may be asked to do; for a host that is killed meanwhile."""
    time.sleep(600)
