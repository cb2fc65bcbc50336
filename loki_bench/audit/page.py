"""What is made from leaderboard folders: page and figures of one, the claims of a family."""

from pathlib import Path

from loki_bench.audit.reading import leaderboards_in, records_of
from loki_bench.paper.answered import claims_page
from loki_bench.report.figures import figure_files
from loki_bench.report.page import page
from loki_bench.report.page_data import page_data

__all__ = ["claims_of", "figures_of", "page_of"]


def page_of(folder: Path) -> str:
    """The page of a folder's records.

    Raises
    ------
    StoreError
        There is no manifest, or a record that it lists is not there or not whole.
    """
    manifest, records = records_of(folder)
    return page(
        page_data(
            manifest.suite, manifest.summary, records, manifest.missing, metrics=manifest.metrics
        )
    )


def figures_of(folder: Path) -> dict[str, bytes]:
    """The figures of a folder's records, by file name; raises as :func:`page_of`."""
    manifest, records = records_of(folder)
    return figure_files(records, manifest.missing, metrics=manifest.metrics)


def claims_of(family: Path) -> str:
    """The paper's claims, answered from all leaderboards of a family; raises as :func:`page_of`."""
    found = leaderboards_in(family)
    suites = {manifest.suite: manifest.summary for manifest, _ in found}
    return claims_page(suites, [record for _, records in found for record in records])
