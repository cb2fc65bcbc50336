"""Computes one cell again from nothing and compares it number by number."""

import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import JsonValue

from loki_bench.audit.difference import cell_difference
from loki_bench.audit.installed import record_of, why_not_runnable
from loki_bench.audit.replay import Opening
from loki_bench.engine.run_log import environment, environment_fingerprint
from loki_bench.errors import StoreError
from loki_bench.leaderboard.rows import row_key
from loki_bench.plugins.registry import Registry
from loki_bench.records.manifest import MANIFEST, read_manifest
from loki_bench.records.opening import as_working_folder
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
        Where to look for an id: a leaderboard, packed or not, or a folder that holds some.

    Raises
    ------
    StoreError
        There is no such cell, or several, or its record can't be computed with what is installed.
    """
    leaderboard, cell_id = folder_of(name, results)
    with as_working_folder(leaderboard) as folder:
        path = leaderboard / "records" / f"{cell_id}.json"
        return _reproduced(Store(folder, warn=lambda text: None), cell_id, path, registry, opened)


def _reproduced(
    stored: Store, cell_id: str, path: Path, registry: Registry, opened: Opening
) -> Reproduction:
    record = record_of(stored, cell_id)
    if isinstance(record, str):
        raise StoreError(f"{path} can't be computed again: {record}")
    cell = record.cell
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


def folder_of(name: str, results: Path) -> tuple[Path, str]:
    """The folder and the id of the one cell that is meant; raises as :func:`reproduce_cell`."""
    path = Path(name)
    if path.suffix == ".json":
        # not `parent.parent`: the path may be relative to the folder `records` itself
        leaderboard = Path(os.path.normpath(path.parent / ".."))
        if not (leaderboard / "records" / path.name).is_file():
            raise StoreError(
                f"there is no record {path}; expected a file in the folder 'records' of a "
                "leaderboard, or the beginning of a cell's id"
            )
        return leaderboard, path.stem
    found: dict[str, Path] = {}  # suites of a family may share a cell: the first will do
    damaged: list[str] = []
    folders = [results, *sorted(results.glob("*/")), *sorted(results.glob("*/*/"))]
    for folder in folders if name.isalnum() else ():
        try:
            ids = _ids_in(folder)
        except StoreError as error:
            damaged.append(str(error))
            continue
        for cell_id in ids:
            if cell_id.startswith(name):
                found.setdefault(cell_id, folder)
    if len(found) != 1:
        many = f"{len(found)} cells begin" if found else "no cell begins"
        raise StoreError(
            f"{many} with '{name}' in {results}; give more of the id, the path of a record, or "
            "another folder with --results"
            + "".join(f"; not looked at: {why}" for why in damaged[:1] if not found)
        )
    [(cell_id, folder)] = found.items()
    return folder, cell_id


def _ids_in(folder: Path) -> list[str]:
    """Cells of a leaderboard: a run that has not ended has records and no manifest yet."""
    if not (folder / MANIFEST).is_file():
        return [path.stem for path in folder.glob("records/*.json")]
    manifest = read_manifest(folder)
    return manifest.record_ids if manifest.subject == "attacks" else []
