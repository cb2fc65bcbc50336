"""A leaderboard's tables and manifest made from its records once more."""

from loki_bench.leaderboard.folder import write_leaderboard

__all__ = ["write_again"]


def write_again(store, manifest, records, **options):
    """Write what a manifest names for these records; ``options`` override what it says."""
    told = {"missing": manifest.missing} | options
    write_leaderboard(
        store,
        suite=manifest.suite,
        summary=manifest.summary,
        metrics=manifest.metrics,
        records=records,
        **told,
    )
