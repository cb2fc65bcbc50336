"""What a cell leaves behind: the record that leaderboards read, and the run beside it.

The record holds only what follows from the cell's specification, so it is the same bytes on every
run. Times, memory and machine go into the run, which no leaderboard reads.
"""

import math
import os
import platform
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from loki_bench.content_ids import content_id
from loki_bench.contracts import Goal
from loki_bench.engine.timing import Timed
from loki_bench.pipeline.jobs import Poison, VictimRanks
from loki_bench.pipeline.training_data import DefenseAnswer
from loki_bench.suite.cell import Cell

__all__ = [
    "SCHEMA_VERSION",
    "Status",
    "defense_report",
    "environment",
    "environment_fingerprint",
    "failed_record",
    "ok_record",
    "run_of",
    "samples_from_fakes",
    "spent",
]

SCHEMA_VERSION = 3

Status = Literal["ok", "rejected", "failed", "timeout"]


def ok_record(
    cell: Cell,
    *,
    goal: Goal,
    genuine_lengths: NDArray[np.int64],
    metrics: Mapping[str, float],
    ceilings: Mapping[str, float],
    crafted: Poison,
    attacked: VictimRanks,
    from_fake_users: int | None,
    ranks_id: str,
    clean_ranks_id: str,
    defense: Mapping[str, Any] | None,
    defense_ids: Mapping[str, str],
) -> dict[str, Any]:
    """The record of a cell that ran to its end.

    ``genuine_lengths`` are those of genuine users' training sequences; ``defense`` and
    ``defense_ids`` are of :func:`defense_report`, or None and empty.
    """
    return {
        **_head(cell, "ok", ""),
        "metrics": {name: _plain(value) for name, value in metrics.items()},
        "ceilings": dict(ceilings),
        "goal": {"items": goal.items.tolist(), "users": goal.users.tolist()},
        "spent": spent(cell, crafted, goal),
        "lengths": {
            "genuine": _counts(genuine_lengths),
            "fake": _counts(crafted.poison.lengths),
        },
        "canary": {
            "training_samples": attacked.n_training_samples,
            "training_samples_from_fake_users": from_fake_users,
        },
        "artefacts": {
            "poison": cell.craft_id,
            "poison_digest": crafted.poison.digest(),
            "ranks": ranks_id,
            "clean_ranks": clean_ranks_id,
            **defense_ids,
        },
        "reports": {"attacker": crafted.report, "victim": attacked.report},
        **({} if defense is None else {"defended": dict(defense)}),
    }


def defense_report(n_users: int, poisoned: DefenseAnswer, clean: DefenseAnswer) -> dict[str, Any]:
    """What a defense kept, in numbers, and what it reports of itself on both data sets."""
    kept = poisoned.kept
    return {
        "fake_users_kept": int(kept[n_users:].sum()),
        "genuine_users_dropped": int((~kept[:n_users]).sum()),
        "clean_users_dropped": int((~clean.kept).sum()),
        "report": poisoned.report,
        "clean_report": clean.report,
    }


def failed_record(
    cell: Cell, status: Status, reason: str, *, spent: dict[str, int] | None
) -> dict[str, Any]:
    """The record of a cell that was rejected, failed or ran out of time.

    ``spent`` is None where no poison was accepted: then nothing was injected.
    """
    return {**_head(cell, status, reason), "spent": spent}


def samples_from_fakes(clean: VictimRanks, attacked: VictimRanks) -> int | None:
    """How many training samples the fake users added; None where the victim does not count."""
    if clean.n_training_samples is None or attacked.n_training_samples is None:
        return None
    return attacked.n_training_samples - clean.n_training_samples


def run_of(timings: Mapping[str, tuple[str, Timed[Any] | None]]) -> dict[str, Any]:
    """What the jobs of a cell cost, and where they ran.

    Parameters
    ----------
    timings : mapping of a job's name to (the work that it is, what it cost)
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


@lru_cache(maxsize=1)
def environment() -> dict[str, Any]:
    """The machine that writes the records, and every distribution installed there."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": platform.machine(),
        "cpu": _cpu(),
        "n_cpus": os.cpu_count(),
        "threads_per_cell": 1,
        "distributions": {d.name: d.version for d in sorted(distributions(), key=lambda d: d.name)},
    }


def environment_fingerprint(environment: Mapping[str, Any]) -> str:
    """SHA-256 of what may change the bits of a result: all of an environment but the cores."""
    return content_id({key: value for key, value in environment.items() if key != "n_cpus"})


def _cpu() -> str:
    """The processor's model: numerical libraries choose their kernels by it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def _head(cell: Cell, status: Status, reason: str) -> dict[str, Any]:
    return {
        "schema": SCHEMA_VERSION,
        "id": cell.id,
        "cell": cell.model_dump(mode="json"),
        "status": status,
        "reason": reason,
    }


def spent(cell: Cell, crafted: Poison, goal: Goal) -> dict[str, int]:
    """The budget ledger of an attack: what it used of all that it was granted.

    Seconds and memory are in the run beside the record: they differ from run to run.

    Returns
    -------
    dict with ``fake_users``, ``events``, ``events_on_targets``, ``queries`` answered by the
    oracle, and ``surrogate_fits``: recommenders that the host trained for the attacker.
    """
    targets = set(goal.items.tolist())
    poison = crafted.poison
    return {
        "fake_users": len(poison),
        "events": poison.n_events,
        "events_on_targets": sum(item in targets for item in poison.items.tolist()),
        "queries": crafted.n_queries,
        "surrogate_fits": len(cell.surrogates),
    }


def _counts(lengths: NDArray[np.int64]) -> dict[str, int]:
    """How many sequences have each length: ``{"15": 671}``."""
    values, numbers = np.unique(lengths, return_counts=True)
    return {str(v): n for v, n in zip(values.tolist(), numbers.tolist(), strict=True)}


def _plain(value: float) -> float | None:
    """JSON has no NaN: a value that is undefined is null."""
    return None if math.isnan(value) else value
