"""What a piece of work cost in time and memory, without the compiling of its loops."""

import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar, cast

from loki_bench.compiled_cache import name_files_by_content
from loki_bench.json_values import JsonValue

__all__ = ["Timed", "peak_memory_bytes", "timed"]

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Timed(Generic[T]):
    """A job's result and what it cost; the costs never enter a record.

    Attributes
    ----------
    value : object
    wall_seconds, cpu_seconds : float
        Of the work itself: without reading the dataset, imports and compiling.
    compile_seconds : float
        What numba took meanwhile to compile; 0 where it found machine code in its cache.
    peak_memory_bytes : int
        The most that the worker process held until then.
    host : str
        The machine's name.
    process : dict
        Of work done in a process of its own: how it was isolated; empty otherwise.
    """

    value: T
    wall_seconds: float
    cpu_seconds: float
    compile_seconds: float
    peak_memory_bytes: int
    host: str
    process: dict[str, JsonValue] = field(default_factory=dict)

    @property
    def costs(self) -> dict[str, float]:
        """The seconds alone: what a process that was asked to do the work tells of it."""
        return {
            "wall_seconds": self.wall_seconds,
            "cpu_seconds": self.cpu_seconds,
            "compile_seconds": self.compile_seconds,
        }

    def giving(self, value: U) -> "Timed[U]":
        """The same costs for what the result was turned into."""
        return replace(cast("Timed[U]", self), value=value)


def timed(work: Callable[[], T], *, compiles: bool = True) -> Timed[T]:
    """Do the work and say what it cost; ``compiles=False`` where numba has no part in it."""
    with _compiling() if compiles else nullcontext(_Stopwatch()) as compiled:
        wall, cpu = time.perf_counter(), time.process_time()
        value = work()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Timed(
        value,
        wall_seconds=wall - compiled.wall,
        cpu_seconds=cpu - compiled.cpu,
        compile_seconds=compiled.wall,
        peak_memory_bytes=peak_memory_bytes(),
        host=platform.node(),
    )


def peak_memory_bytes() -> int:
    """The most that this process has held until now."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


class _Stopwatch:
    """Sums the time between starts and ends; what starts inside another is not counted twice."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0
        self._depth = 0
        self._began = (0.0, 0.0)

    def start(self) -> None:
        if not self._depth:
            self._began = (time.perf_counter(), time.process_time())
        self._depth += 1

    def end(self) -> None:
        self._depth -= 1
        if not self._depth:
            self.wall += time.perf_counter() - self._began[0]
            self.cpu += time.process_time() - self._began[1]


@contextmanager
def _compiling() -> Iterator[_Stopwatch]:
    """A stopwatch that runs while numba compiles."""
    from numba.core import event  # imported here: the host never compiles

    name_files_by_content()

    stopwatch = _Stopwatch()

    class Listening(event.Listener):  # type: ignore[misc]  # numba has no types
        def on_start(self, event: object) -> None:
            stopwatch.start()

        def on_end(self, event: object) -> None:
            stopwatch.end()

    with event.install_listener("numba:compile", Listening()):
        yield stopwatch
