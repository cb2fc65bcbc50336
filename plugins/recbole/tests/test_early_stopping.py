"""Early stopping ranks the validation events of genuine users, at its looks, and nothing else."""

import numpy as np
import pytest

from loki_bench.interactions import Sequences
from loki_bench_recbole.bprmf import BPRMF
from loki_bench_recbole.fpmc import FPMC
from loki_bench_recbole.gru4rec import GRU4Rec
from loki_bench_recbole.transrec import TransRec


@pytest.mark.parametrize("recommender", [BPRMF, FPMC, GRU4Rec, TransRec])
def test_only_users_with_a_validation_event_are_ranked_and_only_at_a_look(
    recommender, cycle, monkeypatch
):
    asked = []
    queries = recommender._queries

    def spy(self, users, histories):
        asked.append(np.array(users))
        return queries(self, users, histories)

    monkeypatch.setattr(recommender, "_queries", spy)
    fakes = Sequences.of([[0, 1, 2]] * 7)  # they train, and have no validation event
    model = recommender(embedding_size=4, epochs=8, validate_every=3, patience=9)
    model.fit(cycle.train.with_users(fakes), validation=cycle.validation, seed=0)
    assert len(asked) == 3  # after epochs 3, 6 and the last
    for users in asked:
        assert users.tolist() == cycle.validation.users.tolist()
    asked.clear()
    recommender(embedding_size=4, epochs=2).fit(cycle.train, validation=None, seed=0)
    assert asked == []
