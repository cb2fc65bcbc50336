"""The components that ship with loki-bench, declared through the same hooks as everyone's.

To add one, add its spec to the list of its kind. Every command imports this module: it imports
nothing but specs and facts.
"""

from loki_bench.datasets.published_files import (
    BEAUTY,
    LASTFM,
    MOVIELENS_100K_SHA256,
    SPORTS,
    TOYS,
)
from loki_bench.plugins.hookspecs import hookimpl
from loki_bench.plugins.specs import (
    AttackerSpec,
    ConditionalNeed,
    DatasetSpec,
    InfluenceEstimatorSpec,
    MetricSpec,
)

__all__ = [
    "loki_bench_attackers",
    "loki_bench_datasets",
    "loki_bench_influence_estimators",
    "loki_bench_metrics",
]

_LOKI = (
    "Zhang et al., Practical Data Poisoning Attack against Next-Item Recommendation, WWW 2020, "
    "https://doi.org/10.1145/3366423.3379992"
)
_COVISITATION = (
    "Yang et al., Fake Co-visitation Injection Attacks to Recommender Systems, NDSS 2017"
)
_EXTRACTION = (
    "Yue et al., Black-Box Attacks on Sequential Recommenders via Data-Free Model Extraction, "
    "RecSys 2021"
)
_AMAZON = "He & McAuley, Ups and Downs, WWW 2016; McAuley et al., SIGIR 2015"
_AMAZON_HOMEPAGE = "https://cseweb.ucsd.edu/~jmcauley/datasets/amazon/links.html"
_RESEARCH = "research use only"
_FORMER_NEGATIVES = {"negatives": {"shared": "common", "by-prefix": "per-prefix"}}
_FORMER_FAKE_USER_VALUES = {
    **_FORMER_NEGATIVES,
    "marginal": {"refold": "difference", "augmented": "derivative"},
}


@hookimpl
def loki_bench_datasets() -> list[DatasetSpec]:
    """The built-in datasets."""
    return [
        DatasetSpec(
            name="ml-100k",
            summary="MovieLens-100K as RecBole ships it: 943 users, 1,349 items after 5-core",
            target="loki_bench.datasets.movielens:MovieLens100K",
            reference="Harper & Konstan, The MovieLens Datasets, TiiS 2015",
            licence="research use with acknowledgement; no redistribution without permission",
            homepage="https://grouplens.org/datasets/movielens/100k/",
            fingerprint=MOVIELENS_100K_SHA256,
        ),
        DatasetSpec(
            name="amazon-beauty",
            summary="Amazon reviews of beauty products: 22,363 users, 12,101 items",
            target="loki_bench.datasets.published:AmazonBeauty",
            reference=_AMAZON,
            licence=_RESEARCH,
            homepage=_AMAZON_HOMEPAGE,
            fingerprint=BEAUTY.sha256,
        ),
        DatasetSpec(
            name="amazon-toys",
            summary="Amazon reviews of toys and games: 19,412 users, 11,924 items",
            target="loki_bench.datasets.published:AmazonToys",
            reference=_AMAZON,
            licence=_RESEARCH,
            homepage=_AMAZON_HOMEPAGE,
            fingerprint=TOYS.sha256,
        ),
        DatasetSpec(
            name="amazon-sports",
            summary="Amazon reviews of sports goods: 35,598 users, 18,357 items",
            target="loki_bench.datasets.published:AmazonSports",
            reference=_AMAZON,
            licence=_RESEARCH,
            homepage=_AMAZON_HOMEPAGE,
            fingerprint=SPORTS.sha256,
        ),
        DatasetSpec(
            name="lastfm",
            summary="Artists heard on Last.fm: 1,090 users, 3,646 items",
            target="loki_bench.datasets.published:LastFM",
            reference="Cantador, Brusilovsky & Kuflik, HetRec 2011",
            licence=_RESEARCH,
            homepage="https://grouplens.org/datasets/hetrec-2011/",
            fingerprint=LASTFM.sha256,
        ),
        DatasetSpec(
            name="file",
            summary="Files of your own: tables, pairs, one line a user, JSON, .inter, Parquet",
            target="loki_bench.datasets.own_file:OwnFile",
        ),
    ]


