"""One cell that was evaluated: its record, and the ranks that its metrics were computed from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loki_bench.pipeline.retrain import VictimRanks, VictimRanksCodec
from loki_bench.records.store import Store

__all__ = ["CellResult", "result_in"]


@dataclass(frozen=True, kw_only=True)
class CellResult:
    """What came out of one cell.

    Attributes
    ----------
    record : mapping
        As it is kept on disk.
    ranks, clean_ranks : VictimRanks or None
        Of the victim after and before the attack, with the defense where there is one:
        ``target_ranks``, a float64 array of shape (n_target_users, n_targets), and ``test_ranks``,
        a float64 array of shape (n_test_users,), from 1. None where the cell did not end well.
    """

    record: Mapping[str, Any]
    ranks: VictimRanks | None
    clean_ranks: VictimRanks | None

    @property
    def status(self) -> str:
        """``ok``, ``rejected``, ``failed`` or ``timeout``."""
        return str(self.record["status"])

    @property
    def reason(self) -> str:
        """Why the cell did not end well; empty where it did."""
        return str(self.record["reason"])

    @property
    def metrics(self) -> dict[str, float | None]:
        """Values by label, None where one is undefined; empty where the cell did not end well."""
        return dict(self.record.get("metrics", {}))


def result_in(store: Store, cell_id: str) -> CellResult:
    """The result of a cell that the store has a record of."""
    record = store.read_json("records", cell_id)
    if record is None:
        raise LookupError(f"no record {cell_id} in {store.folder}")
    ids = record.get("artefacts", {})
    ranks, clean = (
        store.read(VictimRanksCodec(), ids[name]) if name in ids else None
        for name in ("ranks", "clean_ranks")
    )
    return CellResult(record=record, ranks=ranks, clean_ranks=clean)
