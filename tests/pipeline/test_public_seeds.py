"""What public seeds give away, and a run key does not: the victim, to whoever inverts a seed."""

import pickle

import pytest
from workers_here import Here

from loki_bench.pipeline import craft, defend

KEY = "00112233445566778899aabbccddeeff"
VICTIM = {"name": "counts", "parameters": {"noise": 40.0}}
BLIND = {"name": "trains-the-victim", "parameters": {"guesses": 0}}


@pytest.fixture
def outcomes(prepared, run, tmp_path):
    """By seed, what the attack that inverts its seed reached, and what the same attack blind."""

    def computed(key):
        suite = prepared(
            victims=[VICTIM],
            attackers=["trains-the-victim", BLIND],
            seeds=[0, 1, 2],
            protocol={"n_targets": 3, "n_target_users": 10, "key": key},
            budget={"fake_users": 0.1, "actions": 5},
        )
        store, _ = run(suite, tmp_path / f"key-{key}")
        found = {"seeing": {}, "blind": {}, "roots": {}}
        for cell in suite.grid.cells:
            record = store.record(cell.id)
            assert record.status == "ok", record.reason
            is_blind = bool(cell.attacker.changed)
            value = record.value("display_rate@5")
            found["blind" if is_blind else "seeing"][cell.seed] = value
            if not is_blind:
                found["roots"][cell.seed] = record.reports.attacker["roots"]
        return found

    return computed


def test_under_the_public_key_an_attack_inverts_its_seed_and_trains_the_victim(outcomes):
    found = outcomes("")
    assert found["roots"] == {0: [0], 1: [1], 2: [2]}
    assert all(found["seeing"][seed] >= found["blind"][seed] for seed in (0, 1, 2))
    assert sum(found["seeing"].values()) > sum(found["blind"].values()) + 0.3


def test_under_a_fresh_key_it_reaches_what_it_reaches_without(outcomes):
    found = outcomes(KEY)
    assert found["roots"] == {0: [], 1: [], 2: []}
    assert found["seeing"] == found["blind"]


def test_what_a_plugins_process_is_sent_holds_its_own_seed_and_no_key(
    prepared, run, tmp_path, monkeypatch
):
    sent = []

    def watched(module):
        carry_out = module.carry_out

        def noted(function, request, **options):
            sent.append(request)
            return carry_out(function, request, **options)

        monkeypatch.setattr(module, "carry_out", noted)

    watched(craft)
    watched(defend)
    suite = prepared(
        attackers=["prepares"],
        defenses=["none", "drops-long"],
        seeds=[0],
        protocol={"n_targets": 3, "n_target_users": 10, "key": KEY},
    )
    run(suite, tmp_path, Here())
    defended = suite.grid.cells[-1]
    roles = {"attacker/prepares", "defense/drops-long"}
    assert {request.seed for request in sent} == {defended.seed_of(role) for role in roles}
    content = b"".join(pickle.dumps(request) for request in sent)
    assert KEY.encode() not in content
    assert bytes.fromhex(KEY) not in content