@hookimpl
def loki_bench_attackers() -> list[AttackerSpec]:
    """The built-in attacks."""
    return [
        AttackerSpec(
            name="none",
            summary="No attack: the clean victim",
            target="loki_bench.attackers.none:NoAttack",
            reference=_LOKI,
            baseline=True,
            needs=frozenset(),
            takes_lengths=True,
        ),
        AttackerSpec(
            name="replay",
            summary="Fake users from a file: a poison that exists, or a poisoned dataset",
            target="loki_bench.attackers.replay:Replay",
            needs=frozenset(),
        ),
        AttackerSpec(
            name="random",
            summary="Targets and random items in random order, without repetition",
            target="loki_bench.attackers.random_items:RandomAttack",
            reference=_LOKI,
            baseline=True,
            ignores_events=True,
            takes_lengths=True,
        ),
        AttackerSpec(
            name="popular",
            summary="Popular item, target, popular item, target ...",
            target="loki_bench.attackers.popular:PopularAttack",
            reference=f"{_LOKI}; {_COVISITATION}",
            baseline=True,
            takes_lengths=True,
        ),
        AttackerSpec(
            name="randalter",
            summary="Random item, target, random item, target ...",
            target="loki_bench.attackers.alternating:RandomAlternatingAttack",
            reference=_EXTRACTION,
            ignores_events=True,
            takes_lengths=True,
        ),
        AttackerSpec(
            name="covisit",
            summary="An item that a target user selected, target, another such item, target ...",
            target="loki_bench.attackers.alternating:CovisitAttack",
            reference=_COVISITATION,
            takes_lengths=True,
        ),
        AttackerSpec(
            name="covisit-easy",
            summary="covisit at its best: each fake user serves one target user, easiest first",
            target="loki_bench.attackers.covisit_easy:CovisitEasyAttack",
            reference=_COVISITATION,
            takes_lengths=True,
        ),
        AttackerSpec(
            name="loki",
            summary="A deep Q-network, rewarded by influence functions on a simulator (LOKI)",
            target="loki_bench.attackers.loki.attacker:Loki",
            reference=_LOKI,
            needs=frozenset({"history", "surrogates", "influence"}),
            needs_when=(ConditionalNeed(parameter="weights", value="fit", need="queries"),),
            prepares=True,
            takes_lengths=True,
            # A surrogate stopped early has negative curvature; and a mean over many sequences
            # needs different negatives, not many for each.
            influence_parameters={
                "curvature": "gauss-newton",
                "damping": 1.0,
                "n_negatives": 2,
                "negatives": "per-prefix",
            },
            former_parameters={"skip_opaque_surrogates": "skip_nondifferentiable"},
            later_parameters=("check_estimates", "last_items", "stealth"),
        ),
    ]


