"""What the hostile recommenders declare."""

from loki_bench.plugins.hookspecs import hookimpl
from loki_bench.plugins.specs import RecommenderSpec


@hookimpl
def loki_bench_recommenders():
    return [
        RecommenderSpec(
            name=name,
            summary="For tests",
            target=f"hostile_recommenders.{target}",
            uses_order=False,
            differentiable=False,
        )
        for name, target in [
            ("hostile", "behaviours:Hostile"),
            ("patches-at-import", "patches_at_import:Patches"),
        ]
    ]
