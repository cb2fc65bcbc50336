"""The query oracle: what it answers, what it counts, and what becomes of a question too many."""

import numpy as np
import pytest

from loki_bench.answer_checks import lists_given_by
from loki_bench.contracts import Recommender
from loki_bench.errors import SuiteError
from loki_bench.interactions import Sequences
from loki_bench.sandbox.query_oracle import Oracle
from loki_bench.seeds import seed_for
from loki_bench.split import leave_one_out

KEYS = {"seeds": [0], "victims": ["follows"], "metrics": ["display_rate@5"]}


def asks(**parameters):
    return {"name": "asks", "parameters": parameters}


def only_record(prepared, tmp_path, run, attacker, *, queries=3, **changes):
    suite = prepared(
        **{**KEYS, **changes},
        attackers=[attacker],
        knowledge={"queries": queries, "list_length": 4},
    )
    store, _ = run(suite, tmp_path)
    [cell] = suite.grid.cells
    return store.record(cell.id), suite, store


@pytest.mark.parametrize("isolation", ["process", "in-process"])
def test_answers_are_the_clean_victims_lists_and_each_is_counted(
    prepared, tmp_path, run, isolation
):
    record, suite, _ = only_record(prepared, tmp_path, run, asks(n=3), isolation=isolation)
    from toy_plugin.components import Follows

    split = leave_one_out(suite.interactions)
    victim = Follows().fit(split.train, validation=None, seed=seed_for(0, "victim/follows"))
    expected = {}
    for user in range(3):
        known = split.history[user]
        [scores] = victim.score_next(np.array([user]), [known])
        others = [i for i in range(suite.interactions.n_items) if i not in known]
        expected[str(user)] = sorted(others, key=lambda i: (-scores[i], i))[:4]
    assert record.status == "ok", record.reason
    assert record.reports.attacker == {"heard": expected, "left": 0}
    assert record.spent.queries == 3


@pytest.mark.parametrize("isolation", ["process", "in-process"])
@pytest.mark.parametrize("catches", [False, True])
def test_one_question_too_many_rejects_the_cell_even_if_the_attacker_goes_on(
    prepared, tmp_path, run, isolation, catches
):
    attacker = asks(n=4, catches=catches)
    record, *_ = only_record(prepared, tmp_path, run, attacker, isolation=isolation)
    assert record.status == "rejected"
    assert record.reason == ("attacker 'asks' asked the oracle 4 times; the suite grants 3 queries")
    assert record.spent is None
    assert "metrics" not in record


def test_a_user_that_does_not_exist_rejects_the_cell(prepared, tmp_path, run):
    record, *_ = only_record(prepared, tmp_path, run, asks(user=60, catches=True))
    assert record.status == "rejected"
    assert record.reason == "attacker 'asks' asked the oracle for user 60; users are 0 to 59"


@pytest.mark.parametrize("question", [True, "0", 0.0, None, [0], -1])
def test_a_question_is_a_user_and_nothing_else(question):
    oracle = Oracle(np.zeros((2, 3), np.int32), n_granted=5, attacker="a")
    assert "attacker 'a' asked the oracle for user" in oracle.answer(question)["refused"]
    assert "refused" in oracle.answer(0)  # nothing is answered after a broken rule
    assert oracle.n_asked == 0


def test_the_victims_lists_are_computed_once_for_all_attackers_that_ask(
    prepared, tmp_path, run, monkeypatch
):
    from loki_bench.pipeline import victim_lists

    calls = []
    real = victim_lists.show_lists
    monkeypatch.setattr(victim_lists, "show_lists", lambda *a: calls.append(1) or real(*a))
    suite = prepared(**KEYS, attackers=[asks(n=1), asks(n=2)], knowledge={"queries": 2})
    run(suite, tmp_path)
    run(prepared(**KEYS, attackers=[asks(n=0)], knowledge={"queries": 2}), tmp_path)
    assert len(calls) == 1


def test_a_poison_belongs_to_the_victim_that_answered(prepared):
    keys = {**KEYS, "victims": ["counts", "follows"], "knowledge": {"queries": 2}}
    first, second = prepared(**keys, attackers=[asks(n=1)]).grid.cells
    assert first.craft_id != second.craft_id
    first, second = prepared(**keys, attackers=["random"]).grid.cells
    assert first.craft_id == second.craft_id


def test_a_list_longer_than_the_catalogue_is_refused(prepared):
    with pytest.raises(SuiteError, match="list_length': 31 is larger than the catalogue of 30"):
        prepared(**KEYS, attackers=[asks()], knowledge={"queries": 1, "list_length": 31})


