"""What every recommender that answers for sequences that nobody has promises."""

import numpy as np

from loki_bench.contracts import Recommender
from loki_bench.interactions import Sequences
from loki_bench.testing.planted import two_groups
from loki_bench.testing.subject import Subject, promise
from loki_bench.testing.surroundings import contained

__all__ = ["check_sequence_recommender_scores_a_history_alike_for_all_users"]

SEED = 20


@contained
def check_sequence_recommender_scores_a_history_alike_for_all_users(subject: Subject) -> None:
    """``answers_sequences``: the same history gives the same scores, whoever the user is."""
    split = two_groups()
    model: Recommender = subject.build()
    model.fit(split.train, validation=split.validation, seed=SEED)
    users = np.arange(7, dtype=np.int32)
    [history] = split.train.take(users[:1])
    scores = model.score_next(users, Sequences.of([history] * len(users)))
    promise(
        bool(np.allclose(scores, scores[:1], rtol=1e-5, atol=0)),
        subject,
        "declares answers_sequences = True, and scores one history differently for two users",
    )
