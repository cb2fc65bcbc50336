"""A suite's keys say nothing of this machine, and its digest is theirs."""

import pytest

from loki_bench.content_ids import content_id
from loki_bench.suite.changes import name_of_part
from loki_bench.suite.suite import Suite, load_suite, packaged_suites
from loki_bench.suite.suite_keys import suite_digest, suite_keys

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


def test_the_digest_does_not_depend_on_how_a_path_was_typed_but_on_what_was_read():
    one = Suite.model_validate(SUITE)
    elsewhere = {"path": ["x.csv", "/b/y.csv"], "k_core": 3}
    other = Suite.model_validate({**SUITE, "dataset": {"name": "file", "parameters": elsewhere}})
    assert suite_digest(one, ["a"]) == suite_digest(other, ["a"])
    assert suite_digest(one, ["a"]) != suite_digest(other, ["b"])
    assert name_of_part(one, one, ["a"]) == name_of_part(one, other, ["a"])


@pytest.mark.parametrize("name", packaged_suites())
def test_a_suite_that_names_no_file_is_called_as_it_was(name):
    suite = load_suite(name)
    assert suite_digest(suite) == content_id(suite)
