"""Makes what a cell leaves behind: the record that leaderboards read, and the run beside it.

The record holds only what follows from the cell's specification (:mod:`loki_bench.records.schema`).
Times, memory and machine go into the run, which no leaderboard reads.
"""

import math
import os
import platform
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loki_bench.content_ids import content_id
from loki_bench.contracts import Goal
from loki_bench.engine.timing import Timed
from loki_bench.pipeline.jobs import Poison, VictimRanks
from loki_bench.pipeline.training_data import DefenseAnswer
from loki_bench.records.schema import (
    Artefacts,
    Canary,
    DefenseNumbers,
    DrawnGoal,
    Lengths,
    MetricValue,
    Record,
    Reports,
    Spent,
    Status,
)
from loki_bench.suite.cell import Cell
from loki_bench.suite.grid import ChosenMetric

__all__ = [
    "defense_report",
    "environment",
    "environment_fingerprint",
    "failed_record",
    "ok_record",
    "run_of",
    "samples_from_fakes",
    "spent",
]


def ok_record(
    cell: Cell,
    *,
    goal: Goal,
    genuine_lengths: NDArray[np.int64],
    metrics: Sequence[ChosenMetric],
    values: Mapping[str, float],
    crafted: Poison,
    attacked: VictimRanks,
    from_fake_users: int | None,
    ranks_id: str,
    clean_ranks_id: str,
    defense: DefenseNumbers | None,
    defense_ids: Mapping[str, str],
) -> Record:
    """The record of a cell that ran to its end.

    ``values`` are those of ``metrics`` by label; ``genuine_lengths`` those of genuine users'
    training sequences; ``defense`` and ``defense_ids`` are of :func:`defense_report`, or None and
    empty.
    """
    return Record(
        id=cell.id,
        cell=cell,
        status="ok",
        reason="",
        metrics=tuple(_value(metric, values[metric.label], cell) for metric in metrics),
        goal=DrawnGoal(items=tuple(goal.items.tolist()), users=tuple(goal.users.tolist())),
        spent=spent(cell, crafted, goal),
        lengths=Lengths(genuine=_counts(genuine_lengths), fake=_counts(crafted.poison.lengths)),
        canary=Canary(
            training_samples=attacked.n_training_samples,
            training_samples_from_fake_users=from_fake_users,
        ),
        artefacts=Artefacts(
            poison=cell.craft_id,
            poison_digest=crafted.poison.digest(),
            ranks=ranks_id,
            clean_ranks=clean_ranks_id,
            **defense_ids,
        ),
        reports=Reports(attacker=crafted.report, victim=dict(attacked.report)),
        defense=defense,
    )


def defense_report(n_users: int, poisoned: DefenseAnswer, clean: DefenseAnswer) -> DefenseNumbers:
    """What a defense kept, in numbers, and what it reports of itself on both data sets."""
    kept = poisoned.kept
    return DefenseNumbers(
        fake_users_kept=int(kept[n_users:].sum()),
        genuine_users_dropped=int((~kept[:n_users]).sum()),
        clean_users_dropped=int((~clean.kept).sum()),
        report=dict(poisoned.report),
        clean_report=dict(clean.report),
    )


def failed_record(cell: Cell, status: Status, reason: str, *, spent: Spent | None) -> Record:
    """The record of a cell that was rejected, failed or ran out of time.

    ``spent`` is None where no poison was accepted: then nothing was injected.
    """
    return Record(id=cell.id, cell=cell, status=status, reason=reason, spent=spent)


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


def spent(cell: Cell, crafted: Poison, goal: Goal) -> Spent:
    """The budget ledger of an attack: what it used of all that it was granted."""
    targets = set(goal.items.tolist())
    poison = crafted.poison
    return Spent(
        fake_users=len(poison),
        events=poison.n_events,
        events_on_targets=sum(item in targets for item in poison.items.tolist()),
        queries=crafted.n_queries,
        surrogate_fits=len(cell.surrogates),
    )


def _value(metric: ChosenMetric, value: float, cell: Cell) -> MetricValue:
    """JSON has no NaN and no infinity: a value that is undefined, or a bound that is none."""
    spec = metric.spec
    low, high = spec.range
    return MetricValue(
        label=metric.label,
        value=None if math.isnan(value) else value,
        higher_is=spec.higher_is_for(cell.protocol.goal),
        range=(low if math.isfinite(low) else None, high if math.isfinite(high) else None),
        ceiling=metric.ceiling,
        purpose=spec.purpose,
        unit=spec.unit,
    )


def _counts(lengths: NDArray[np.int64]) -> dict[int, int]:
    """How many sequences have each length: ``{15: 671}``."""
    values, numbers = np.unique(lengths, return_counts=True)
    return dict(zip(values.tolist(), numbers.tolist(), strict=True))
