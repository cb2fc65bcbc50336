"""Computes one cell again from nothing and compares it number by number."""

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import JsonValue

from loki_bench.audit.difference import cell_difference
from loki_bench.audit.installed import why_not_runnable
from loki_bench.audit.opening import Opening
from loki_bench.errors import StoreError
from loki_bench.leaderboard.rows import row_key
from loki_bench.pipeline.record import environment, environment_fingerprint
from loki_bench.plugins.registry import Registry
from loki_bench.records.store import Store

__all__ = ["Reproduction", "reproduce_cell"]


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """One cell, computed again.

    Attributes
    ----------
    cell : str
        The id.
    row : str
    seed : int
    same_environment : bool or None
        Whether machine and versions are those of the record's run; None where no run is kept.
    metrics : mapping of label to (stored, here)
    difference : str or None
        The first number that differs; None where all are the same to the last bit.
    """

    cell: str
    row: str
    seed: int
    same_environment: bool | None
    metrics: dict[str, tuple[float | None, float | None]]
    difference: str | None

    def as_json(self) -> dict[str, JsonValue]:
        """Everything, for programs."""
        return asdict(self)

    def as_text(self) -> str:
        """For a person."""
        said = {True: "the same", False: "another", None: "an unknown"}[self.same_environment]
        lines = [f"{self.row}, seed {self.seed} ({self.cell}), in {said} environment"]
        lines += [
            f"  {label:<20} stored {stored!r}, here {here!r}"
            for label, (stored, here) in self.metrics.items()
        ]
        lines.append(self.difference or "the same to the last bit")
        return "\n".join(lines)


def reproduce_cell(
    name: str, results: Path, *, registry: Registry, opened: Opening
) -> Reproduction:
    """Compute a cell again.

    Parameters
    ----------
    name : str
        The path of a record, or the beginning of a cell's id.
    results : Path
        Where to look for an id: the folder that holds leaderboards.

    Raises
    ------
    StoreError
        There is no such cell, or several, or its record can't be computed with what is installed.
    """
    path = _path_of(name, results)
    stored = Store(path.parent.parent, warn=lambda text: None)
    record = stored.record(path.stem)
    if record is None:
        raise StoreError(f"{path} can't be computed again: it is not whole")
    cell = record.cell
    if not record.id == cell.id == path.stem:
        raise StoreError(f"{path} can't be computed again: what its cell says has the id {cell.id}")
    if why := why_not_runnable(cell, registry, but=("dataset",)):
        raise StoreError(f"{path} can't be computed again: {why}")
    labels = tuple(metric.label for metric in record.metrics)
    with (
        tempfile.TemporaryDirectory(prefix="loki-bench-") as temporary,
        opened(labels, cell) as replay,
    ):
        if cell.dataset.fingerprint != replay.dataset.fingerprint:
            raise StoreError(
                f"{path} is about data with the fingerprint {cell.dataset.fingerprint}; the data "
                f"here has {replay.dataset.fingerprint}"
            )
        again = Store(Path(temporary), warn=lambda text: None)
        replay.run([cell], again)
        new = again.record(cell.id)
        if new is None:
            raise StoreError(f"{path}: it left no record here")
        difference = cell_difference(stored, again, record, new)
    run = stored.read_json("runs", cell.id)
    return Reproduction(
        cell=cell.id,
        row=str(row_key(cell)),
        seed=cell.seed,
        same_environment=None
        if run is None
        else environment_fingerprint(run["environment"]) == environment_fingerprint(environment()),
        metrics={label: (record.value(label), new.value(label)) for label in labels},
        difference=difference,
    )


def _path_of(name: str, results: Path) -> Path:
    path = Path(name)
    if path.suffix == ".json":
        if not path.is_file():
            raise StoreError(f"there is no record {path}")
        return path
    patterns = ("*/records", "*/*/records") if name.isalnum() else ()  # a suite's, a family's
    found = [path for folder in patterns for path in results.glob(f"{folder}/{name}*.json")]
    ids = {path.stem for path in found}  # suites of a family may share a cell
    if len(ids) != 1:
        many = f"{len(ids)} cells begin" if ids else "no cell begins"
        raise StoreError(
            f"{many} with '{name}' in {results}; give more of the id, the path of a record, or "
            "another folder with --results"
        )
    return min(found)
