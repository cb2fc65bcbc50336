"""Planted records: display rates of every attack on both victims, one value a seed."""

import pytest
from made_up_records import made_up_cell, made_up_result

DEFAULT = {
    "none": (0.0, 0.0, 0.0),
    "random": (0.01, 0.01, 0.02),
    "popular": (0.02, 0.03, 0.03),
    "covisit": (0.2, 0.2, 0.21),
    "loki": (0.4, 0.42, 0.41),
}


def planted(
    attacker, victim, values, *, share=0.03, actions=15, fake_lengths=None, placebo=False, **other
):
    """Records of one row; keyword arguments replace keys of the cell."""
    simulator = "leave-one-out" if attacker == "loki" else None
    where = {"simulator": simulator, "placebo": placebo} | other
    return [
        made_up_result(
            made_up_cell(attacker, victim, seed=seed, share=share, actions=actions, **where),
            {"display_rate@10": value},
            genuine_lengths={3: 900, 15: 100},
            fake_lengths={} if attacker == "none" else fake_lengths or {3: 27, 15: 3},
        )
        for seed, value in enumerate(values)
    ]


@pytest.fixture
def plant():
    """Records of a whole table: ``plant(loki=(...), fpmc={"loki": (...)}, share=0.01)``."""

    def whole(*, bprmf=None, fpmc=None, share=0.03, actions=15, **both):
        found = []
        for victim, own in (("bprmf", bprmf or {}), ("fpmc", fpmc or {})):
            for attacker, values in {**DEFAULT, **both, **own}.items():
                found += planted(attacker, victim, values, share=share, actions=actions)
        return found

    return whole


@pytest.fixture
def plant_row():
    return planted
