"""The run beside a record: what each step cost, and on which machine with which versions."""

import os
import platform
import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import distributions
from pathlib import Path

from pydantic import JsonValue

from loki_bench.content_ids import content_id
from loki_bench.json_values import JsonObject
from loki_bench.timing import Timed

__all__ = ["environment", "environment_fingerprint", "run_of"]


def run_of(timings: Mapping[str, tuple[str, Timed[object] | None]]) -> JsonObject:
    """What steps cost, and where they ran.

    Parameters
    ----------
    timings : mapping of a step's name to (the work that it is, what it cost)
        None for what was taken from the store, or is told in the run of another cell: the sum
        over all runs is what the grid cost.
    """
    return {
        "timings": {
            name: None
            if timed is None
            else {
                "work": work,
                "wall_seconds": round(timed.wall_seconds, 3),
                "cpu_seconds": round(timed.cpu_seconds, 3),
                "compile_seconds": round(timed.compile_seconds, 3),
                "peak_memory_bytes": timed.peak_memory_bytes,
                "host": timed.host,
                **timed.process,
            }
            for name, (work, timed) in timings.items()
        },
        "environment": environment(),
    }


def environment() -> JsonObject:
    """The machine that writes the records, and every distribution that can be imported now."""
    return _environment(tuple(sys.path))


@lru_cache(maxsize=1)
def _environment(path: tuple[str, ...]) -> JsonObject:
    """Looked at once for each search path: every record tells it."""
    found: dict[str, str] = {}
    for one in distributions(path=list(path)):
        found.setdefault(one.name, one.version)  # the first is what an import finds
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": platform.machine(),
        "cpu": _cpu(),
        "n_cpus": os.cpu_count(),
        "threads_per_cell": 1,
        "distributions": dict(sorted(found.items())),
    }


def environment_fingerprint(environment: JsonValue) -> str:
    """SHA-256 of what may change the bits of a result: all of an environment but the cores."""
    if isinstance(environment, dict):
        environment = {key: value for key, value in environment.items() if key != "n_cpus"}
    return content_id(environment)


def _cpu() -> str:
    """The processor's model: numerical libraries choose their kernels by it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()
