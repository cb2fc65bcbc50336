"""The record of a cell, which leaderboards read; what its steps cost goes into the run beside it.

The record holds only what follows from the cell's specification, so it is the same bytes on every
run. Times, memory and machine go into the run (:mod:`loki_bench.engine.run_log`), which no
leaderboard reads.
"""

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from loki_bench.content_ids import JsonObject
from loki_bench.contracts import Goal
from loki_bench.engine.run import Failure, Results
from loki_bench.engine.run_log import run_of
from loki_bench.engine.step import Values, steps_of
from loki_bench.pipeline.craft import Poison
from loki_bench.pipeline.dataset import CellStep
from loki_bench.pipeline.measure import Measure
from loki_bench.pipeline.retrain import VictimRanks
from loki_bench.pipeline.training_data import DefenseAnswer
from loki_bench.records.store import Store
from loki_bench.split import Split
from loki_bench.suite.cell import Cell
from loki_bench.suite.goal import draw_goal
from loki_bench.suite.grid import ChosenMetric

__all__ = [
    "SCHEMA_VERSION",
    "Status",
    "artefacts_of",
    "defense_report",
    "failed_record",
    "ok_record",
    "samples_from_fakes",
    "spent",
    "write_record",
]

SCHEMA_VERSION = 3

Status = Literal["ok", "rejected", "failed", "timeout"]


def write_record(
    step: Measure,
    results: Results,
    *,
    split: Split,
    store: Store,
) -> tuple[Status, str]:
    """Write the record of a cell whose last step ended, and the run beside it.

    Returns
    -------
    (status, reason)
        How the cell ended.
    """
    cell, values, inputs = step.cell, results.values, step.inputs
    goal = draw_goal(split, cell.protocol, cell.seed)
    added = None
    outcome = results.of(step)
    if not isinstance(outcome, Failure):
        added = _from_fake_users(step, values)
        outcome = _lost_poison(step, values, added) or outcome
    if isinstance(outcome, Failure):
        used = spent(cell, values[inputs.craft], goal) if inputs.craft in values else None
        record = failed_record(cell, outcome.status, outcome.reason, spent=used)
    else:
        artefacts = artefacts_of(step, values)
        record = ok_record(
            cell,
            goal=goal,
            genuine_lengths=split.train.lengths,
            metrics=outcome,
            ceilings={m.label: _ceiling(m, cell) for m in step.metrics if _has_ceiling(m)},
            crafted=values[inputs.craft],
            attacked=values[inputs.attack],
            from_fake_users=added,
            ranks_id=artefacts.pop("ranks"),
            clean_ranks_id=artefacts.pop("clean_ranks"),
            defense=defense_report(cell.dataset.n_users, *(values[d] for d in inputs.defenses))
            if inputs.defenses
            else None,
            defense_ids=artefacts,  # what is left, and the poison, whose address it is
        )
    # Each cost is told once: with the first cell that shares the work.
    costs = {s.name: (s.work, results.costs.pop(s.key, None)) for s in steps_of(step)}
    details = outcome.details if isinstance(outcome, Failure) else ""
    # The run first: a record is the sign that all of its cell is written.
    store.write_json("runs", cell.id, {**run_of(costs), "details": details})
    store.adopt(record.get("artefacts", {}))
    store.write_json("records", cell.id, record)
    return record["status"], record["reason"]


def artefacts_of(step: Measure, values: Values) -> dict[str, str]:
    """The address of everything that is kept for the record, by what the record calls it."""
    return {
        needed.artefact: needed.address(values)
        for needed in step.needs
        if isinstance(needed, CellStep) and needed.artefact
    }


def _from_fake_users(step: Measure, values: Values) -> int | None:
    """Training samples that the fake users added.

    Counted against a clean victim trained on the same genuine users, with or without the defense;
    None where neither was, or the victim does not count.
    """
    attack = step.inputs.attack
    dropped = attack.trained_on(values).dropped
    for clean in (step.inputs.clean, step.inputs.undefended):
        if clean is not None and np.array_equal(clean.trained_on(values).dropped, dropped):
            return samples_from_fakes(values[clean], values[attack])
    return None


def _lost_poison(step: Measure, values: Values, added: int | None) -> Failure | None:
    """The canary: fake users that add no training sample were lost on the way."""
    poison = step.inputs.attack.trained_on(values).poison
    if poison.n_events == 0 or added is None or added > 0:
        return None
    return Failure(
        "failed",
        f"the poison never reached victim '{step.cell.victim.name}': {len(poison)} fake "
        f"users with {poison.n_events} events added {added} training samples",
    )


def _has_ceiling(metric: ChosenMetric) -> bool:
    return metric.spec.name == "display_rate"


def _ceiling(metric: ChosenMetric, cell: Cell) -> float:
    """The most that display rate can be: K places shared by all targets."""
    n_targets = len(cell.protocol.targets) or cell.protocol.n_targets
    return min(1.0, (metric.k or 0) / n_targets)


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
    defense: Mapping[str, object] | None,
    defense_ids: Mapping[str, str],
) -> JsonObject:
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


def defense_report(n_users: int, poisoned: DefenseAnswer, clean: DefenseAnswer) -> JsonObject:
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
) -> JsonObject:
    """The record of a cell that was rejected, failed or ran out of time.

    ``spent`` is None where no poison was accepted: then nothing was injected.
    """
    return {**_head(cell, status, reason), "spent": spent}


def samples_from_fakes(clean: VictimRanks, attacked: VictimRanks) -> int | None:
    """How many training samples the fake users added; None where the victim does not count."""
    if clean.n_training_samples is None or attacked.n_training_samples is None:
        return None
    return attacked.n_training_samples - clean.n_training_samples


def _head(cell: Cell, status: Status, reason: str) -> JsonObject:
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