@pytest.mark.parametrize("isolation", ["process", "in-process"])
def test_a_victim_that_a_history_decides_answers_for_a_sequence_that_nobody_has(
    prepared, tmp_path, run, isolation
):
    attacker = {"name": "asks-of", "parameters": {"items": "4 7", "n": 2}}
    record, suite, _ = only_record(prepared, tmp_path, run, attacker, isolation=isolation)
    from toy_plugin.components import Follows

    split = leave_one_out(suite.interactions)
    victim = Follows().fit(split.train, validation=None, seed=seed_for(0, "victim/follows"))
    [scores] = victim.score_next(np.array([0]), [np.array([4, 7])])
    others = [i for i in range(suite.interactions.n_items) if i not in (4, 7)]
    expected = sorted(others, key=lambda i: (-scores[i], i))[:4]
    assert record.status == "ok", record.reason
    assert record.reports.attacker == {"heard": [expected] * 2, "left": 1}
    assert record.spent.queries == 2


@pytest.mark.parametrize("catches", [False, True])
@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"n": 4}, "asked the oracle 4 times; the suite grants 3 queries"),
        ({"items": "0 30"}, "asked the oracle about a sequence with item 30; items are 0 to 29"),
        ({"items": ""}, "asked the oracle about no sequence of 1 to 1000 items"),
    ],
)
def test_a_sequence_that_may_not_be_asked_about_rejects_the_cell(
    prepared, tmp_path, run, parameters, reason, catches
):
    attacker = {"name": "asks-of", "parameters": {**parameters, "catches": catches}}
    record, *_ = only_record(prepared, tmp_path, run, attacker, isolation="in-process")
    assert record.status == "rejected"
    assert record.reason == f"attacker 'asks-of' {reason}"


def test_an_attack_that_is_granted_users_alone_may_not_ask_about_a_sequence(
    prepared, tmp_path, run
):
    record, *_ = only_record(
        prepared, tmp_path, run, {"name": "asks-of-without"}, isolation="in-process"
    )
    assert record.status == "rejected"
    assert "its spec must name the need 'sequence-queries'" in record.reason


def test_there_is_no_row_against_victims_that_would_have_to_be_trained_on_the_sequence(prepared):
    keys = {**KEYS, "knowledge": {"queries": 2}, "attackers": ["asks-of"]}
    cells = prepared(**{**keys, "victims": ["counts", "follows"]}).grid.cells
    assert [cell.victim.name for cell in cells] == ["follows"]
    with pytest.raises(SuiteError, match=r"can answer without training on them \(counts\)"):
        prepared(**{**keys, "victims": ["counts"]})


def test_a_grant_of_sequences_is_part_of_an_id_and_none_leaves_it_as_it_was(prepared):
    keys = {**KEYS, "knowledge": {"queries": 2}}
    [with_it] = prepared(**keys, attackers=["asks-of"]).grid.cells
    [without] = prepared(**keys, attackers=["asks"]).grid.cells
    assert with_it.oracle.model_dump() == {"queries": 2, "list_length": 10, "sequences": True}
    assert without.oracle.model_dump() == {"queries": 2, "list_length": 10}


class Fixed(Recommender):
    def fit(self, train, *, validation, seed):
        return self

    def score_next(self, users, histories):
        return np.tile(np.array([1, 3, 3, 2], np.float32), (len(users), 1))


def lists(rows, k, **rule):
    return lists_given_by(
        Fixed(),
        name="f",
        users=np.arange(len(rows), dtype=np.int32),
        histories=Sequences.of(rows),
        k=k,
        n_items=4,
        **rule,
    ).tolist()


def test_ties_go_to_the_lower_id_and_own_items_are_not_shown():
    assert lists([[], [1], [1, 1, 2]], 3) == [[1, 2, 3], [2, 3, 0], [3, 0, -1]]


def test_own_items_are_shown_where_repeats_are_allowed():
    assert lists([[], [1], [1, 1, 2]], 3, repeats_are_shown=True) == [[1, 2, 3]] * 3


def test_no_user_has_no_list_and_a_full_history_an_empty_one():
    assert lists([], 2) == []
    assert lists([[0, 1, 2, 3]], 2) == [[-1, -1]]
    assert lists([[0]], 6) == [[1, 2, 3, -1, -1, -1]]
    oracle = Oracle(np.array([[2, -1]], np.int32), n_granted=1, attacker="a")
    assert oracle.answer(0) == {"items": [2]}
