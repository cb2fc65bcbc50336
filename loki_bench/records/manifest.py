"""The manifest of a leaderboard folder: SHA-256 of every file, and what the tables were made of.

It holds no time, so the same results of one machine have the same manifest. Runs (times and
machines) are not listed: each carries a digest of its own. The manifest says on which machine each
cell was computed, since that decides how exactly its numbers must come out again, and what the
suite planned, since a row that is left out is seen by nothing else. A packed folder
(:mod:`loki_bench.records.packed`) has the manifest of the working folder that it was packed from,
with the digests of its packs beside.
"""

import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    JsonValue,
    ValidationError,
)

from loki_bench.bounded_files import (
    LARGEST_ARTEFACT,
    LARGEST_RECORD,
    digest_of,
    is_there,
    json_object,
    read_regular,
)
from loki_bench.content_ids import canonical_json, content_id
from loki_bench.errors import StoreError
from loki_bench.records.arrays import BROKEN
from loki_bench.records.artefact_sample import ArtefactSample
from loki_bench.records.plan import Digest, Plan
from loki_bench.records.schema_3 import renamed
from loki_bench.records.store import Store, artefact_kind
from loki_bench.suite.cell import Cell

__all__ = [
    "MANIFEST",
    "SIGNATURE",
    "UNLISTED",
    "Digest",
    "Manifest",
    "Pack",
    "PackName",
    "Plugin",
    "Subject",
    "artefact_paths",
    "list_files",
    "put_manifest",
    "read_manifest",
    "write_manifest",
]

MANIFEST = "manifest.json"

SIGNATURE = "manifest.json.sig"
"""Of the manifest as it is; a manifest that is written anew has none."""

UNLISTED = ("costs.md",)
"""Files of a leaderboard that no manifest lists: they tell times, and differ from run to run."""

DAMAGED = "it is damaged: the next run computes it again"
OTHER_BYTES = (
    "it is whole: the same numbers are other bytes where another zlib wrote them, and `verify` at "
    f"levels 2 and 3 judges the numbers. If you trust them, delete {MANIFEST}, and the next run "
    "lists every file as it is"
)
"""What is to be done about an artefact that is not the one that was listed."""

LONGEST_NAME = 250


def _can_be_a_path(name: str) -> str:
    """Refuse what no file system takes; names that lead out of the folder are findings."""
    if not name or len(name.encode()) > LONGEST_NAME or not name.isprintable():
        raise ValueError(f"{name[:80]!r} can't be the name of a file")
    return name


FileName = Annotated[str, AfterValidator(_can_be_a_path)]

PackName = Literal["records.jsonl.gz", "runs.jsonl.gz", "artefacts.zip"]

Subject = Literal["attacks", "estimators"]
"""What a leaderboard compares: attacks, or influence estimators (``loki-bench fidelity``)."""


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


class Pack(_Frozen):
    """One packed file: its SHA-256, and whether it lies in the family's folder, shared."""

    sha256: Digest
    shared: bool = False


class Manifest(_Frozen):
    """What a leaderboard folder holds.

    Attributes
    ----------
    subject : str
    suite, summary : str
    metrics : tuple of str
        Labels, as in the suite; none where estimators are compared.
    files : mapping of path to SHA-256
        Relative to the folder; None where the file was not there when the manifest was written.
        Of a packed folder: as in the working folder, whichever of them are packed.
    packs : mapping of name to Pack
        Empty for a working folder.
    missing : tuple of Cell
        Cells of the suite that had no record.
    submission : Plugin or None
        Set in a third party's rows.
    plan : Plan or None
        What the suite asked for; None in a third party's rows, in older manifests, and where
        estimators are compared.
    machines : mapping of record id to digest
        The environment that each cell was computed in, see
        :func:`loki_bench.engine.run_log.environment_fingerprint`.
    sample : ArtefactSample or None
        Of which cells a published folder keeps poison and ranks, where it left out the others';
        not written where there is none, so that other manifests keep their bytes.
    """

    version: Literal[1, 2, 3] = 3
    subject: Subject = "attacks"
    suite: str
    summary: str
    metrics: tuple[str, ...]
    files: dict[FileName, Digest | None]
    packs: dict[PackName, Pack] = {}
    missing: tuple[Cell, ...] = ()
    submission: Plugin | None = None
    plan: Plan | None = None
    machines: dict[Digest, Digest] = {}
    sample: ArtefactSample | None = None

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
    artefacts: Mapping[str, Mapping[str, str]],
    missing: Sequence[Cell],
    tables: Sequence[str],
    submission: Plugin | None = None,
    subject: Subject = "attacks",
    plan: Plan | None = None,
    machines: Mapping[str, str] | None = None,
) -> Manifest:
    """Write the manifest of a folder whose other files are all there.

    Artefacts may have been left out of it since the last manifest was written: their digests stay.
    So does that of an artefact whose bytes have changed: it is named and not listed anew, and level
    1 of `verify` goes on finding it.

    Parameters
    ----------
    artefacts : mapping of record id to mapping
        Every record of the leaderboard, with the ids of its artefacts (empty where a cell failed).
    tables : sequence of str
        Names of the files that are made from the records.
    plan, machines
        See :class:`Manifest`.
    """
    known: Mapping[str, str | None] = {}
    with suppress(StoreError):
        known = read_manifest(store.folder).files
    names = [*tables, *(f"records/{record_id}.json" for record_id in artefacts)]
    for ids in artefacts.values():
        names += artefact_paths(store.folder, ids)
    manifest = Manifest(
        subject=subject,
        suite=suite,
        summary=summary,
        metrics=tuple(metrics),
        files={name: _listed(store, name, known.get(name)) for name in dict.fromkeys(names)},
        missing=tuple(missing),
        submission=submission,
        plan=plan,
        machines=dict(machines or {}),
    )
    put_manifest(store, manifest)
    return manifest


