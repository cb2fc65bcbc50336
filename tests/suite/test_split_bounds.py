"""Own and temporal splits of a small file, with every value by hand."""

import pytest
from pydantic import ValidationError

from loki_bench.errors import SuiteError
from loki_bench.plugins.registry import discover
from loki_bench.suite.resolve import prepare
from loki_bench.suite.split_bounds import made_split
from loki_bench.suite.suite import SplitChoice, Suite

# 15 events; of them 11 lie before the time 60
EVENTS = {
    "ann": [("a", 10), ("b", 20), ("c", 50), ("d", 60), ("e", 70)],
    "bob": [("b", 10), ("c", 55), ("a", 90)],
    "cid": [("c", 10), ("d", 20), ("a", 30)],  # nothing after the cut
    "dan": [("e", 20), ("a", 40)],
    "eve": [("d", 65), ("b", 80)],  # nothing before it
}


def written(path, rows):
    lines = [f"{user},{item},{time}" for user, item, time in rows]
    path.write_text("\n".join(["user_id,item_id,timestamp", *lines]) + "\n")
    return str(path)


def suite_of(split, parameters, **keys):
    return Suite.model_validate(
        {
            "name": "small",
            "seeds": [0],
            "victims": ["popular-items"],
            "attackers": ["none"],
            "metrics": ["hr@1"],
            "integrity_rows": False,
            "split": split,
            "dataset": {"name": "file", "parameters": {"k_core": 0, **parameters}},
            "protocol": {"n_targets": 1, "n_target_users": 1},
            **keys,
        }
    )


@pytest.fixture
def opened(tmp_path, monkeypatch):
    monkeypatch.setattr("loki_bench.suite.resolve.expand", lambda *_, **__: None)

    def open_suite(split, events=EVENTS, parameters=None, **keys):
        if parameters is None:
            rows = [(u, i, t) for u, pairs in events.items() for i, t in pairs]
            parameters = {"path": written(tmp_path / "events.csv", rows)}
        return prepare(suite_of(split, parameters, **keys), discover(), download=False)

    return open_suite


def named(interactions, sequences, users=None):
    users = range(len(sequences)) if users is None else users
    tokens = interactions.user_tokens, interactions.item_tokens
    return {
        tokens[0][user]: "".join(tokens[1][item] for item in row)
        for user, row in zip(users, sequences, strict=True)
    }


def held_out(interactions, part):
    histories = named(interactions, part.histories, part.users)
    items = [interactions.item_tokens[item] for item in part.items]
    return dict(zip(histories, zip(histories.values(), items, strict=True), strict=True))


def test_a_temporal_split_by_hand(opened):
    suite = opened({"name": "temporal", "cut": 60, "validation_cut": 40})
    data, split = suite.interactions, suite.split
    trained = {"ann": "ab", "bob": "b", "cid": "cda", "dan": "e", "eve": ""}
    assert named(data, split.train) == trained
    assert named(data, split.history) == {
        "ann": "abc",
        "bob": "bc",
        "cid": "cda",
        "dan": "ea",
        "eve": "",
    }
    assert held_out(data, split.validation) == {
        "ann": ("ab", "c"),
        "bob": ("b", "c"),
        "dan": ("e", "a"),
    }
    assert held_out(data, split.test) == {"ann": ("abc", "d"), "bob": ("bc", "a")}
    [note] = suite.dataset.notes
    assert note == (
        "split 'temporal', tested from 60 and validated from 40: 2 of 5 users are tested; only "
        "training, for want of a test event: 2 ('cid', 'dan'); not tested, for want of a training "
        "event: 1 ('eve'); not used, after a user's first test event: 1 events"
    )


def test_a_share_is_of_all_events_and_equal_times_stay_together(opened):
    # 15 events, sorted 10 10 10 20 20 20 30 40 50 55 60 65 70 80 90: 0.7 x 15 = 10.5, the time at
    # place 10 is 60. Of the 10 before it 0.9 are 9: the time at place 9 is 55.
    by_share = opened({"name": "temporal", "cut": 0.7})
    by_time = opened({"name": "temporal", "cut": 60, "validation_cut": 55})
    assert by_share.bounds.trained.tolist() == by_time.bounds.trained.tolist() == [3, 1, 3, 2, 0]
    assert by_share.bounds.known.tolist() == [3, 2, 3, 2, 0]
    # 0.25 x 15 = 3.75: the time at place 3 is 20, and all three events of 20 come after the cut
    choice = SplitChoice(name="temporal", cut=0.25, validation_cut=0.25)
    quarter = made_split(choice, by_share.data.log)
    assert quarter.bounds.known.tolist() == [1, 1, 1, 0, 0]


@pytest.mark.parametrize("later", [0, 1e-300])  # which no whole number keeps
@pytest.mark.parametrize("digits", [20, 401, 5000])
def test_a_cut_may_have_any_number_of_digits(opened, later, digits):
    events = {user: [(i, t or later) for i, t in rows] for user, rows in EVENTS.items()}
    events["ann"][0] = ("a", later)
    log = opened({"name": "temporal", "cut": 60}, events).data.log
    assert log.times.values.dtype.kind == ("f" if later else "i")
    for cut, known in ((10**digits, [5, 3, 3, 2, 2]), (-(10**digits), [0] * 5)):
        found = made_split(SplitChoice(name="temporal", cut=cut), log)
        assert found.bounds.known.tolist() == known


