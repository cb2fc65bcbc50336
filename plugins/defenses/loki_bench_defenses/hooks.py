"""What this distribution declares to loki-bench; imports neither scipy, scikit-learn nor numba."""

from loki_bench.plugins.hookspecs import hookimpl
from loki_bench.plugins.specs import DefenseSpec

__all__ = ["loki_bench_defenses"]


@hookimpl
def loki_bench_defenses() -> list[DefenseSpec]:
    """The four defenses."""
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
    ]
