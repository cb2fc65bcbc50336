"""Records of made-up cells, for tests that plant results instead of computing them."""

from loki_bench.records.schema import Record
from loki_bench.suite.cell import Cell

__all__ = [
    "component",
    "made_up_cell",
    "made_up_record",
    "made_up_result",
    "with_cell",
    "with_value",
]

ATTACKER, PLATFORM = "better for the attacker", "better for the platform"

METRICS = {
    "display_rate": (ATTACKER, "attack", 0.5),
    "demotion_rate": (ATTACKER, "attack", None),
    "target_rank": (PLATFORM, "attack", None),
    "hr": (PLATFORM, "utility", None),
    "clean_hr_lost": (ATTACKER, "defense cost", None),
    "detection_recall": (PLATFORM, "detection", None),
}
"""What the records say of a metric by its name: direction to promote, purpose, ceiling."""


def component(name, **changed):
    """A component whose parameters in ``changed`` differ from the defaults."""
    return {
        "name": name,
        "distribution": "made-up",
        "version": "1.0",
        "target": "made_up:Component",
        "parameters": changed,
        "changed": changed,
    }


def made_up_cell(attacker, victim, *, seed=0, share=0.03, actions=15, goal="promote", **other):
    """A cell; ``other`` replaces some of its keys.

    ``attacker`` is a name, or a :func:`component` whose parameters were changed.
    """
    attacking = component(attacker) if isinstance(attacker, str) else attacker
    plain = attacking["name"] in ("none", "random", "popular") and not attacking["changed"]
    content = {
        "dataset": {
            "component": component("made-up"),
            "fingerprint": "f" * 64,
            "n_users": 1000,
            "n_items": 20,
            "n_events": 30,
        },
        "protocol": {"goal": goal},
        "budget": {"fake_users": share, "n_fake_users": 10, "actions": actions},
        "victim": component(victim),
        "attacker": attacking,
        "simulator": None,
        "surrogates": [],
        "influence": None,
        "is_baseline": plain,
        "oracle": None,
        "sees_history": True,
        "isolation": "process",
        "seed": seed,
        **other,
    }
    return Cell.model_validate(content)


def made_up_result(
    cell, values, *, fakes=9, genuine_lengths=None, fake_lengths=None, report=None, **metrics
):
    """The record of a cell that ran to its end, with ``values`` by label, the main one first.

    ``fakes`` training samples come from fake users. ``metrics`` replace what is said of one by
    its name: ``display_rate=("neither", "attack", None)``.
    """
    return Record(
        id=cell.id,
        cell=cell,
        status="ok",
        reason="",
        metrics=[_value(label, v, {**METRICS, **metrics}) for label, v in values.items()],
        goal={"items": [0], "users": [0]},
        spent={
            "fake_users": 10,
            "events": 140,
            "events_on_targets": 70,
            "queries": 0,
            "surrogate_fits": 0,
        },
        lengths={"genuine": genuine_lengths or {3: 4}, "fake": fake_lengths or {}},
        canary={"training_samples": 100, "training_samples_from_fake_users": fakes},
        artefacts=dict.fromkeys(("poison", "poison_digest", "ranks", "clean_ranks"), "a" * 64),
        reports={"attacker": report or {}, "victim": {}},
    )


def made_up_record(cell, status, reason="it broke"):
    """The record of a cell that has no result."""
    return Record(id=cell.id, cell=cell, status=status, reason=reason)


def with_cell(record, **changes):
    """The same record of another cell."""
    cell = Cell.model_validate({**record.cell.model_dump(mode="json"), **changes})
    return record.model_copy(update={"cell": cell, "id": cell.id})


def with_value(record, label, value):
    """The same record with another value of one metric."""
    metrics = (
        metric.model_copy(update={"value": value}) if metric.label == label else metric
        for metric in record.metrics
    )
    return record.model_copy(update={"metrics": tuple(metrics)})


def _value(label, value, known):
    higher_is, purpose, ceiling = known[label.partition("@")[0]]
    return {
        "label": label,
        "value": value,
        "higher_is": higher_is,
        "range": (0.0, None),
        "ceiling": ceiling,
        "purpose": purpose,
        "unit": "share",
    }
