"""A plan holds a suite's keys and its cells by their part, and nothing of this machine."""

from loki_bench.leaderboard.plan import suite_keys
from loki_bench.suite.suite import Suite

SUITE = {
    "name": "mine",
    "seeds": [0],
    "victims": ["bprmf"],
    "attackers": ["none", {"name": "replay", "parameters": {"path": "/home/me/a-{seed}.npz"}}],
    "metrics": ["display_rate@10"],
    "dataset": {"name": "file", "parameters": {"path": ["/home/me/x.csv", "y.csv"], "k_core": 3}},
}


def test_of_files_of_somebodys_own_the_names_alone_are_kept():
    keys = suite_keys(Suite.model_validate(SUITE))
    assert keys["dataset"]["parameters"] == {"path": ["x.csv", "y.csv"], "k_core": 3}
    assert keys["attackers"][1]["parameters"] == {"path": "a-{seed}.npz"}
    assert "/home" not in repr(keys)


def test_a_suite_is_read_again_from_its_keys():
    suite = Suite.model_validate({**SUITE, "dataset": "file", "attackers": ["none"]})
    again = Suite.model_validate(suite_keys(suite))
    assert again.model_dump() == suite.model_dump()
    assert suite_keys(again) == suite_keys(suite)


def test_defaults_are_written_out():
    keys = suite_keys(Suite.model_validate(SUITE))
    assert keys["integrity_rows"] is True
    assert keys["limits"]["seconds"] == 3600.0
    assert keys["protocol"]["n_targets"] == 20
