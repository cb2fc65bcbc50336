"""Lengths of fake users, drawn by the host from genuine users' training sequences."""

import numpy as np
import pytest

from loki_bench.errors import SuiteError
from loki_bench.suite.fake_user_lengths import budget_of, without_fake_users


def genuine(prepared, **changes):
    budget = {"fake_users": changes.pop("fake_users", 0.2), "actions": "genuine"}
    return prepared(budget=budget, attackers=changes.pop("attackers", ["random"]), **changes)


def test_each_fake_user_has_the_length_of_a_genuine_users_training_sequence(prepared):
    suite = genuine(prepared)
    budget = budget_of(suite.grid.cells[0], suite.split)
    lengths = [len(row) for row in suite.split.train]
    assert budget.n_fake_users == len(budget.lengths) == 12
    assert set(budget.lengths.tolist()) <= set(lengths) - {0}
    assert budget.n_actions == max(lengths)


def test_a_seed_and_a_run_key_draw_lengths_of_their_own_and_a_smaller_budget_the_first_of_them(
    prepared,
):
    suite = genuine(prepared, fake_users=[0.5, 0.1])
    found = {
        (c.seed, c.budget.n_fake_users): budget_of(c, suite.split).lengths.tolist()
        for c in suite.grid.cells
    }
    assert found[0, 30][:6] == found[0, 6]
    assert found[0, 30] != found[1, 30]
    keyed = genuine(
        prepared, fake_users=0.5, protocol={"n_targets": 3, "n_target_users": 10, "key": "ab" * 16}
    )
    assert budget_of(keyed.grid.cells[0], keyed.split).lengths.tolist() != found[0, 30]


def test_before_the_number_of_fake_users_is_known_no_length_is(prepared):
    suite = genuine(prepared)
    known = budget_of(suite.grid.cells[0], suite.split)
    unknown = without_fake_users(known)
    assert (unknown.n_fake_users, len(unknown.lengths)) == (0, 0)
    assert unknown.n_actions == known.n_actions


def test_a_number_of_actions_draws_no_lengths(prepared):
    suite = prepared()
    assert budget_of(suite.grid.cells[0], suite.split).lengths is None


def test_an_attack_that_takes_no_lengths_is_refused_or_has_rows_at_the_numbers_alone(prepared):
    with pytest.raises(SuiteError, match=r"'asks-surrogates' does not take a length.*'genuine'"):
        genuine(prepared, attackers=["asks-surrogates"])
    both = {"fake_users": 0.2, "actions": [5, "genuine"]}
    cells = prepared(budget=both, seeds=[0], attackers=["random", "asks-surrogates"]).grid.cells
    assert [(c.attacker.name, c.budget.actions) for c in cells] == [
        ("random", 5),
        ("asks-surrogates", 5),
        ("random", "genuine"),
    ]


def test_a_word_that_is_not_genuine_is_refused_with_the_key(prepared):
    with pytest.raises(ValueError, match="genuine"):
        prepared(budget={"actions": "real"})


def test_a_run_writes_rows_of_the_lengths_and_the_table_says_genuine(prepared, run, tmp_path):
    from loki_bench.leaderboard.rendering import as_text
    from loki_bench.leaderboard.tabulation import tables_of
    from loki_bench.pipeline.craft import PoisonCodec

    suite = genuine(prepared, attackers=["none", "covisit"])
    store, _ = run(suite, tmp_path)
    for cell in suite.grid.cells:
        poison = store.read(PoisonCodec(), cell.craft_id).poison
        told = budget_of(cell, suite.split).lengths
        assert np.array_equal(poison.lengths, told if cell.attacker.name == "covisit" else [])
    records = list(store.records(suite.grid.cells).values())
    assert "20 % x genuine" in as_text(tables_of(records, metrics=suite.suite.metrics))
