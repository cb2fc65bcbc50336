"""Publishes results: checks a working folder, or those of a family, and packs them."""

import zipfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from loki_bench.audit.hashes import check_hashes
from loki_bench.errors import StoreError
from loki_bench.records.manifest import MANIFEST, Manifest, read_manifest
from loki_bench.records.opening import as_working_folder
from loki_bench.records.packed import ARTEFACTS, is_packed, pack_family, pack_suite

__all__ = ["Published", "publish"]


@dataclass(frozen=True, kw_only=True)
class Published:
    """One leaderboard that was published, and what was left out of it.

    Attributes
    ----------
    folder : Path
    n_records : int
    left_out : int
        Files of poison and ranks that are not in it.
    n_sampled : int
        Cells whose poison and ranks are in it though others' are not.
    """

    folder: Path
    n_records: int
    left_out: int
    n_sampled: int = 0


def publish(
    results: Path, destination: Path, *, artefact_bytes: int, sample_bytes: int = 0
) -> list[Published]:
    """Pack the results of a suite, or of every suite in a family's folder.

    Suites that a family's destination holds already and ``results`` does not stay in it.

    Parameters
    ----------
    results : Path
        What ``run`` wrote: a suite's folder, or the folder that a family's suites share.
    destination : Path
        New, or published before.
    artefact_bytes : int
        Poison and ranks of a suite that take more are left out.
    sample_bytes : int
        Then those of a few cells are kept, which take no more than this; 0 keeps none.

    Raises
    ------
    StoreError
        Results are damaged or published already, or the destination holds anything else.
    """
    if (results / MANIFEST).is_file():
        _refuse_damaged(results)
        packed = pack_suite(
            results, destination, artefact_bytes=artefact_bytes, sample_bytes=sample_bytes
        )
        return [_published(destination, packed)]
    sources = {path.parent.name: path.parent for path in sorted(results.glob(f"*/{MANIFEST}"))}
    if not sources:
        raise StoreError(
            f"{results} holds no results; expected the folder of a suite or of a family of suites "
            "that `loki-bench run` wrote, such as results/quick"
        )
    for folder in sources.values():
        _refuse_damaged(folder)
    with ExitStack() as stack:
        for path in sorted(destination.glob(f"*/{MANIFEST}")):
            folder = path.parent  # one that can't be read would lose its records
            if folder.name not in sources and read_manifest(folder).packs:
                sources[folder.name] = stack.enter_context(as_working_folder(folder))
        written = pack_family(
            sources, destination, artefact_bytes=artefact_bytes, sample_bytes=sample_bytes
        )
    return [_published(destination / name, packed) for name, packed in written.items()]


def _refuse_damaged(folder: Path) -> None:
    """What is packed has no records of its own to check, and would seem to be damaged."""
    if is_packed(folder):
        raise StoreError(
            f"{folder} is published already; expected results that `loki-bench run` wrote, such as "
            "results/quick. To have it elsewhere, copy the folder, and that of its family with it"
        )
    problems = check_hashes(folder)[0].problems
    if problems:
        raise StoreError(
            f"{folder / problems[0].what}: {problems[0].why}; `loki-bench verify {folder}` names "
            "all that is damaged"
        )


def _published(folder: Path, manifest: Manifest) -> Published:
    artefacts = sum(name.startswith("artefacts/") for name in manifest.files)
    kept = artefacts if ARTEFACTS in manifest.packs else 0
    if manifest.sample is not None:
        with zipfile.ZipFile(folder / ARTEFACTS) as pack:
            kept = len(pack.namelist())
    return Published(
        folder=folder,
        n_records=len(manifest.record_ids),
        left_out=artefacts - kept,
        n_sampled=0 if manifest.sample is None else len(manifest.sample.cells),
    )
