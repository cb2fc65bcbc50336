"""LOKI with every option that scores a surrogate before it is differentiated, on every pool."""

from dataclasses import dataclass, replace
from functools import partial

import pytest

from loki_bench import builtin
from loki_bench.answer_checks import validate_poison
from loki_bench.contracts import Recommender
from loki_bench.influence.estimators.cg import ConjugateGradientInfluence
from loki_bench.influence.estimators.first_order import MOST_RESIDUAL
from loki_bench.interactions import Interactions
from loki_bench.testing import Subject
from loki_bench.testing.attacker_views import attacked_data, view_for
from loki_bench_recbole.bprmf import BPRMF
from loki_bench_recbole.fpmc import FPMC
from loki_bench_recbole.gru4rec import GRU4Rec
from loki_bench_recbole.transrec import TransRec

SHORT = {
    "n_iterations": 2,
    "episodes_per_iteration": 4,
    "updates_per_iteration": 1,
    "n_clusters": 2,
    "n_factors": 4,
    "motifs": False,
    "n_trials": 1,
}


@dataclass
class Lent:
    name: str
    train: Interactions
    model: Recommender
    weight: float = 1.0

    def fit(self):
        return self.model


@pytest.fixture(scope="module")
def pool():
    train = attacked_data().train
    makes = {
        "bprmf": BPRMF(embedding_size=4, epochs=5),
        "fpmc": FPMC(embedding_size=4, epochs=5),
        "gru4rec": GRU4Rec(embedding_size=4, hidden_size=4, epochs=3, loss="BPR"),
        "transrec": TransRec(embedding_size=4, epochs=5),
    }
    return tuple(
        Lent(name, train, made.fit(train, validation=None, seed=0)) for name, made in makes.items()
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{"reward": "simulator-rank"}, {"weights": "fit"}, {"check_estimates": True}]
)
def test_scoring_before_differentiating_stops_no_surrogate(pool, options):
    (spec,) = [one for one in builtin.loki_bench_attackers() if one.name == "loki"]
    subject = Subject(spec=spec, parameters={**SHORT, **options})
    view = replace(
        view_for(subject),
        surrogates=pool,
        influence=partial(ConjugateGradientInfluence, **spec.influence_parameters),
    )
    loki = subject.build()
    answer = loki.poison(view)
    validate_poison(answer, attacker="loki", budget=view.budget, n_items=view.history.n_items)
    told = loki.report["surrogates"]
    assert set(told) == {"bprmf", "fpmc", "gru4rec", "transrec"}
    for one in told.values():
        assert one["estimator"]["relative_residual"] <= MOST_RESIDUAL
