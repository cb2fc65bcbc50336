"""A search finds planted parameters, goes on where it stopped, and reads no test event."""

import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from workers_here import Here

pytest.importorskip("optuna")

from toy_grid import TOYS

from loki_bench.errors import ParameterError, UsageError
from loki_bench.pipeline.dataset import write_dataset
from loki_bench.plugins.ownership import OWN_DISTRIBUTIONS
from loki_bench.plugins.registry import discover
from loki_bench.plugins.search_space import Choices, FloatRange, IntRange
from loki_bench.plugins.specs import RecommenderSpec
from loki_bench.records.store import Store
from loki_bench.suite.resolve import load_dataset
from loki_bench.suite.suite import Choice
from loki_bench.tuning import Search, best_of, tune, validate


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    """Taken for this project's own: trials of others start a process each."""
    monkeypatch.syspath_prepend(TOYS)
    monkeypatch.setitem(OWN_DISTRIBUTIONS, "toy-plugin", "toy_plugin")


class LastFirst:
    """Workers whose jobs end in the opposite order."""

    n_workers = 4

    def __init__(self):
        self.pool, self.wait = ThreadPoolExecutor(16), 0.2

    def submit(self, function, *arguments):
        self.wait -= 0.01

        def late(wait):
            time.sleep(max(wait, 0))
            return function(*arguments)

        return self.pool.submit(late, self.wait)


@pytest.fixture
def toy_data():
    return load_dataset(Choice(name="toy"), discover(), download=False)


def search(dataset, name="walks", **changes):
    spec, origin = discover().find(RecommenderSpec, name)
    chosen = {"fixed": {}, "metric": "ndcg@10", "sampler": "tpe", "n_trials": 14, "seed": 0}
    found = {"spec": spec, "origin": origin}
    return Search(dataset=dataset, **{**found, **chosen, **changes})


@pytest.fixture
def tried(toy_data, tmp_path):
    """Run a search; returns its trials."""
    dataset, interactions = toy_data

    def run(folder="tuning", workers=None, *, retry_failed=False, **changes):
        store = Store(tmp_path / folder, warn=print)
        return tune(
            search(dataset, **changes),
            store=store,
            workers=workers or Here(),
            data=write_dataset(store, interactions, dataset.fingerprint),
            seconds=60.0,
            told=lambda trial: None,
            retry_failed=retry_failed,
        )

    return run


def shown(trials):
    return [(t.number, dict(t.parameters), t.value, t.status) for t in trials]


@pytest.mark.parametrize("sampler", ["tpe", "random"])
@pytest.mark.parametrize("metric", ["ndcg@10", "hr@1"])
def test_the_planted_parameter_is_found(tried, sampler, metric):
    trials = tried(sampler=sampler, metric=metric, n_trials=24)
    assert [t.number for t in trials] == list(range(25))
    assert dict(trials[0].parameters) == {}
    best = best_of(trials)
    assert (best.parameters["step"], best.value) == (1, 1.0)
    assert all(t.value < 1.0 for t in trials if t.parameters.get("step", 3) != 1)
    assert len({t.parameters["blur"] for t in trials[1:]}) > 10


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_stopped_search_goes_on_and_ends_the_same(tried, sampler):
    whole = tried("whole", sampler=sampler)
    with pytest.raises(KeyboardInterrupt):
        tried("stopped", Here(stops_after=9), sampler=sampler)
    again = Here()
    assert shown(tried("stopped", again, sampler=sampler)) == shown(whole)
    assert 0 < again.n_jobs < 15
    kept = Here()
    assert all(t.was_kept for t in tried("stopped", kept, sampler=sampler))
    assert kept.n_jobs == 0


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_more_trials_begin_with_the_same_ones(tried, sampler):
    few, more = tried(n_trials=6, sampler=sampler), tried(n_trials=13, sampler=sampler)
    assert shown(more)[:7] == shown(few)
    assert [t.was_kept for t in more[:7]] == [True] * 7


def test_the_order_in_which_trials_end_plays_no_part(tried):
    assert shown(tried("a", LastFirst())) == shown(tried("b", Here()))


def test_another_seed_tries_others(tried):
    first, second = tried(seed=0, n_trials=4), tried(seed=1, n_trials=4)
    assert shown(first)[1:] != shown(second)[1:]


def test_no_test_event_plays_a_part(toy_data, tried, tmp_path):
    dataset, interactions = toy_data
    items = interactions.items.copy()
    ends = interactions.offsets[1:][interactions.lengths >= 3] - 1
    items[ends] = (items[ends] + 7) % interactions.n_items
    other = interactions.with_sequences(
        type(interactions)(interactions.offsets, items, n_items=interactions.n_items)
    )
    assert not np.array_equal(other.items, interactions.items)
    store = Store(tmp_path / "other", warn=print)
    changed = tune(
        search(dataset.model_copy(update={"fingerprint": other.fingerprint()})),
        store=store,
        workers=Here(),
        data=write_dataset(store, other, other.fingerprint()),
        seconds=60.0,
        told=lambda trial: None,
    )
    assert shown(changed) == shown(tried())


