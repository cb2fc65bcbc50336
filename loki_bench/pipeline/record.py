"""The record of a cell, which leaderboards read; what its steps cost goes into the run beside it.

The record holds only what follows from the cell's specification (:mod:`loki_bench.records.schema`).
Times, memory and machine go into the run (:mod:`loki_bench.engine.run_log`), which no leaderboard
reads.
"""

import math

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import Goal
from loki_bench.engine.run import Failure, Results
from loki_bench.engine.run_log import run_of
from loki_bench.engine.step import Values, steps_of
from loki_bench.pipeline.craft import Poison
from loki_bench.pipeline.dataset import CellStep
from loki_bench.pipeline.measure import Measure, Measured
from loki_bench.plugins.specs import higher_is_for
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
)
from loki_bench.records.store import Store
from loki_bench.split import Split
from loki_bench.suite.cell import Cell
from loki_bench.suite.goal import draw_goal
from loki_bench.suite.grid import ChosenMetric

__all__ = ["write_record"]


def write_record(
    step: Measure,
    results: Results,
    *,
    split: Split,
    store: Store,
    replaced: Record | None = None,
) -> Record:
    """Write the record of a cell whose last step ended, and the run beside it.

    Parameters
    ----------
    replaced : Record or None
        The cell's earlier record: what it tells of a poison that is still the cell's stays known.

    Returns
    -------
    Record
        As it was written.
    """
    cell, values = step.cell, results.values
    again = step.inputs.again
    marked = values[again] if again is not None and again in values else ""
    if replaced is not None and not marked:
        marked = _known_mark(step, values, replaced)
    goal = draw_goal(split, cell.protocol, cell.seed, measured=True)
    outcome = results.of(step)
    if not isinstance(outcome, Failure):
        added = _from_fake_users(step, values)
        outcome = _lost_poison(step, values, added) or outcome
    if isinstance(outcome, Failure):
        craft = step.inputs.craft
        record = Record(
            id=cell.id,
            cell=cell,
            status=outcome.status,
            reason=outcome.reason,
            # without a poison that was accepted, nothing was injected
            spent=_spent(cell, values[craft], goal) if craft in values else None,
            not_deterministic=marked,
            confinement=values[craft].confinement if craft in values else None,
        )
    else:
        record = _result(step, values, outcome, goal, split, added, marked)
    # Each cost is told once: with the first cell that shares the work.
    costs = {s.name: (s.work, results.costs.pop(s.key, None)) for s in steps_of(step)}
    details = outcome.details if isinstance(outcome, Failure) else ""
    # The run first: a record is the sign that all of its cell is written.
    store.write_json("runs", cell.id, {**run_of(costs), "details": details})
    store.adopt(record.artefact_addresses)
    store.write_record(record)
    return record


def _result(
    step: Measure,
    values: Values,
    measured: Measured,
    goal: Goal,
    split: Split,
    added: int | None,
    marked: str,
) -> Record:
    """The record of a cell that ran to its end."""
    cell, inputs = step.cell, step.inputs
    data = split.history
    crafted, attacked = values[inputs.craft], values[inputs.attack]
    kept = {
        needed.artefact: needed.address(values)
        for needed in step.needs
        if isinstance(needed, CellStep) and needed.artefact
    }
    return Record(
        id=cell.id,
        cell=cell,
        status="ok",
        reason="",
        metrics=tuple(
            _value(metric, measured.values[metric.label], cell) for metric in step.metrics
        ),
        goal=DrawnGoal(
            items=tuple(goal.items.tolist()),
            users=tuple(goal.users.tolist()),
            item_tokens=tuple(names[i] for i in goal.items) if (names := data.item_tokens) else (),
            user_tokens=tuple(names[u] for u in goal.users) if (names := data.user_tokens) else (),
        ),
        spent=_spent(cell, crafted, goal),
        lengths=Lengths(genuine=_counts(split.train.lengths), fake=_counts(crafted.poison.lengths)),
        canary=Canary(
            training_samples=attacked.n_training_samples,
            training_samples_from_fake_users=added,
        ),
        artefacts=Artefacts.model_validate({**kept, "poison_digest": crafted.poison.digest()}),
        reports=Reports(attacker=dict(crafted.report), victim=dict(attacked.report)),
        defense=_defense_numbers(step, values) if inputs.defenses else None,
        not_deterministic=marked,
        confinement=crafted.confinement,
        others_confinement=None
        if cell.isolation == "in-process"
        else _others_confinement(step, values, measured) or None,
    )


