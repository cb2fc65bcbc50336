"""What this distribution declares to loki-bench; imports neither RecBole, torch nor numba."""

from loki_bench.plugins.hookspecs import hookimpl
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
        "transrec",
        "loki_bench_recbole.transrec:TransRec",
        True,
        "A user is a translation from one item to the next (RecBole's TransRec)",
        "He et al., Translation-based Recommendation, RecSys 2017",
    ),
)


@hookimpl
def loki_bench_recommenders() -> list[RecommenderSpec]:
    """The four recommenders, each a line of the table above."""
    return [
        RecommenderSpec(
            name=name,
            summary=summary,
            target=target,
            reference=reference,
            uses_order=uses_order,
            differentiable=True,
        )
        for name, target, uses_order, summary, reference in _RECOMMENDERS
    ]
