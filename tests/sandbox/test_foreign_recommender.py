"""A third party's recommender in a process of its own gives what it gives here, plainly."""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest

from loki_bench.answer_checks import ranks_given_by
from loki_bench.errors import InvalidAnswerError, RejectedError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.sandbox.carry_out import runs_apart, with_recommender
from loki_bench.sandbox.confinement import NOT_CONFINED
from loki_bench.sandbox.foreign_recommender import ForeignRecommender, pickled
from loki_bench.sandbox.parent import Answer
from loki_bench.sandbox.recommender_request import (
    FactsRequest,
    PickleRequest,
    RecommenderForHost,
    ScoresRequest,
)
from loki_bench.suite.components import ComponentRef
from loki_bench.suite.suite import Limits

NO_COSTS = {"wall_seconds": 0.0, "cpu_seconds": 0.5, "compile_seconds": 0.0}
LIMITS = Limits(seconds=60.0, memory_gib=2.0)


def component(distribution="toy-plugin", target="toy_plugin.components:Follows", **parameters):
    return ComponentRef(
        name="follows",
        distribution=distribution,
        version="1.0",
        target=target,
        parameters=parameters,
        changed={},
    )


@pytest.fixture
def train():
    random = np.random.default_rng(3)
    rows = Sequences.of([random.integers(0, 12, random.integers(1, 9)) for _ in range(20)])
    return Interactions(rows.offsets, rows.items, n_items=12)


@pytest.mark.parametrize(
    ("distribution", "target", "apart"),
    [
        ("toy-plugin", "toy_plugin.components:Counts", True),
        ("loki-bench-recbole", "loki_bench_recbole.bprmf:BPRMF", False),
        ("loki_bench.recbole", "loki_bench_recbole.bprmf:BPRMF", False),
        # neither a name nor a target alone makes it this project's
        ("loki-bench-recbole", "theirs:BPRMF", True),
        ("theirs", "loki_bench_recbole.bprmf:BPRMF", True),
    ],
)
def test_a_third_partys_runs_apart_and_this_projects_own_does_not(distribution, target, apart):
    assert runs_apart(component(distribution, target)) == apart


def everything(train):
    """A fit and all that is asked of it, for either kind of process."""

    def work(recommender):
        users = np.arange(20, dtype=np.int32)
        recommender.fit(train, validation=None, seed=7)
        ranks = ranks_given_by(
            recommender,
            name="follows",
            users=users,
            histories=train,
            items=np.tile(np.array([1, 5]), (20, 1)),
            n_items=12,
        )
        scores = recommender.score_next(users[:0], train.take([]))
        facts = recommender.n_training_samples, recommender.fit_report
        return ranks, scores.shape, facts, pickled(recommender)

    return work


def test_it_gives_the_same_ranks_facts_and_pickle_as_here(train, tmp_path):
    apart, here = (
        with_recommender(
            component(noise=0.25),
            everything(train),
            isolation=isolation,
            limits=LIMITS,
            closed=tmp_path,
        )
        for isolation in ("process", "in-process")
    )
    np.testing.assert_array_equal(apart.value[0], here.value[0])
    facts = (train.n_events, {"events": float(train.n_events)})
    assert apart.value[1:3] == here.value[1:3] == ((0, 12), facts)
    theirs, ours = (pickle.loads(done.value[3]) for done in (apart, here))
    np.testing.assert_array_equal(theirs.follows, ours.follows)
    assert apart.process["isolation"] == "process"
    assert apart.process["start_seconds"] > 0.0
    assert apart.wall_seconds >= 0.0
    assert apart.peak_memory_bytes > 10 << 20
    assert here.process == {}


def test_it_is_fine_tuned_in_the_process_where_it_was_fitted(train, tmp_path):
    more = train.with_users(Sequences.of([[2, 2, 2]]))

    def work(recommender):
        recommender.fit(train, validation=None, seed=7)
        recommender.fine_tune(more, seed=8, epochs=3)
        scores = recommender.score_next(np.array([20], dtype=np.int32), more.take([20]))
        return scores[0], recommender.n_training_samples

    done = with_recommender(
        component(target="toy_plugin.components:GoesOn", noise=0.0),
        work,
        isolation="process",
        limits=LIMITS,
        closed=tmp_path,
    )
    scores, n_samples = done.value
    np.testing.assert_array_equal(scores, train.item_counts + 3 * more.item_counts)
    assert n_samples == train.n_events + 3


def test_one_that_only_says_that_it_can_be_fine_tuned_is_named(train, tmp_path):
    def work(recommender):
        recommender.fit(train, validation=None, seed=7).fine_tune(train, seed=8, epochs=3)

    with pytest.raises(InvalidAnswerError, match="'follows' says that it can be fine-tuned"):
        with_recommender(component(), work, isolation="process", limits=LIMITS, closed=tmp_path)


@dataclass
class Answers:
    """A process that answers one thing, whatever it is asked."""

    answer: object

    confinement = NOT_CONFINED

    def put(self, request, ask, *, most_bytes=None):
        self.request, self.most_bytes = request, most_bytes
        if isinstance(self.answer, Exception):
            raise self.answer
        arrays, report = self.answer
        return Answer(
            arrays=arrays,
            report=report,
            costs=NO_COSTS,
            peak_memory_bytes=1,
            confinement=NOT_CONFINED,
        )


def test_no_more_bytes_are_read_than_the_scores_take(train):
    process = Answers(({"scores": np.zeros((2, 12), np.float32)}, {}))
    recommender = ForeignRecommender(component(), process)
    recommender.fit(train, validation=None, seed=7)
    recommender.score_next(np.arange(2, dtype=np.int32), train.take([0, 1]))
    assert process.most_bytes == 2 * 12 * 4
    assert recommender.costs["cpu_seconds"] == 1.0


@pytest.mark.parametrize("report", [{}, {"samples": 1}, {"samples": 1, "fit": {}, "more": 1}])
def test_facts_that_are_something_else_are_refused(report):
    with pytest.raises(InvalidAnswerError, match="did not tell of its fit"):
        _ = ForeignRecommender(component(), Answers(({}, report))).fit_report


@pytest.mark.parametrize("arrays", [{}, {"pickled": np.zeros(3, np.int64)}])
def test_a_pickle_that_is_none_is_refused(arrays):
    with pytest.raises(InvalidAnswerError, match="sent no pickle"):
        ForeignRecommender(component(), Answers((arrays, {}))).pickled()


def test_a_recommender_breaks_no_rule_of_attacks():
    recommender = ForeignRecommender(component(), Answers(RejectedError("was refused")))
    with pytest.raises(InvalidAnswerError, match="was refused"):
        _ = recommender.fit_report


@pytest.mark.parametrize(
    "request_", [ScoresRequest(users=None, histories=None), FactsRequest(), PickleRequest()]
)
def test_nothing_is_answered_before_a_fit(request_):
    with pytest.raises(InvalidAnswerError, match="before it was fitted"):
        RecommenderForHost()(request_, lambda question: None)
