"""What this distribution declares to loki-bench; imports neither RecBole, torch nor numba."""

from loki_bench.plugins.hookspecs import hookimpl
from loki_bench.plugins.search_space import Choices, FloatRange, SearchRange
from loki_bench.plugins.specs import RecommenderSpec

__all__ = ["loki_bench_recommenders"]

# name, target, uses_order, summary, reference
_RECOMMENDERS = (
    (
        "bprmf",
        "loki_bench_recbole.bprmf:BPRMF",
        False,
        "Matrix factorisation with a pairwise ranking loss (RecBole's BPR)",
        "Rendle et al., BPR: Bayesian Personalized Ranking from Implicit Feedback, UAI 2009",
    ),
    (
        "fpmc",
        "loki_bench_recbole.fpmc:FPMC",
        True,
        "Factorised personalised Markov chain: user's taste plus last item (RecBole's FPMC)",
        "Rendle et al., Factorizing Personalized Markov Chains for Next-Basket Recommendation, "
        "WWW 2010",
    ),
    (
        "gru4rec",
        "loki_bench_recbole.gru4rec:GRU4Rec",
        True,
        "Recurrent network over the user's events (RecBole's GRU4Rec)",
        "Tan et al., Improved Recurrent Neural Networks for Session-based Recommendations, "
        "DLRS 2016",
    ),
    (
        "sasrec",
        "loki_bench_recbole.sasrec:SASRec",
        True,
        "Self-attention over the user's latest events (RecBole's SASRec)",
        "Kang and McAuley, Self-Attentive Sequential Recommendation, ICDM 2018",
    ),
    (
        "transrec",
        "loki_bench_recbole.transrec:TransRec",
        True,
        "A user is a translation from one item to the next (RecBole's TransRec)",
        "He et al., Translation-based Recommendation, RecSys 2017",
    ),
)


_TAKE_WEIGHTS = frozenset({"bprmf", "fpmc", "gru4rec", "sasrec", "transrec"})

# What `loki-bench tune` tries. The epochs are left out: validation events stop a fit early.
_SEARCH: dict[str, tuple[SearchRange, ...]] = {
    "bprmf": (
        FloatRange("learning_rate", 0.01, 0.3, log=True),
        FloatRange("l2", 0.0003, 0.3, log=True),
        Choices("embedding_size", (32, 64, 128)),
    ),
    "fpmc": (
        FloatRange("learning_rate", 0.01, 0.2, log=True),
        FloatRange("l2", 0.0003, 0.1, log=True),
        Choices("embedding_size", (32, 64, 128)),
    ),
    "gru4rec": (
        FloatRange("learning_rate", 0.0005, 0.02, log=True),
        FloatRange("dropout", 0.0, 0.6),
        Choices("embedding_size", (32, 64, 128)),
        Choices("hidden_size", (64, 128, 256)),
    ),
    "sasrec": (
        FloatRange("learning_rate", 0.0003, 0.01, log=True),
        FloatRange("dropout", 0.0, 0.7),
        FloatRange("attention_dropout", 0.0, 0.7),
        Choices("hidden_size", (32, 64, 128)),
    ),
    "transrec": (
        FloatRange("learning_rate", 0.005, 0.2, log=True),
        FloatRange("l2", 0.0001, 0.1, log=True),
        Choices("embedding_size", (32, 64, 128)),
    ),
}


_ANSWER_SEQUENCES = frozenset({"gru4rec", "sasrec"})
"""They have no user table: a history alone decides their scores."""


@hookimpl
def loki_bench_recommenders() -> list[RecommenderSpec]:
    """The recommenders, each a line of the table above."""
    return [
        RecommenderSpec(
            name=name,
            summary=summary,
            target=target,
            reference=reference,
            uses_order=uses_order,
            differentiable=True,
            takes_weights=name in _TAKE_WEIGHTS,
            answers_sequences=name in _ANSWER_SEQUENCES,
            search=_SEARCH[name],
        )
        for name, target, uses_order, summary, reference in _RECOMMENDERS
    ]
