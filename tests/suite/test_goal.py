"""What an attack is after: targets that are drawn or given, to lift them or to push them out."""

import math

import numpy as np
import pytest

from loki_bench.errors import SuiteError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.leaderboard.tabulation import tables_of
from loki_bench.pipeline.craft import PoisonCodec
from loki_bench.split import SplitBounds, split_at
from loki_bench.suite.goal import POPULAR_SHARE, draw_goal, draw_placebo_goal
from loki_bench.suite.suite import Protocol

DEMOTE = {"n_targets": 2, "n_target_users": 20, "goal": "demote"}


def test_targets_to_demote_are_drawn_from_the_most_popular_items(prepared):
    split, interactions = prepared().split, prepared().interactions
    protocol = Protocol(n_targets=2, n_target_users=5, goal="demote")
    n_popular = math.ceil(POPULAR_SHARE * interactions.n_items)
    known = [row[:-1] if len(row) >= 3 else row for row in interactions]
    counts = np.bincount(np.concatenate(known), minlength=interactions.n_items)
    popular = sorted(range(interactions.n_items), key=lambda item: (-counts[item], item))
    drawn = {int(i) for seed in range(30) for i in draw_goal(split, protocol, seed).items}
    assert drawn == set(popular[:n_popular])


def test_there_are_always_enough_items_to_draw_targets_from(prepared):
    split = prepared().split
    protocol = Protocol(n_targets=20, n_target_users=5, goal="demote")
    assert len(set(draw_goal(split, protocol, 0).items.tolist())) == 20


def test_given_targets_are_demoted_as_they_are_given(prepared):
    split = prepared().split
    protocol = Protocol(n_target_users=5, goal="demote", targets=["i7", "i3"])
    assert draw_goal(split, protocol, 0).items.tolist() == [3, 7]


@pytest.mark.parametrize("attacker", ["random", "popular", "randalter", "covisit"])
def test_every_simple_attack_pushes_targets_out_and_leads_the_table(
    prepared, tmp_path, run, attacker
):
    suite = prepared(
        protocol=DEMOTE,
        attackers=["none", attacker],
        metrics=["demotion_rate@5", "display_rate@5"],
        budget={"fake_users": 0.5, "actions": 8},
    )
    store, _ = run(suite, tmp_path)
    records = [store.record(cell.id) for cell in suite.grid.cells]
    poison = [store.read(PoisonCodec(), r.artefacts.poison).poison for r in records]
    for record, sequences in zip(records, poison, strict=True):
        assert not set(sequences.items.tolist()) & set(record.goal.items)
    [table] = tables_of(records)
    first, last = table.rows
    assert (first.attacker, last.attacker) == (attacker, "none")
    assert last.metrics["demotion_rate@5"].mean == 0.0
    assert first.metrics["demotion_rate@5"].mean > 0.2


def test_targets_are_drawn_from_the_head_the_middle_or_the_tail_of_the_training_data():
    # item 0 has 20 training events, item 1 has 19 ... item 19 has 1; nobody is tested on them
    rows = [[item] * (20 - item) for item in range(20)]
    rows += [[0, 1, 2]]  # trains on 0 alone
    sequences = Sequences.of(rows)
    lengths = sequences.lengths
    bounds = SplitBounds(
        trained=np.where(np.arange(21) < 20, lengths, 1),
        known=np.where(np.arange(21) < 20, lengths, 2),
    )
    data = Interactions(sequences.offsets, sequences.items, n_items=20)
    split = split_at(data, bounds)

    def drawn(popularity):
        protocol = Protocol(n_targets=1, n_target_users=1, target_popularity=popularity)
        return {int(draw_goal(split, protocol, seed).items[0]) for seed in range(200)}

    assert drawn("head") == {0, 1}  # a tenth of 20
    assert drawn("mid") == set(range(2, 10))
    assert drawn("tail") == set(range(10, 20))
    assert drawn("uniform") == set(range(20))
    with pytest.raises(SuiteError, match="3 asked for, the data has 2 items in 'head'"):
        draw_goal(split, Protocol(n_targets=3, n_target_users=1, target_popularity="head"), 0)
    placebo = draw_placebo_goal(
        split, Protocol(n_targets=1, n_target_users=1, target_popularity="head"), 0
    )
    assert set(placebo.items.tolist()) <= {0, 1}


@pytest.mark.parametrize(
    ("protocol", "message"),
    [
        ({"targets": ["i5", "i5", "i7"]}, "'i5' is listed twice"),
        ({"target_users": ["u1", "u1"]}, "'u1' is listed twice"),
        ({"targets": ["i5"], "target_popularity": "head"}, "'targets' are given"),
        ({"target_users": ["u1"], "n_target_users": "all"}, "'target_users' are given"),
    ],
)
def test_targets_that_contradict_each_other_are_refused(protocol, message):
    with pytest.raises(ValueError, match=message):
        Protocol(**protocol)
