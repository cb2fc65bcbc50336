"""Suite files are checked before anything runs; each error names the file, the key and the mend."""

import pytest

from loki_bench.errors import SuiteError
from loki_bench.suite.suite import load_suite, packaged_suites

GOOD = """
name = "mine"
seeds = [0, 1]
victims = ["bprmf", { name = "fpmc", parameters = { embedding_size = 32 } }]
attackers = ["none"]
metrics = ["display_rate@10"]
dataset = "ml-100k"
[budget]
fake_users = [0.01, 0.03]
actions = 15
"""


@pytest.fixture
def load(tmp_path):
    def write_and_load(text):
        path = tmp_path / "mine.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_suite(str(path))

    return write_and_load


def test_short_and_long_forms_mean_the_same(load):
    suite = load(GOOD)
    assert [v.name for v in suite.victims] == ["bprmf", "fpmc"]
    assert suite.victims[1].parameters == {"embedding_size": 32}
    assert suite.budget.fake_users == [0.01, 0.03]
    assert suite.budget.actions == [15]
    assert suite.simulator == ["leave-one-out"]


def test_a_byte_order_mark_is_no_part_of_a_suite(load):
    assert load("\ufeff" + GOOD) == load(GOOD)


@pytest.mark.parametrize("name", packaged_suites())
def test_every_suite_of_the_package_is_valid_and_has_a_summary(name):
    suite = load_suite(name)
    assert suite.name == name
    assert suite.summary


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("seeds =", "seed ="), r"unknown key 'seed' \(did you mean 'seeds'\?\)"),
        (("actions =", "action ="), r"unknown key 'budget.action' \(did you mean 'actions'\?\)"),
        (("embedding_size = 32 }", "a = 1 }, lable = 1"), "unknown key 'victims.1.lable'"),
        (
            ("embedding_size = 32", "embedding_size = 2020-01-01"),
            "key 'victims.1.parameters': the value of 'embedding_size' is none that",
        ),
        (("embedding_size = 32", 'sizes = [1, "a"]'), "'sizes' is none that a parameter can have"),
        (("embedding_size = 32", "a = { b = { c = 1 } }"), "'a' is none that a parameter can have"),
        (("[0, 1]", '["zero"]'), "key 'seeds.0': .*integer.*got 'zero'"),
        (("[0, 1]", "[1, 1]"), "key 'seeds': 1 is listed twice"),
        (("[0, 1]", "[-1]"), "key 'seeds.0': .*greater than or equal to 0.*got -1"),
        (("[0, 1]", "[]"), "key 'seeds': .*at least 1"),
        (("actions = 15", "actions = []"), "key 'budget.actions': .*at least 1"),
        (("[budget]", "simulator = []\n[budget]"), "key 'simulator': .*at least 1"),
        (("[0.01, 0.03]", "[]"), "key 'budget.fake_users': .*at least 1"),
        (("0.03", "1.03"), "key 'budget.fake_users.1': .*less than or equal to 1.*got 1.03"),
        (("0.03", "-0.03"), "key 'budget.fake_users.1': .*got -0.03"),
        (("actions = 15", "actions = 0"), "key 'budget.actions.0': .*got 0"),
        (('name = "mine"', ""), "the key 'name' is missing"),
        (('"mine"', '"../mine"'), "key 'name': .*pattern"),
        (("seeds = [0, 1]", "seeds = [0, 1"), "not valid TOML"),
        (("[budget]", 'family = "../x"\n[budget]'), "key 'family': .*pattern"),
        (("[budget]", 'integrity_rows = "some"\n[budget]'), "key 'integrity_rows.*: .*got 'some'"),
        (("[budget]", 'simulator = "alone"\n[budget]'), "key 'simulator.0': .*'single'"),
    ],
)
def test_what_is_wrong_is_named(load, tmp_path, change, message):
    with pytest.raises(SuiteError, match=f"suite file {tmp_path}/mine.toml: .*{message}"):
        load(GOOD.replace(*change))


def test_a_suite_of_a_family_keeps_its_results_in_the_familys_folder(load):
    assert load(GOOD).folder == "mine"
    assert load(GOOD.replace("[budget]", 'family = "ours"\n[budget]')).folder == "ours/mine"


def test_the_papers_suites_are_one_setting_that_differs_in_what_each_is_about():
    """Section 4 of the paper: 20 targets, 20 target users, K = 10; 3 % x 15 but for one axis."""
    suites = {name: load_suite(name) for name in packaged_suites() if name.startswith("paper-")}
    assert set(suites) == {f"paper-{x}" for x in ("overall", "budget", "actions", "stealth")} | {
        "paper-victims"
    }
    overall = suites["paper-overall"]
    for suite in suites.values():
        assert (suite.protocol.n_targets, suite.protocol.n_target_users) == (20, 20)
        assert len(suite.seeds) == 5
        assert suite.simulator == ["leave-one-out"]
        assert [s.name for s in suite.surrogates] == ["bprmf", "fpmc", "gru4rec", "transrec"]
        # or cells would not be shared
        shared = ("family", "seeds", "surrogates", "metrics", "dataset", "protocol", "isolation")
        assert all(getattr(suite, key) == getattr(overall, key) for key in shared)
        assert (max(suite.budget.fake_users), max(suite.budget.actions)) == (0.03, 15)
    assert [v.name for v in overall.victims] == ["bprmf", "fpmc"]
    assert min(suites["paper-budget"].budget.fake_users) == 0.005
    assert min(suites["paper-actions"].budget.actions) == 5


def test_an_empty_file_is_named(load):
    with pytest.raises(SuiteError, match=r"mine\.toml: the file is empty"):
        load("\n")


def test_a_file_that_is_not_utf_8_is_named(load):
    with pytest.raises(SuiteError, match=r"not UTF-8 text \(byte 8\)"):
        load(b'name = "\xff"')


def test_a_missing_file_is_named():
    with pytest.raises(SuiteError, match=r"no/such\.toml: No such file"):
        load_suite("no/such.toml")


def test_an_unknown_suite_gets_the_nearest():
    with pytest.raises(SuiteError, match=r"no suite 'quik' \(did you mean 'quick'\?\)"):
        load_suite("quik")