def put_manifest(store: Store, manifest: Manifest) -> None:
    """Write a manifest into its folder as it is; a signature of another one goes."""
    exclude = {"sample"} if manifest.sample is None else set()
    content = manifest.model_dump(mode="json", exclude=exclude)
    text, signature = _sealed(content), store.folder / SIGNATURE
    if is_there(signature) and (store.folder / MANIFEST).read_bytes() != text.encode():
        signature.unlink()
    store.write_text(MANIFEST, text)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder, packed or not; metrics have their names of today.

    Raises
    ------
    StoreError
        There is none, any of its bytes is not as it was written, or it is no manifest.
    """
    path = folder / MANIFEST
    try:
        raw = read_regular(path, at_most=LARGEST_RECORD)
    except OSError as error:
        raise StoreError(
            f"can't read {path}: {error.strerror}; expected a folder of results that "
            "`loki-bench run` wrote or `publish` packed, or a file of `submit`"
        ) from error
    try:
        content = json_object(raw)
        content.pop("sha256")
        whole = _sealed(content).encode() == raw
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        whole = False
    if not whole:
        raise StoreError(f"{path}: its bytes are not as they were written")
    try:
        manifest = Manifest.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise StoreError(f"{path} is no manifest: {place}: {first['msg']}") from error
    return manifest.model_copy(update={"metrics": tuple(map(renamed, manifest.metrics))})


def list_files(store: Store, names: Sequence[str]) -> None:
    """Add files to the manifest of a folder, with their bytes as they are now."""
    manifest = read_manifest(store.folder)
    files = {**manifest.files, **{name: _listed(store, name, None) for name in names}}
    put_manifest(store, manifest.model_copy(update={"files": files}))


def artefact_paths(folder: Path, artefacts: Mapping[str, str]) -> list[str]:
    """The files behind a record's artefact addresses, relative to the folder."""
    around = folder / "artefacts"
    kinds = sorted(kind.name for kind in around.iterdir()) if around.is_dir() else []
    found = []
    for what, name in artefacts.items():
        if not what.endswith("_digest"):
            paths = [f"artefacts/{kind}/{name}.npz" for kind in kinds]
            there = [path for path in paths if is_there(folder / path)]
            found += there or [f"artefacts/{artefact_kind(what)}/{name}.npz"]
    return list(dict.fromkeys(found))


def _listed(store: Store, name: str, known: str | None) -> str | None:
    """The digest to list: an artefact that is no longer the one that was listed keeps its own.

    None where there is no file, or an artefact that was not listed is damaged; raises
    ``StoreError`` for one that can't be read.
    """
    path = store.folder / name
    is_artefact = name.startswith("artefacts/")
    is_kept = known is not None and is_artefact
    try:
        found = digest_of(path, at_most=LARGEST_ARTEFACT) if is_there(path) else None
    except OSError as error:
        if not is_kept:
            raise StoreError(
                f"{path} can't be listed in the manifest: {error.strerror}; delete it, and give "
                "the command again"
            ) from error
        store.say(name, f"it can't be read ({error.strerror}), and is not listed anew; {DAMAGED}")
        return known
    if found is None or found == known or not is_artefact:
        return found or known
    if not is_kept:
        with suppress(*BROKEN), zipfile.ZipFile(path) as archive:
            n_bytes = sum(entry.file_size for entry in archive.infolist())
            if n_bytes <= LARGEST_ARTEFACT and archive.testzip() is None:
                return found
        store.say(name, f"it is not listed in the manifest; {DAMAGED}")
        return None
    what = DAMAGED if store.numbers_digest(name) is None else OTHER_BYTES
    store.say(name, f"it is not the file that the manifest lists, and is not listed anew; {what}")
    return known


def _sealed(content: Mapping[str, JsonValue]) -> str:
    return canonical_json({**content, "sha256": content_id(content)}, indent=1) + "\n"