@hookimpl
def loki_bench_metrics() -> list[MetricSpec]:
    """The built-in metrics."""
    return [
        MetricSpec(
            name="display_rate",
            summary="Share of (target user, target item) pairs with the item in the first K",
            target="loki_bench.metrics.display:display_rate",
            reference=f"{_LOKI}, section 4.2.3",
            higher_is="better for the attacker",
            range=(0.0, 1.0),
            unit="share",
            purpose="attack",
            takes_k=True,
            ceiling="loki_bench.metrics.display:display_rate_ceiling",
        ),
        MetricSpec(
            name="user_display_rate",
            summary="Share of target users with at least one target item in the first K",
            target="loki_bench.metrics.display:user_display_rate",
            reference=f"{_LOKI}, section 4.2.3",
            higher_is="better for the attacker",
            range=(0.0, 1.0),
            unit="share",
            purpose="attack",
            takes_k=True,
            former_names=("display_any",),
        ),
        MetricSpec(
            name="collateral",
            summary="Display rate of the target items among users who were not targeted",
            target="loki_bench.metrics.display:collateral",
            higher_is="neither",
            range=(0.0, 1.0),
            unit="share",
            purpose="attack",
            takes_k=True,
            ceiling="loki_bench.metrics.display:display_rate_ceiling",
            reads_untargeted=True,
        ),
        MetricSpec(
            name="demotion_rate",
            summary="Share of the pairs in the first K before the attack that are not after it",
            target="loki_bench.metrics.display:demotion_rate",
            higher_is="better for the attacker",
            range=(0.0, 1.0),
            unit="share",
            purpose="attack",
            takes_k=True,
            goal="demote",
        ),
        MetricSpec(
            name="target_rank",
            summary="Median rank of the target items with the target users",
            target="loki_bench.metrics.target_rank:target_rank",
            higher_is="better for the platform",
            range=(1.0, float("inf")),
            unit="rank",
            purpose="attack",
            needs_all_ranks=True,
        ),
        MetricSpec(
            name="hr",
            summary="Hit rate: share of genuine users' test events in the first K",
            target="loki_bench.metrics.utility:hr",
            higher_is="better for the platform",
            range=(0.0, 1.0),
            unit="share",
            purpose="utility",
            takes_k=True,
        ),
        MetricSpec(
            name="ndcg",
            summary="Normalised discounted cumulative gain of genuine users' test events at K",
            target="loki_bench.metrics.utility:ndcg",
            reference="Järvelin & Kekäläinen, Cumulated Gain-Based Evaluation, TOIS 2002",
            higher_is="better for the platform",
            range=(0.0, 1.0),
            unit="gain",
            purpose="utility",
            takes_k=True,
        ),
        MetricSpec(
            name="hr_change",
            summary="Hit rate after the attack minus hit rate before it",
            target="loki_bench.metrics.utility:hr_change",
            higher_is="better for the platform",
            range=(-1.0, 1.0),
            unit="share",
            purpose="utility",
            takes_k=True,
        ),
        MetricSpec(
            name="length_ks",
            summary="Kolmogorov-Smirnov distance of sequence lengths before and after injection",
            target="loki_bench.metrics.stealth:length_ks",
            reference=f"{_LOKI}, Fig. 6",
            higher_is="better for the platform",
            range=(0.0, 1.0),
            unit="distance",
            purpose="stealth",
            former_names=("length_distance",),
        ),
        MetricSpec(
            name="fake_length_ks",
            summary="Kolmogorov-Smirnov distance of fake and genuine users' sequence lengths",
            target="loki_bench.metrics.stealth:fake_length_ks",
            higher_is="better for the platform",
            range=(0.0, 1.0),
            unit="distance",
            purpose="stealth",
        ),
        MetricSpec(
            name="length_excess",
            summary="Largest excess of one length's share among fake users over genuine ones",
            target="loki_bench.metrics.stealth:length_excess",
            higher_is="better for the platform",
            range=(0.0, 1.0),
            unit="share",
            purpose="stealth",
        ),
        MetricSpec(
            name="target_patterns",
            summary="Number of different places of targets in fake users' sequences",
            target="loki_bench.metrics.stealth:target_patterns",
            higher_is="neither",
            range=(0.0, float("inf")),
            unit="patterns",
            purpose="stealth",
        ),
        MetricSpec(
            name="repeat_excess",
            summary="Share of repeats among fake users' events minus that among genuine users'",
            target="loki_bench.metrics.stealth:repeat_excess",
            higher_is="neither",
            range=(-1.0, 1.0),
            unit="share",
            purpose="stealth",
        ),
        MetricSpec(
            name="target_popularity_rank",
            summary="Median popularity rank of the target items after the injection",
            target="loki_bench.metrics.stealth:target_popularity_rank",
            higher_is="neither",
            range=(1.0, float("inf")),
            unit="rank",
            purpose="stealth",
        ),
        MetricSpec(
            name="clean_hr_lost",
            summary="Hit rate that a defense costs the clean victim",
            target="loki_bench.metrics.defense_cost:clean_hr_lost",
            higher_is="better for the attacker",
            range=(-1.0, 1.0),
            unit="share",
            purpose="defense cost",
            takes_k=True,
        ),
        MetricSpec(
            name="clean_ndcg_lost",
            summary="NDCG that a defense costs the clean victim",
            target="loki_bench.metrics.defense_cost:clean_ndcg_lost",
            higher_is="better for the attacker",
            range=(-1.0, 1.0),
            unit="gain",
            purpose="defense cost",
            takes_k=True,
        ),
        MetricSpec(
            name="detection_precision",
            summary="Share of the users that a defense dropped that are fake",
            target="loki_bench.metrics.detection:detection_precision",
            higher_is="better for the platform",
            range=(0.0, 1.0),
            unit="share",
            purpose="detection",
        ),
        MetricSpec(
            name="detection_recall",
            summary="Share of the fake users that a defense dropped",
            target="loki_bench.metrics.detection:detection_recall",
            higher_is="better for the platform",
            range=(0.0, 1.0),
            unit="share",
            purpose="detection",
        ),
        MetricSpec(
            name="detection_auc",
            summary="Area under the ROC curve of a defense's suspicion",
            target="loki_bench.metrics.detection:detection_auc",
            higher_is="better for the platform",
            range=(0.0, 1.0),
            unit="share",
            purpose="detection",
        ),
        MetricSpec(
            name="recall_at_1pct_fpr",
            summary="Share of fake users found where 1 % of genuine users are, by suspicion",
            target="loki_bench.metrics.detection:recall_at_1pct_fpr",
            higher_is="better for the platform",
            range=(0.0, 1.0),
            unit="share",
            purpose="detection",
        ),
        MetricSpec(
            name="false_positive_rate",
            summary="Share of the genuine users that a defense dropped",
            target="loki_bench.metrics.detection:false_positive_rate",
            higher_is="better for the attacker",
            range=(0.0, 1.0),
            unit="share",
            purpose="detection",
            former_names=("genuine_harmed",),
        ),
    ]