def _known_mark(step: Measure, values: Values, replaced: Record) -> str:
    """How the craft differed when it was done twice for an earlier record of the same poison."""
    craft, known = step.inputs.craft, replaced.artefacts
    if craft not in values:
        return ""
    same = known is None or known.poison_digest == values[craft].poison.digest()
    return replaced.not_deterministic if same else ""


def _others_confinement(
    step: Measure, values: Values, measured: Measured
) -> dict[str, tuple[str, ...]]:
    """What victim, defense and metrics were kept from, where that was not all."""
    attack, _, clean, undefended, defenses, _ = step.inputs
    victims = [values[one].confinement for one in (attack, clean, undefended) if one is not None]
    told = {"victim": victims, "defense": [values[one].confinement for one in defenses]}
    told |= {f"metric {label}": [names] for label, names in measured.confinement.items()}
    found = {who: [set(n) for n in names if n is not None] for who, names in told.items()}
    return {who: tuple(sorted(set.intersection(*names))) for who, names in found.items() if names}


def _from_fake_users(step: Measure, values: Values) -> int | None:
    """Training samples that the fake users added.

    Counted against a clean victim trained on the same genuine users, with or without the defense;
    None where neither was, or the victim does not count.
    """
    attack = step.inputs.attack
    dropped = attack.trained_on(values).dropped
    for clean in (step.inputs.clean, step.inputs.undefended):
        if clean is not None and np.array_equal(clean.trained_on(values).dropped, dropped):
            before, after = values[clean].n_training_samples, values[attack].n_training_samples
            return None if before is None or after is None else after - before
    return None


def _lost_poison(step: Measure, values: Values, added: int | None) -> Failure | None:
    """The canary: fake users that add no training sample were lost on the way.

    A poison that was handed in must be the one that its cell names, whatever the store holds.
    """
    attacker, crafted = step.cell.attacker, values[step.inputs.craft].poison
    if attacker.is_handed_in and attacker.parameters["sha256"] != crafted.digest():
        return Failure("failed", f"the stored poison, {crafted.digest()}, is not the cell's own")
    poison = step.inputs.attack.trained_on(values).poison
    if poison.n_events == 0 or added is None or added > 0:
        return None
    return Failure(
        "failed",
        f"the poison never reached victim '{step.cell.victim.name}': {len(poison)} fake "
        f"users with {poison.n_events} events added {added} training samples",
    )


def _defense_numbers(step: Measure, values: Values) -> DefenseNumbers:
    """What the defense kept, and what it reports of itself on both data sets."""
    poisoned, clean = (values[defend] for defend in step.inputs.defenses)
    n_users = step.cell.dataset.n_users
    return DefenseNumbers(
        fake_users_kept=int(poisoned.kept[n_users:].sum()),
        genuine_users_dropped=int((~poisoned.kept[:n_users]).sum()),
        clean_users_dropped=int((~clean.kept).sum()),
        report=dict(poisoned.report),
        clean_report=dict(clean.report),
    )


def _spent(cell: Cell, crafted: Poison, goal: Goal) -> Spent:
    """The budget ledger of an attack: what it used of all that it was granted."""
    poison = crafted.poison
    return Spent(
        fake_users=len(poison),
        events=poison.n_events,
        events_on_targets=int(np.isin(poison.items, goal.items).sum()),
        queries=crafted.n_queries,
        surrogate_fits=len(cell.surrogates),
    )


def _value(metric: ChosenMetric, value: float, cell: Cell) -> MetricValue:
    """JSON has no NaN and no infinity: a value that is undefined, or a bound that is none."""
    spec = metric.spec
    low, high = spec.range
    return MetricValue(
        label=metric.label,
        origin=metric.foreign_origin,
        value=None if math.isnan(value) else value,
        higher_is=higher_is_for(cell.protocol.goal, spec.higher_is, spec.purpose, spec.goal),
        range=(low if math.isfinite(low) else None, high if math.isfinite(high) else None),
        ceiling=metric.ceiling,
        purpose=spec.purpose,
        unit=spec.unit,
    )


def _counts(lengths: NDArray[np.int64]) -> dict[int, int]:
    """How many sequences have each length: ``{15: 671}``."""
    values, numbers = np.unique(lengths, return_counts=True)
    return dict(zip(values.tolist(), numbers.tolist(), strict=True))
