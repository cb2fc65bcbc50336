"""One cell that was evaluated: its record, and the ranks that its metrics were computed from."""

from dataclasses import dataclass

from loki_bench.pipeline.retrain import VictimRanks, VictimRanksCodec
from loki_bench.records.schema import Record, Status
from loki_bench.records.store import Store

__all__ = ["CellResult", "result_in"]


@dataclass(frozen=True, kw_only=True)
class CellResult:
    """What came out of one cell.

    Attributes
    ----------
    record : Record
        As it is kept on disk.
    ranks, clean_ranks : VictimRanks or None
        Of the victim after and before the attack, with the defense where there is one:
        ``target_ranks``, a float64 array of shape (n_target_users, n_targets), and ``test_ranks``,
        a float64 array of shape (n_test_users,), from 1. None where the cell did not end well.
    """

    record: Record
    ranks: VictimRanks | None
    clean_ranks: VictimRanks | None

    @property
    def status(self) -> Status:
        """``ok``, ``rejected``, ``failed`` or ``timeout``."""
        return self.record.status

    @property
    def reason(self) -> str:
        """Why the cell did not end well; empty where it did."""
        return self.record.reason

    @property
    def metrics(self) -> dict[str, float | None]:
        """Values by label, None where one is undefined; empty where the cell did not end well."""
        return {metric.label: metric.value for metric in self.record.metrics}


def result_in(store: Store, cell_id: str) -> CellResult:
    """The result of a cell that the store has a record of."""
    record = store.record(cell_id)
    if record is None:
        raise LookupError(f"no record {cell_id} in {store.folder}")
    kept = record.artefact_addresses
    ranks, clean = (
        store.read(VictimRanksCodec(), kept[name]) if name in kept else None
        for name in ("ranks", "clean_ranks")
    )
    return CellResult(record=record, ranks=ranks, clean_ranks=clean)
