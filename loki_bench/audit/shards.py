"""A drawn sample of what a merge would copy is computed again before anything is copied."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from loki_bench.audit.findings import Finding
from loki_bench.audit.replay import Replay
from loki_bench.audit.verification import Verifier
from loki_bench.errors import StoreError
from loki_bench.plugins.registry import Registry
from loki_bench.records.manifest import Manifest
from loki_bench.records.store import Store
from loki_bench.suite.cell import Cell

__all__ = ["check_shard"]


def check_shard(
    source: Store,
    cells: Sequence[Cell],
    *,
    registry: Registry,
    opened: Callable[[], AbstractContextManager[Replay]],
    sample: int,
    seed: int = 0,
) -> list[Finding]:
    """Measure drawn cells of a shard again, and train their victims again on the stored poison.

    Parameters
    ----------
    cells : sequence of Cell
        Those that would be copied; ones without a result have nothing to compute.

    Returns
    -------
    list of Finding
        What could not be judged here.

    Raises
    ------
    StoreError
        A number is not what comes out here.
    """
    records = {cell.id: record for cell in cells if (record := source.record(cell.id)) is not None}
    ended = {cell_id: record for cell_id, record in records.items() if record.status == "ok"}
    manifest = Manifest(suite="shard", summary="", metrics=(), files={})
    verifier = Verifier(source.folder, manifest, registry, source, ended, [])
    chosen = verifier.sampled(sample, seed)
    if not chosen:
        return []
    not_judged: list[Finding] = []
    with opened() as replay:
        for level in (2, 3):
            report = verifier.computed(level, chosen, replay)
            for finding in report.problems:
                raise StoreError(
                    f"{source.folder / finding.what}: {finding.why}; nothing is merged"
                )
            not_judged += report.not_judged
    return not_judged