@hookimpl
def loki_bench_influence_estimators() -> list[InfluenceEstimatorSpec]:
    """The built-in influence estimators."""
    return [
        InfluenceEstimatorSpec(
            name="cg",
            summary="Inverse Hessian by conjugate gradients, fake users folded in",
            target="loki_bench.influence.estimators.cg:ConjugateGradientInfluence",
            former_values=_FORMER_FAKE_USER_VALUES,
            reference=f"{_LOKI}, Eq. 2-3; Koh & Liang, ICML 2017",
        ),
        InfluenceEstimatorSpec(
            name="lissa",
            summary="Inverse Hessian by LiSSA's recursion, as the LOKI paper does",
            target="loki_bench.influence.estimators.lissa:LissaInfluence",
            former_values=_FORMER_FAKE_USER_VALUES,
            reference=f"Agarwal, Bullins & Hazan, JMLR 2017; {_LOKI}",
        ),
        InfluenceEstimatorSpec(
            name="leverage",
            summary="cg with each fake user's own curvature allowed for in closed form",
            target="loki_bench.influence.estimators.leverage:LeverageInfluence",
            former_values=_FORMER_NEGATIVES,
        ),
        InfluenceEstimatorSpec(
            name="gradient-dot",
            summary="Gradient product without curvature: cheap, for models far from convergence",
            target="loki_bench.influence.estimators.gradient_dot:GradientDotInfluence",
            former_values=_FORMER_FAKE_USER_VALUES,
            reference="Pruthi et al., Estimating Training Data Influence (TracIn), NeurIPS 2020",
        ),
        InfluenceEstimatorSpec(
            name="target-block",
            summary="Closed form over the target items' rows alone",
            target="loki_bench.influence.estimators.target_block:TargetBlockInfluence",
            former_values=_FORMER_FAKE_USER_VALUES,
            reference="Cheng et al., Incorporating Interpretability (FIA), KDD 2019",
        ),
        InfluenceEstimatorSpec(
            name="retrain",
            summary="Real training with each fake user, less a control: ground truth, slow",
            target="loki_bench.influence.estimators.retrain:RetrainInfluence",
        ),
        InfluenceEstimatorSpec(
            name="local-retrain",
            summary="Training of the rows that a fake user moves, less a control: a cheap retrain",
            target="loki_bench.influence.estimators.local_retrain:LocalRetrainInfluence",
        ),
    ]
