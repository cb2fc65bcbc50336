"""What a component must leave alone: generators, the process, the working folder, its input."""

import functools
import os
import random
import socket
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from loki_bench.errors import BrokenPromiseError
from loki_bench.interactions import Interactions

__all__ = [
    "contained",
    "different_generators",
    "no_network",
    "watched_generators",
    "watched_process",
    "writable",
]

T = TypeVar("T")

UNLIKELY_SEED = 987_654_321


C = TypeVar("C", bound=Callable[..., None])


def contained(check: C) -> C:
    """A check after which generators, process and working folder are as they were before it.

    What a broken component leaves behind must not hide it from the next check, or break others.
    """

    @functools.wraps(check)
    def run(*given: object, **named: object) -> None:
        with _restored_generators(), _restored_process():
            check(*given, **named)

    return cast("C", run)


def watched_generators(work: Callable[[], object], who: object) -> None:
    """Run the work; raise where it drew from, or seeded, a generator of the process.

    The generators of ``random``, ``numpy.random`` and ``torch`` are watched. A first run outside
    the watch lets libraries do what they do once, when they are imported.
    """
    with _restored_generators():
        work()
    with _restored_generators():
        _seed_generators(UNLIKELY_SEED)  # seeding with a seed that is in use already would not show
        before = _generator_states()
        work()
        after = _generator_states()
    for name, state in before.items():
        if after[name] != state:
            raise BrokenPromiseError(
                f"{who} used the global generator of {name}; make a generator from the given seed, "
                "such as numpy.random.default_rng(seed)"
            )


def different_generators(work: Callable[[], T]) -> tuple[T, T]:
    """What the work gives from two different states of the global generators."""
    with _restored_generators():
        _seed_generators(1)
        first = work()
        _seed_generators(2)
        return first, work()


def watched_process(work: Callable[[], object], who: object) -> None:
    """Run the work in an empty folder; raise where it left a trace in the process or the folder.

    Watched are files in the working folder, the folder itself, ``sys.argv``, ``os.environ`` and
    ``warnings.filters``. As for :func:`watched_generators` a first run is not watched, and what
    it changed is put back: importing a library changes filters, and that is not the component.
    """
    with tempfile.TemporaryDirectory() as folder, _restored_process():
        os.chdir(folder)
        work()
    with tempfile.TemporaryDirectory() as folder, _restored_process():
        os.chdir(folder)
        before = _process_state()
        work()
        after = _process_state()
        files = sorted(path.name for path in Path(folder).iterdir())
    if files:
        raise BrokenPromiseError(f"{who} wrote {', '.join(files)} into the working folder")
    for name, state in before.items():
        if after[name] != state:
            raise BrokenPromiseError(f"{who} changed {name}; leave the process as you found it")


def writable(interactions: Interactions) -> Interactions:
    """The same data in arrays that can be written to, so that a component that does is found out.

    The host's own arrays refuse: whether a component respects its input would not be seen.
    """
    copy = interactions.with_sequences(interactions)
    object.__setattr__(copy, "items", np.array(interactions.items))
    object.__setattr__(copy, "offsets", np.array(interactions.offsets))
    return copy


@contextmanager
def no_network() -> Iterator[list[str]]:
    """Refuse every connection and look-up of a host; gives the list of what was tried."""
    tried: list[str] = []

    def refuse(*given: object, **_: object) -> None:
        tried.append(str(given[-1] if given else ""))
        raise OSError("the network is out of reach in this check")

    names = ((socket.socket, "connect"), (socket, "getaddrinfo"), (socket, "create_connection"))
    kept = [(owner, name, getattr(owner, name)) for owner, name in names]
    for owner, name, _ in kept:
        setattr(owner, name, refuse)
    try:
        yield tried
    finally:
        for owner, name, original in kept:
            setattr(owner, name, original)


def _generator_states() -> dict[str, object]:
    import torch

    name, keys, *rest = np.random.get_state(legacy=True)  # noqa: NPY002  # it is what is watched
    return {
        "random": random.getstate(),
        "numpy.random": (name, np.asarray(keys).tobytes(), *rest),
        "torch": torch.get_rng_state().numpy().tobytes(),
    }


def _seed_generators(seed: int) -> None:
    import torch

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  # whoever draws from it must be seen to
    torch.manual_seed(seed)


@contextmanager
def _restored_generators() -> Iterator[None]:
    import torch

    kept = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])  # noqa: NPY002
        torch.set_rng_state(kept[2])


def _process_state() -> dict[str, Any]:
    return {
        "the working folder": Path.cwd(),
        "sys.argv": list(sys.argv),
        "os.environ": dict(os.environ),
        "warnings.filters": list(warnings.filters),
    }


@contextmanager
def _restored_process() -> Iterator[None]:
    kept = _process_state()
    try:
        yield
    finally:
        os.chdir(kept["the working folder"])
        sys.argv[:] = kept["sys.argv"]
        for name in set(os.environ) - set(kept["os.environ"]):
            del os.environ[name]
        os.environ.update(kept["os.environ"])
        warnings.filters[:] = kept["warnings.filters"]  # type: ignore[index]  # a list in CPython
