"""What this distribution declares to loki-bench; imports neither scipy, scikit-learn nor numba."""

from loki_bench.plugins.hookspecs import hookimpl
from loki_bench.plugins.specs import DefenseSpec

__all__ = ["loki_bench_defenses"]


@hookimpl
def loki_bench_defenses() -> list[DefenseSpec]:
    """The defenses: filters, then what weighs and what trains."""
    return [
        DefenseSpec(
            name="profile",
            summary="Drops users of unusual popularity or repetition, and bursts of one length",
            target="loki_bench_defenses.profile:ProfileFilter",
            reference="Chirita, Nejdl & Zamfir, Preventing Shilling Attacks in Online Recommender "
            "Systems, WIDM 2005 (the idea; features for implicit data)",
        ),
        DefenseSpec(
            name="pca",
            summary="Drops users that stand out in the space of principal components",
            target="loki_bench_defenses.pca:PCASelectUsers",
            reference="Mehta & Nejdl, Unsupervised Strategies for Shilling Detection and Robust "
            "Collaborative Filtering, UMUAI 2009",
        ),
        DefenseSpec(
            name="cooccurrence",
            summary="Drops users whose consecutive items are seldom held together by others",
            target="loki_bench_defenses.cooccurrence:CooccurrenceFilter",
        ),
        DefenseSpec(
            name="target-burst",
            summary="Drops groups of users that share an improbable set of items",
            target="loki_bench_defenses.target_burst:TargetBurst",
        ),
        DefenseSpec(
            name="degree",
            summary="Drops users whose items are of unusual degree: mean, range, upper quartile",
            target="loki_bench_defenses.degree:DegreeFeatures",
            reference="Li et al., Shilling Attack Detection in Recommender Systems via Selecting "
            "Patterns Analysis, IEICE Transactions 2016 (its features, without labels)",
        ),
        DefenseSpec(
            name="fap",
            summary="Drops users that suspicion reaches over common items",
            target="loki_bench_defenses.fap:FraudulentActionPropagation",
            reference="After Zhang et al., Catch the Black Sheep: Unified Framework for Shilling "
            "Attack Detection Based on Fraudulent Action Propagation, IJCAI 2015",
        ),
        DefenseSpec(
            name="next-item",
            summary="Drops users whose steps from item to item a model of others explains oddly",
            target="loki_bench_defenses.next_item:NextItemModel",
        ),
        DefenseSpec(
            name="reliability",
            summary="Weighs users by how suspicious they are to four detectors",
            target="loki_bench_defenses.reliability:ReliabilityWeights",
            reference="After Zhang et al., GCN-Based User Representation Learning for Unifying "
            "Robust Recommendation and Fraudster Detection, SIGIR 2020",
            form="weights",
        ),
        DefenseSpec(
            name="denoise",
            summary="Trains again without the events of the largest loss",
            target="loki_bench_defenses.denoise:TruncatedLoss",
            reference="After Wang et al., Denoising Implicit Feedback for Recommendation, "
            "WSDM 2021",
            form="training",
            needs_weights=True,
        ),
        DefenseSpec(
            name="bagging",
            summary="Trains victims on parts of the users and lets them vote",
            target="loki_bench_defenses.bagging:BaggedVotes",
            reference="After Jia et al., PORE: Provably Robust Recommender Systems against Data "
            "Poisoning Attacks, USENIX Security 2023",
            form="training",
        ),
        DefenseSpec(
            name="apr",
            summary="Trains against the worst small move of each sample's vectors",
            target="loki_bench_defenses.adversarial:AdversarialTraining",
            reference="After He, He, Du & Chua, Adversarial Personalized Ranking for "
            "Recommendation, SIGIR 2018",
            form="training",
            needs_noise=True,
        ),
        DefenseSpec(
            name="vat",
            summary="Trains against noise that is larger for users whom the victim fits well",
            target="loki_bench_defenses.adversarial:VulnerabilityAwareTraining",
            reference="After Zhang, Cao, Wu, Sun, Shen & Cheng, Improving the Shortest Plank: "
            "Vulnerability-Aware Adversarial Training for Robust Recommender System, RecSys 2024",
            form="training",
            needs_noise=True,
        ),
    ]
