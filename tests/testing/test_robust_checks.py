"""The kit trains for a defense as the host does: what that refuses, it refuses."""

import numpy as np
import pytest

from loki_bench.contracts import AdversarialNoise, RobustTraining
from loki_bench.interactions import Sequences
from loki_bench.plugins.specs import DefenseSpec
from loki_bench.testing import CHECKS, Subject, run_checks
from loki_bench.testing.planted import two_groups
from loki_bench.testing.ridge import RidgeRecommender
from loki_bench.testing.robust_checks import _FittedRidge


class Asks(RobustTraining):
    """Trains once, on what a subclass asks for."""

    def asked(self, train):
        return {}

    def fit(self, victim, train, *, seed):
        self.victim = victim.fit(**self.asked(train))

    def score_next(self, users, histories):
        return self.victim.scores(users, histories)


class MaskOfIntegers(Asks):
    def asked(self, train):
        return {"kept": np.ones(train.n_users, dtype=int)}


class ShortWeights(Asks):
    def asked(self, train):
        return {"weights": np.ones(train.n_events, dtype=np.float32)}


class LargeWeights(Asks):
    def asked(self, train):
        return {"weights": np.full(train.n_events, 2.0)}


class Weights(Asks):
    def asked(self, train):
        return {"weights": np.full(train.n_events, 0.6)}


class Noise(Asks):
    def asked(self, train):
        return {"noise": AdversarialNoise(radius=0.1, weight=0.1)}


class LongUsers(Asks):
    def score_next(self, users, histories):
        return self.victim.scores(users.astype(np.int64), histories)


@pytest.mark.parametrize(
    ("target", "declared", "sentence"),
    [
        (MaskOfIntegers, {}, "gave kept as int64 of shape (80,); expected a bool array"),
        (ShortWeights, {"needs_weights": True}, "gave weights as float32"),
        (LargeWeights, {"needs_weights": True}, "gave a weight outside 0 to 1"),
        (Weights, {}, "gives weights, and its spec does not say needs_weights"),
        (Noise, {}, "gives noise, and its spec does not say needs_noise"),
        (LongUsers, {}, "use .astype(np.int32)"),
    ],
)
def test_what_the_host_refuses_fails_every_check(target, declared, sentence):
    spec = DefenseSpec(
        name="asks",
        summary="x",
        target=f"{__name__}:{target.__name__}",
        form="training",
        **declared,
    )
    found = list(run_checks([Subject(spec=spec)]))
    details = {r.check: r.detail for r in found if sentence in r.detail}
    # a report needs no scores
    without = {"check_robust_training_reports_plain_data"} if target is LongUsers else set()
    assert set(details) == {check.__name__ for check in CHECKS["robust training"]} - without


@pytest.mark.parametrize(
    ("target", "declared"), [(Weights, "needs_weights"), (Noise, "needs_noise")]
)
def test_what_is_declared_may_be_given(target, declared):
    spec = DefenseSpec(
        name="asks",
        summary="x",
        target=f"{__name__}:{target.__name__}",
        form="training",
        **{declared: True},
    )
    assert [r.detail for r in run_checks([Subject(spec=spec)]) if not r.ok] == []


def test_a_list_ends_with_minus_one_as_the_hosts_do():
    train = two_groups().train
    model = RidgeRecommender(l2=0.1).fit(train, validation=None, seed=0)
    subject = Subject(spec=DefenseSpec(name="asks", summary="x", target="a:B", form="training"))
    history = Sequences.of([[*range(14)]])
    found = _FittedRidge(subject, model, train).top_k(np.zeros(1, dtype=np.int32), history, 16)
    assert set(found[0, :2].tolist()) == {14, 15}
    assert found[0, 2:].tolist() == [-1] * 14