def test_a_cut_may_be_a_date_where_the_times_are_dates(opened):
    day = 86_400
    start = 1_388_534_400  # 2014-01-01, in seconds
    events = {
        "ann": [("a", start - 3 * day), ("b", start - 2 * day), ("c", start - 1), ("d", start)],
        "bob": [("b", start - 3 * day), ("c", start - day), ("a", start + day)],
    }
    cut = {"name": "temporal", "cut": "2014-01-01", "validation_cut": "2013-12-30T12:00:00+00:00"}
    suite = opened(cut, events)
    assert suite.bounds.known.tolist() == [3, 2]
    assert suite.bounds.trained.tolist() == [2, 1]
    assert "tested from 2014-01-01 00:00:00 UTC" in suite.dataset.notes[0]
    with pytest.raises(SuiteError, match="'yesterday' is no date or time"):
        opened({"name": "temporal", "cut": "yesterday"}, events)


def test_a_date_needs_times_whose_unit_is_known(opened):
    with pytest.raises(SuiteError, match="numbers of an unknown unit"):
        opened({"name": "temporal", "cut": "2014-01-01"})


def in_parts(folder, *, validation=True):
    files = {
        "path": [("ann", "a", 1), ("ann", "b", 2), ("bob", "b", 1), ("bob", "a", 2)],
        "validation_path": [("ann", "c", 3), ("bob", "c", 3), ("bob", "d", 4), ("cid", "a", 9)],
        "test_path": [("ann", "d", 5), ("ann", "e", 4), ("cid", "b", 10)],
    }
    if not validation:
        files["path"] += files.pop("validation_path")
    return {key: written(folder / f"{key}.csv", rows) for key, rows in files.items()}


def test_the_users_own_split_by_hand(opened, tmp_path):
    suite = opened("own", parameters=in_parts(tmp_path))
    data, split = suite.interactions, suite.split
    assert named(data, split.train) == {"ann": "ab", "bob": "ba", "cid": ""}
    assert named(data, split.history) == {"ann": "abc", "bob": "bacd", "cid": "a"}
    assert held_out(data, split.validation) == {"ann": ("ab", "c"), "bob": ("ba", "c")}
    assert held_out(data, split.test) == {"ann": ("abc", "e")}  # at 4, before d at 5
    assert "1 of 3 users are tested" in suite.dataset.notes[0]


def test_without_a_validation_file_the_last_training_event_of_the_tested_validates(
    opened, tmp_path
):
    suite = opened("own", parameters=in_parts(tmp_path, validation=False))
    data, split = suite.interactions, suite.split
    assert named(data, split.train) == {"ann": "ab", "bob": "bacd", "cid": "a"}
    assert held_out(data, split.validation) == {"ann": ("ab", "c")}
    assert held_out(data, split.test) == {"ann": ("abc", "e"), "cid": ("a", "b")}


def test_what_a_dataset_lacks_for_a_split_is_said(opened, tmp_path):
    with pytest.raises(SuiteError, match="needs a dataset in parts, and this one has none"):
        opened("own")
    with pytest.raises(SuiteError, match='set split = "own" to use them'):
        opened("leave-one-out", parameters=in_parts(tmp_path))
    path = tmp_path / "lines.txt"
    path.write_text("ann a b c\nbob b c d\n")
    with pytest.raises(SuiteError, match="needs the times of events, and this dataset has none"):
        opened("temporal", parameters={"path": str(path), "format": "sequences"})
    with pytest.raises(ValidationError, match="'leave-one-out' takes no cut"):
        SplitChoice(name="leave-one-out", cut=3)
    with pytest.raises(SuiteError, match=r"validation_cut.*lies after the cut"):
        opened({"name": "temporal", "cut": 30, "validation_cut": 40})


def test_nobody_to_test_is_refused(opened):
    with pytest.raises(SuiteError, match="the data has no test event"):
        opened({"name": "temporal", "cut": 91})


REPEATED = {
    "ann": [("a", 1), ("b", 2), ("c", 3), ("a", 4)],
    "bob": [("a", 1), ("c", 2), ("b", 3), ("d", 4)],
    "cid": [("b", 1), ("d", 2), ("d", 3), ("c", 4)],
}


def test_held_out_events_that_repeat_an_item_have_no_rank_and_are_counted(opened):
    suite = opened("leave-one-out", REPEATED)
    assert suite.split.test.is_ranked.tolist() == [False, True, True]
    assert held_out(suite.interactions, suite.split.validation) == {
        "ann": ("ab", "c"),
        "bob": ("ac", "b"),  # that of cid is another d
    }
    assert suite.dataset.notes == (
        "2 of 3 test events ranked: the others repeat an item of their user's history",
    )


def test_repeats_that_are_allowed_are_ranked_like_all_others(opened):
    split = opened("leave-one-out", REPEATED, repeats="allow").split
    assert split.test.is_ranked.all()
    assert len(split.validation) == 3
    assert split.test.hidden.n_events == split.validation.hidden.n_events == 0
    assert split.repeats_are_shown


def test_later_repeats_are_dropped_when_the_data_is_read(opened):
    suite = opened("leave-one-out", REPEATED, repeats="drop-later")
    data = suite.interactions
    assert named(data, data) == {"ann": "abc", "bob": "acbd", "cid": "bdc"}
    assert suite.dataset.notes == ()


def test_a_suite_in_which_nothing_can_be_ranked_is_refused(opened):
    grocery = {u: [("a", 1), ("b", 2), ("a", 3), ("b", 4)] for u in ("ann", "bob")}
    with pytest.raises(SuiteError, match=r"none of the 2 test events can be ranked.*\"allow\""):
        opened("leave-one-out", grocery)
    only_test = {u: [("a", 1), ("b", 2), ("a", 3), ("c", 4)] for u in ("ann", "bob")}
    with pytest.raises(SuiteError, match="none of the 2 validation events can be ranked"):
        opened("leave-one-out", only_test)
