"""What this distribution declares to loki-bench; imports neither numpy, scipy nor torch."""

from loki_bench.plugins.hookspecs import hookimpl
from loki_bench.plugins.specs import AttackerSpec, ConditionalNeed

__all__ = ["loki_bench_attackers"]

_MOBASHER = (
    "Mobasher, Burke, Bhaumik & Williams, Toward Trustworthy Recommender Systems: An Analysis of "
    "Attack Models and Algorithm Robustness, ACM TOIT 2007"
)
_FANG = (
    "Fang, Gong & Liu, Influence Function based Data Poisoning Attacks to Top-N Recommender "
    "Systems, WWW 2020"
)
_LI = (
    "Li, Wang, Singh & Vorobeychik, Data Poisoning Attacks on Factorization-Based Collaborative "
    "Filtering, NeurIPS 2016"
)
_TANG = (
    "Tang, Wen & Wang, Revisiting Adversarially Learned Injection Attacks Against Recommender "
    "Systems, RecSys 2020"
)
_HUANG = (
    "Huang, Mu, Gong, Li, Liu & Xu, Data Poisoning Attacks to Deep Learning Based Recommender "
    "Systems, NDSS 2021"
)
_SONG = (
    "Song, Li, Hu, Wu, Li, Li & Gao, PoisonRec: An Adaptive Data Poisoning Framework for Attacking "
    "Black-box Recommender Systems, ICDE 2020"
)
_YUE = (
    "Yue, He, Zeng & McAuley, Black-Box Attacks on Sequential Recommenders via Data-Free Model "
    "Extraction, RecSys 2021"
)

_XIE = (
    "After Xie, Yang, Shao & Wu, Sharpness-Aware Poisoning: Enhancing Transferability of Injective "
    "Attacks on Recommender Systems, arXiv 2604.22170, 2026"
)


@hookimpl
def loki_bench_attackers() -> list[AttackerSpec]:
    """The attacks."""
    return [
        AttackerSpec(
            name="bandwagon",
            summary="Targets among the most visited items and some others",
            target="loki_bench_attacks.bandwagon:BandwagonAttack",
            reference=_MOBASHER,
            takes_lengths=True,
        ),
        AttackerSpec(
            name="segment",
            summary="Targets among the items that set the target users apart",
            target="loki_bench_attacks.segment:SegmentAttack",
            reference=_MOBASHER,
            takes_lengths=True,
        ),
        AttackerSpec(
            name="influence-fillers",
            summary="Fillers with the largest influence on target users' lists, one by one",
            target="loki_bench_attacks.influence_fillers:InfluenceFillers",
            reference=_FANG,
            needs=frozenset({"history", "surrogates", "influence"}),
            # as LOKI's: surrogates are stopped early, and a mean needs different negatives
            influence_parameters={
                "curvature": "gauss-newton",
                "damping": 1.0,
                "n_negatives": 2,
                "negatives": "per-prefix",
            },
            takes_lengths=True,
        ),
        AttackerSpec(
            name="pga",
            summary="Projected gradient ascent through the optimality of a matrix factorisation",
            target="loki_bench_attacks.pga:ProjectedGradientAscent",
            reference=_LI,
            takes_lengths=True,
        ),
        AttackerSpec(
            name="revadv",
            summary="Gradient ascent through the unrolled training of a matrix factorisation",
            target="loki_bench_attacks.revadv:UnrolledAttack",
            reference=_TANG,
            takes_lengths=True,
        ),
        AttackerSpec(
            name="sharpap",
            summary="The unrolled ascent against the worst model near the surrogate",
            target="loki_bench_attacks.sharpap:SharpnessAwareAttack",
            reference=_XIE,
            takes_lengths=True,
        ),
        AttackerSpec(
            name="dp-attack",
            summary="What a model that was won over predicts fake users, few items too often",
            target="loki_bench_attacks.dp_attack:PoisonModelAttack",
            reference=_HUANG,
            takes_lengths=True,
        ),
        AttackerSpec(
            name="poisonrec",
            summary="Policy gradient on counted recommendations of a simulated recommender",
            target="loki_bench_attacks.poisonrec:PoisonRec",
            reference=_SONG,
            takes_lengths=True,
        ),
        AttackerSpec(
            name="extract-and-poison",
            summary="Imitates the victim by its answers, then pairs targets with adversarial items",
            target="loki_bench_attacks.extract_and_poison:ExtractAndPoison",
            reference=_YUE,
            needs=frozenset({"sequence-queries"}),
            needs_when=(ConditionalNeed(parameter="start", value="target-users", need="history"),),
            takes_lengths=True,
        ),
    ]
