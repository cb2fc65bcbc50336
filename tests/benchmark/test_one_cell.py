"""One cell is found by the names of its parts; where several are meant the message says so."""

import pytest
from workers_here import Here

from loki_bench.errors import UnknownComponentError, UsageError


def evaluated(benchmark, **asked):
    asked = {"victim": "counts", "attacker": "random", "seed": 0, **asked}
    return benchmark.evaluate(**asked, workers=Here()).record["cell"]


def test_a_name_stands_for_the_suites_own_choice(open_toy):
    assert evaluated(open_toy(), victim="follows")["victim"]["parameters"] == {"noise": 0.25}
    counts = evaluated(open_toy(), victim={"name": "follows"})
    assert counts["victim"]["parameters"] == {"noise": 0.5}


def test_a_name_that_the_suite_has_twice_is_refused(open_toy):
    benchmark = open_toy(victims=["counts", {"name": "counts", "parameters": {"noise": 0.1}}])
    with pytest.raises(UsageError, match="has 2 of 'counts' in its key 'victims': say which"):
        evaluated(benchmark)


def test_a_budget_must_be_chosen_where_the_suite_has_several(open_toy):
    benchmark = open_toy(budget={"fake_users": [0.1, 0.2]})
    with pytest.raises(UsageError, match=r"has 2 cells of random on counts .*of \[0.1, 0.2\]"):
        evaluated(benchmark)
    assert evaluated(benchmark, fake_users=0.2)["budget"]["n_fake_users"] == 12


def test_a_simulator_must_be_chosen_where_the_suite_has_several(open_toy):
    benchmark = open_toy(surrogates=["counts", "follows"], simulator=["all", "white-box"])
    with pytest.raises(UsageError, match="simulator"):
        evaluated(benchmark, attacker="asks-surrogates")
    cell = evaluated(benchmark, attacker="asks-surrogates", simulator="white-box")
    assert [s["recommender"]["name"] for s in cell["surrogates"]] == ["counts"]
    assert evaluated(benchmark)["simulator"] is None  # it asks for none


def test_a_placebo_is_a_cell_of_its_own(open_toy):
    benchmark = open_toy()
    placebo, plain = evaluated(benchmark, placebo=True), evaluated(benchmark)
    assert (placebo["placebo"], plain["placebo"]) == (True, False)
    assert {**placebo, "placebo": False} == plain


def test_an_unknown_component_is_refused(open_toy):
    with pytest.raises(UnknownComponentError, match="suite 'toy': no plugin declares the attacker"):
        evaluated(open_toy(), attacker="randon")
