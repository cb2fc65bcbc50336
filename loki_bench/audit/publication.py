"""Publishes results: checks a working folder, or those of a family, and packs them."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from loki_bench.audit.hashes import check_hashes
from loki_bench.errors import StoreError
from loki_bench.records.manifest import MANIFEST, Manifest
from loki_bench.records.opening import as_working_folder
from loki_bench.records.packed import is_packed, pack_family, pack_suite

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
    """

    folder: Path
    n_records: int
    left_out: int


def publish(results: Path, destination: Path, *, artefact_bytes: int) -> list[Published]:
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

    Raises
    ------
    StoreError
        Results are damaged, or the destination holds anything else.
    """
    if (results / MANIFEST).is_file():
        _refuse_damaged(results)
        packed = pack_suite(results, destination, artefact_bytes=artefact_bytes)
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
            folder = path.parent
            if folder.name not in sources and is_packed(folder):
                sources[folder.name] = stack.enter_context(as_working_folder(folder))
        written = pack_family(sources, destination, artefact_bytes=artefact_bytes)
    return [_published(destination / name, packed) for name, packed in written.items()]


def _refuse_damaged(folder: Path) -> None:
    problems = check_hashes(folder)[0].problems
    if problems:
        raise StoreError(
            f"{folder / problems[0].what}: {problems[0].why}; `loki-bench verify {folder}` names "
            "all that is damaged"
        )


def _published(folder: Path, manifest: Manifest) -> Published:
    artefacts = sum(name.startswith("artefacts/") for name in manifest.files)
    return Published(
        folder=folder,
        n_records=len(manifest.record_ids),
        left_out=0 if "artefacts.zip" in manifest.packs else artefacts,
    )
