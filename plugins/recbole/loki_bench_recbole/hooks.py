"""What this distribution declares to loki-bench; imports neither RecBole, torch nor numba."""

from loki_bench.plugins.hookspecs import hookimpl
from loki_bench.plugins.search_space import Choices, FloatRange, SearchRange
from loki_bench.plugins.specs import RecommenderSpec

__all__ = ["loki_bench_recommenders"]

# name, target, uses_order, differentiable, summary, reference
_RECOMMENDERS = (
    (
        "bert4rec",
        "loki_bench_recbole.bert4rec:BERT4Rec",
        True,
        False,
        "Self-attention in both directions, trained on masked events (RecBole's BERT4Rec)",
        "Sun et al., BERT4Rec: Sequential Recommendation with Bidirectional Encoder "
        "Representations from Transformer, CIKM 2019",
    ),
    (
        "bprmf",
        "loki_bench_recbole.bprmf:BPRMF",
        False,
        True,
        "Matrix factorisation with a pairwise ranking loss (RecBole's BPR)",
        "Rendle et al., BPR: Bayesian Personalized Ranking from Implicit Feedback, UAI 2009",
    ),
    (
        "caser",
        "loki_bench_recbole.caser:Caser",
        True,
        True,
        "Convolutions over the user's latest events (RecBole's Caser)",
        "Tang and Wang, Personalized Top-N Sequential Recommendation via Convolutional Sequence "
        "Embedding, WSDM 2018",
    ),
    (
        "fpmc",
        "loki_bench_recbole.fpmc:FPMC",
        True,
        True,
        "Factorised personalised Markov chain: user's taste plus last item (RecBole's FPMC)",
        "Rendle et al., Factorizing Personalized Markov Chains for Next-Basket Recommendation, "
        "WWW 2010",
    ),
    (
        "gru4rec",
        "loki_bench_recbole.gru4rec:GRU4Rec",
        True,
        True,
        "Recurrent network over the user's events (RecBole's GRU4Rec)",
        "Tan et al., Improved Recurrent Neural Networks for Session-based Recommendations, "
        "DLRS 2016",
    ),
    (
        "lightgcn",
        "loki_bench_recbole.lightgcn:LightGCN",
        False,
        False,
        "Factors propagated over the graph of users and items (RecBole's LightGCN)",
        "He et al., LightGCN: Simplifying and Powering Graph Convolution Network for "
        "Recommendation, SIGIR 2020",
    ),
    (
        "narm",
        "loki_bench_recbole.narm:NARM",
        True,
        True,
        "Recurrent network that attends to its earlier states (RecBole's NARM)",
        "Li et al., Neural Attentive Session-based Recommendation, CIKM 2017",
    ),
    (
        "recbole",
        "loki_bench_recbole.any_model:AnyModel",
        True,
        False,
        "Any general or sequential model class of RecBole's, by its name and untuned",
        "Zhao et al., RecBole: Towards a Unified, Comprehensive and Efficient Framework for "
        "Recommendation Algorithms, CIKM 2021",
    ),
    (
        "sasrec",
        "loki_bench_recbole.sasrec:SASRec",
        True,
        True,
        "Self-attention over the user's latest events (RecBole's SASRec)",
        "Kang and McAuley, Self-Attentive Sequential Recommendation, ICDM 2018",
    ),
    (
        "transrec",
        "loki_bench_recbole.transrec:TransRec",
        True,
        True,
        "A user is a translation from one item to the next (RecBole's TransRec)",
        "He et al., Translation-based Recommendation, RecSys 2017",
    ),
)


_TAKE_WEIGHTS = frozenset({"bprmf", "caser", "fpmc", "gru4rec", "narm", "sasrec", "transrec"})
_TAKE_NOISE = frozenset({"bprmf", "fpmc", "sasrec"})
_FINE_TUNABLE = {"bprmf", "fpmc", "transrec"}
"""Those with a compiled trainer, which can take a fit up again."""

# What `loki-bench tune` tries. The epochs are left out: validation events stop a fit early.
_SEARCH: dict[str, tuple[SearchRange, ...]] = {
    "bert4rec": (
        FloatRange("learning_rate", 0.0003, 0.01, log=True),
        FloatRange("dropout", 0.0, 0.5),
        FloatRange("mask_ratio", 0.1, 0.8),
        Choices("hidden_size", (32, 64, 128)),
    ),
    "bprmf": (
        FloatRange("learning_rate", 0.01, 0.3, log=True),
        FloatRange("l2", 0.0003, 0.3, log=True),
        Choices("embedding_size", (32, 64, 128)),
    ),
    "caser": (
        FloatRange("learning_rate", 0.0003, 0.01, log=True),
        FloatRange("dropout", 0.0, 0.6),
        Choices("embedding_size", (32, 64, 128)),
        Choices("max_length", (3, 5, 8)),
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
    "lightgcn": (
        FloatRange("learning_rate", 0.001, 0.05, log=True),
        FloatRange("l2", 0.00001, 0.01, log=True),
        Choices("n_layers", (1, 2, 3)),
        Choices("embedding_size", (32, 64, 128)),
    ),
    "narm": (
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


_MODEL_CLASSES = {
    "bert4rec": "BERT4Rec",
    "bprmf": "BPR",
    "caser": "Caser",
    "fpmc": "FPMC",
    "gru4rec": "GRU4Rec",
    "lightgcn": "LightGCN",
    "narm": "NARM",
    "recbole": "{model}",
    "sasrec": "SASRec",
    "transrec": "TransRec",
}
"""As RecBole calls them: one of these is the same model by its own name and by ``recbole``."""


_ANSWER_SEQUENCES = frozenset({"bert4rec", "gru4rec", "narm", "sasrec"})
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
            differentiable=differentiable,
            takes_weights=name in _TAKE_WEIGHTS,
            takes_noise=name in _TAKE_NOISE,
            answers_sequences=name in _ANSWER_SEQUENCES,
            search=_SEARCH.get(name, ()),
            fine_tunes=name in _FINE_TUNABLE,
            model_class=f"recbole:{_MODEL_CLASSES[name]}",
            trains_rows=differentiable,  # they share what trains rows alone
        )
        for name, target, uses_order, differentiable, summary, reference in _RECOMMENDERS
    ]