def test_a_trial_that_fails_is_kept_told_of_and_never_the_best(tried):
    trials = tried(fixed={"odd": "refused"})
    failed = [t for t in trials if t.status == "failed"]
    assert 0 < len(failed) < len(trials)
    assert all("an odd step" in t.reason for t in failed)
    assert all(t.parameters.get("step", 3) % 2 for t in failed)
    assert best_of(trials).parameters["step"] % 2 == 0
    with pytest.raises(UsageError, match=r"no trial ended well; the first one said: .*an odd step"):
        best_of(failed)


class Late(Here):
    """Workers whose jobs all run over their time."""

    def submit(self, function, *arguments):
        self.n_jobs += 1
        late = Future()
        late.set_exception(TimeoutError("took longer than 1 s"))
        return late


def test_what_did_not_end_well_is_tried_again_where_it_is_asked_for(tried):
    late = tried(workers=Late(), sampler="random", n_trials=3)
    assert {t.status for t in late} == {"timeout"}
    kept = tried(sampler="random", n_trials=3)
    assert [(t.status, t.was_kept) for t in kept] == [("timeout", True)] * 4
    again = tried(sampler="random", n_trials=3, retry_failed=True)
    assert [(t.status, t.was_kept) for t in again] == [("ok", False)] * 4
    # what ended well is not
    assert all(t.was_kept for t in tried(sampler="random", n_trials=3, retry_failed=True))


def listing(dataset, **changes):
    """A search for a recommender that lists items alone."""
    spec, origin = discover().find(RecommenderSpec, "shop")
    return search(
        dataset,
        spec=replace(spec, search=(IntRange("length", 2, 6),)),
        origin=origin,
        sampler="random",
        n_trials=8,
        **changes,
    )


def test_a_recommender_that_lists_items_alone_is_tuned_within_its_lists(toy_data, tmp_path):
    dataset, interactions = toy_data
    store = Store(tmp_path, warn=print)
    data = write_dataset(store, interactions, dataset.fingerprint)
    trials = tune(
        listing(dataset, metric="hr@4"),
        store=store,
        workers=Here(),
        data=data,
        seconds=60.0,
        told=lambda trial: None,
    )
    lengths = [t.parameters.get("length", 6) for t in trials]
    assert {length < 4 for length in lengths} == {True, False}
    for length, trial in zip(lengths, trials, strict=True):
        assert trial.status == ("ok" if length >= 4 else "failed"), trial.reason
        assert length >= 4 or trial.reason == (
            f"recommender 'shop' lists {length} items, and hr@4 needs ranks up to 4; use a cut-off "
            f"of at most {length}"
        )


def test_the_earliest_of_equals_is_best(tried):
    trials = tried(fixed={"step": 1})
    assert {t.value for t in trials} == {1.0}
    assert best_of(trials).number == 0


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"metric": "recall@10"}, UsageError, "expected hr@K or ndcg@K"),
        ({"metric": "hr"}, UsageError, "expected hr@K or ndcg@K"),
        ({"metric": "hr@0"}, UsageError, "expected hr@K or ndcg@K"),
        ({"metric": "hr@\u0663"}, UsageError, "expected hr@K or ndcg@K"),
        ({"name": "counts"}, ParameterError, "'counts' of .* declares no search space"),
        ({"fixed": {"step": 1, "blur": 0.5}}, ParameterError, "all parameters .* are given"),
    ],
)
def test_what_can_not_be_searched_is_refused(toy_data, changes, error, said):
    with pytest.raises(error, match=said):
        search(toy_data[0], **changes)


def test_without_optuna_the_error_says_what_to_type(tried, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    workers = Here()
    with pytest.raises(UsageError, match=r"pip install 'loki-bench\[tune\]', or choose .*random"):
        tried(workers=workers)
    assert workers.n_jobs == 0  # before anything is trained


def test_random_draws_need_no_optuna_and_stay_within_their_ranges(tried, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    trials = tried(sampler="random", n_trials=200)[1:]
    assert {t.parameters["step"] for t in trials} == set(range(10))  # both ends included
    blurs = np.array([t.parameters["blur"] for t in trials])
    assert blurs.min() >= 0.01
    assert blurs.max() <= 1.0
    # uniform in the logarithm: half of them below the middle, 0.1; 4 standard deviations
    assert abs(np.mean(blurs < 0.1) - 0.5) < 4 * 0.5 / np.sqrt(200)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: FloatRange("x", 1.0, 1.0),
        lambda: FloatRange("x", 0.0, 1.0, log=True),
        lambda: FloatRange("x", 0.0, float("inf")),
        lambda: IntRange("x", 2, 1),
        lambda: IntRange("x", 0, 9, log=True),
        lambda: Choices("x", ("one",)),
        lambda: Choices("x", (1, 1, 2)),
    ],
)
def test_a_range_without_two_values_is_refused(wrong):
    with pytest.raises(ValueError, match="expected"):
        wrong()


def test_a_third_partys_trial_runs_in_a_process_of_its_own(toy_data, tmp_path, monkeypatch):
    dataset, interactions = toy_data
    data = write_dataset(Store(tmp_path, warn=print), interactions, dataset.fingerprint)
    parameters = search(dataset, fixed={}).resolved({"step": 1})
    here = validate(data, parameters, 0)
    monkeypatch.delitem(OWN_DISTRIBUTIONS, "toy-plugin")
    apart = validate(data, parameters, 0)
    assert (here.process, apart.process["isolation"]) == ({}, "process")
    np.testing.assert_array_equal(apart.value.ranks, here.value.ranks)
