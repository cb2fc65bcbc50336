"""The cell of a record, for tests that plant records instead of computing them."""

__all__ = ["component", "made_up_cell"]


def component(name, **changed):
    return {"name": name, "changed": changed}


def made_up_cell(attacker, victim, *, seed=0, share=0.03, actions=15, goal="promote", **other):
    """A cell with the keys that a table's rows are made of; ``other`` replaces some.

    ``attacker`` is a name, or a :func:`component` whose parameters were changed.
    """
    return {
        "dataset": {
            "component": component("made-up"),
            "fingerprint": "f" * 64,
            "n_users": 1000,
            "n_items": 20,
            "n_events": 30,
        },
        "protocol": {
            "n_targets": 20,
            "n_target_users": 20,
            "goal": goal,
            "targets": [],
            "target_users": [],
        },
        "protocol_version": 1,
        "budget": {"fake_users": share, "n_fake_users": 10, "actions": actions},
        "victim": component(victim),
        "attacker": component(attacker) if isinstance(attacker, str) else attacker,
        "simulator": None,
        "influence": None,
        "seed": seed,
        **other,
    }
