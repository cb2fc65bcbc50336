"""The manifest of a leaderboard folder: SHA-256 of every file, and what the tables were made of.

It holds no time and no machine, so the same results have the same manifest. Runs (times and
machines) are not listed: each carries a digest of its own.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from loki_bench.content_ids import bytes_digest, canonical_json, content_id
from loki_bench.errors import StoreError
from loki_bench.records.schema import Record
from loki_bench.records.store import Store
from loki_bench.suite.cell import Cell

__all__ = [
    "MANIFEST",
    "Manifest",
    "Plugin",
    "artefact_kind",
    "artefact_paths",
    "list_files",
    "read_manifest",
    "write_manifest",
]

MANIFEST = "manifest.json"


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Plugin(_Frozen):
    """Where a third party's rows come from.

    Attributes
    ----------
    distribution, version : str
    source_sha256 : str
        Of the distribution's Python files, as installed where the rows were computed.
    """

    distribution: str
    version: str
    source_sha256: str


class Manifest(_Frozen):
    """What a leaderboard folder holds.

    Attributes
    ----------
    suite, summary : str
    metrics : tuple of str
        Labels, as in the suite.
    files : mapping of path to SHA-256
        Relative to the folder; None where the file was not there when the manifest was written.
    missing : tuple of Cell
        Cells of the suite that had no record.
    submission : Plugin or None
        Set in a third party's rows.
    """

    version: int = 1
    suite: str
    summary: str
    metrics: tuple[str, ...]
    files: dict[str, str | None]
    missing: tuple[Cell, ...] = ()
    submission: Plugin | None = None

    @property
    def record_ids(self) -> list[str]:
        """Ids of the cells that have a record."""
        return [
            Path(name).stem
            for name in sorted(self.files)
            if name.startswith("records/") and name.endswith(".json")
        ]


def write_manifest(
    store: Store,
    *,
    suite: str,
    summary: str,
    metrics: Sequence[str],
    records: Mapping[str, Record],
    missing: Sequence[Cell],
    tables: Sequence[str],
    submission: Plugin | None = None,
) -> Manifest:
    """Write the manifest of a folder whose other files are all there.

    Artefacts may have been left out of it since the last manifest was written: their digests stay.
    """
    try:
        known = read_manifest(store.folder).files
    except StoreError:
        known = {}
    names = [*tables, *(f"records/{cell_id}.json" for cell_id in records)]
    for record in records.values():
        names += artefact_paths(store.folder, record)
    manifest = Manifest(
        suite=suite,
        summary=summary,
        metrics=tuple(metrics),
        files={
            name: _digest(store.folder / name) or known.get(name) for name in dict.fromkeys(names)
        },
        missing=tuple(missing),
        submission=submission,
    )
    store.write_text(MANIFEST, _text(manifest))
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder.

    Raises
    ------
    StoreError
        There is none, or any of its bytes is not as it was written.
    """
    path = folder / MANIFEST
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise StoreError(
            f"can't read {path}: {error.strerror}; expected a folder of results that "
            "`loki-bench run` wrote, or a file of `loki-bench submit`"
        ) from error
    try:
        content = json.loads(raw)
        content.pop("sha256")
        manifest = Manifest.model_validate(content)
        whole = _text(manifest).encode() == raw
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError, ValidationError):
        whole = False
    if not whole:
        raise StoreError(f"{path}: its bytes are not as they were written")
    return manifest


def list_files(store: Store, names: Sequence[str]) -> None:
    """Add files to the manifest of a folder, with their bytes as they are now."""
    manifest = read_manifest(store.folder)
    files = {**manifest.files, **{name: _digest(store.folder / name) for name in names}}
    store.write_text(MANIFEST, _text(manifest.model_copy(update={"files": files})))


def artefact_paths(folder: Path, record: Record) -> list[str]:
    """The files behind a record, relative to the folder; none where the cell failed."""
    found = []
    for what, name in ({} if record.artefacts is None else record.artefacts.addresses).items():
        there = sorted((folder / "artefacts").glob(f"*/{name}.npz"))
        paths = [path.relative_to(folder).as_posix() for path in there]
        found += paths or [f"artefacts/{artefact_kind(what)}/{name}.npz"]
    return list(dict.fromkeys(found))


def artefact_kind(what: str) -> str:
    """The folder of an artefact, by what a record calls it: ``clean_ranks`` are ``ranks``."""
    return what.rpartition("_")[2]


def _digest(path: Path) -> str | None:
    return bytes_digest(path.read_bytes()) if path.is_file() else None


def _text(manifest: Manifest) -> str:
    content = manifest.model_dump(mode="json")
    return canonical_json({**content, "sha256": content_id(content)}, indent=1) + "\n"
