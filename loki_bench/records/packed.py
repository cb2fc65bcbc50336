"""Published leaderboards: a working folder's thousands of small files in at most three packs.

::

    <leaderboard>/
        leaderboard.md .csv .json   the tables, as in the working folder
        figures/*.svg
        records.jsonl.gz            a line a record
        runs.jsonl.gz               each environment once, then a line a run
        artefacts.zip               poison, ranks and what defenses kept, of all cells or a sample
        manifest.json               SHA-256 of the packs, and of every file in them

Suites of one family share cells, so their records and artefacts lie once, in the family's folder,
and each suite's manifest says which are its own::

    <family>/
        records.jsonl.gz  artefacts.zip
        <suite>/  leaderboard.md ... runs.jsonl.gz  manifest.json

The same results give the same bytes: names are in order, and no time is kept. A publication that
is killed leaves what was published before as it was, or as it is to be
(:mod:`loki_bench.records.replacement`); a new folder has its manifest first, so that it is known
for one of these when the command is given again. What is read is
trusted no more than a stranger's zip (:mod:`loki_bench.records.archive`): a pack is held to its
digest, its lines to limits, and only files that the manifest names are written out.
"""

import gzip
import io
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from loki_bench.bounded_files import (
    LARGEST_ARTEFACT,
    copy_regular,
    is_there,
    json_object,
    read_regular,
)
from loki_bench.content_ids import bytes_digest, canonical_json, content_id
from loki_bench.errors import StoreError
from loki_bench.records.archive import Limits, refuse_too_large, unpack, zipped
from loki_bench.records.artefact_sample import draw_sample
from loki_bench.records.manifest import (
    MANIFEST,
    UNLISTED,
    Manifest,
    Pack,
    PackName,
    artefact_paths,
    put_manifest,
    read_manifest,
)
from loki_bench.records.replacement import as_it_was, drop_replaced, set_aside
from loki_bench.records.schema import Record
from loki_bench.records.store import Store
from loki_bench.whole_files import sweep_parts

__all__ = [
    "ARTEFACTS",
    "artefacts_behind",
    "damaged_packs",
    "is_packed",
    "pack_family",
    "pack_suite",
    "unpack_folder",
]

RECORDS: PackName = "records.jsonl.gz"
RUNS: PackName = "runs.jsonl.gz"
ARTEFACTS: PackName = "artefacts.zip"

ELSEWHERE = "name another destination"

NOT_PUBLISHED = (".html", ".pdf")
"""Made again from the records by `report` and `figures`; pages are 5 MB each."""

PLAIN = re.compile(r"(figures/)?[A-Za-z0-9][A-Za-z0-9._@-]*")
"""Names of files that are not packed."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


L = TypeVar("L", bound="_Line")


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Record(_Line):
    """A line of ``records.jsonl.gz``: what ``records/<id>.json`` holds."""

    id: Digest
    content: dict[str, JsonValue]


class _Environment(_Line):
    """A line of ``runs.jsonl.gz``: an environment, by its digest."""

    digest: Digest
    environment: dict[str, JsonValue]


class _Run(_Line):
    """A line of ``runs.jsonl.gz``: what ``runs/<id>.json`` holds, its environment by digest."""

    id: Digest
    content: dict[str, JsonValue]
    environment: Digest | None


@dataclass(frozen=True, kw_only=True)
class _Source:
    """A working folder to pack."""

    folder: Path
    manifest: Manifest
    records: Mapping[str, bytes]  # by id
    artefacts: Mapping[str, bytes]  # by path

    @classmethod
    def of(cls, folder: Path, *, artefact_bytes: int, sample_bytes: int) -> "_Source":
        manifest = read_manifest(folder)
        if manifest.packs:
            raise StoreError(f"{folder} is packed already")
        records = {i: _listed(folder, manifest, f"records/{i}.json") for i in manifest.record_ids}
        names = [n for n in sorted(manifest.files) if n.startswith("artefacts/")]
        if not names or not (folder / "artefacts").exists():
            return cls(folder=folder, manifest=manifest, records=records, artefacts={})
        sample, size = manifest.sample, sum(_size(folder / n) for n in names)
        too_many = len(names) > Limits.n_files
        if sample is not None or too_many or size > min(artefact_bytes, Limits.pack_bytes):
            behind = artefacts_behind(folder, manifest, records)
            if sample is None and sample_bytes:  # else it was published with one before
                sample = draw_sample(
                    manifest.files, behind, lambda n: _size(folder / n), most_bytes=sample_bytes
                )
            kept = {n for i in (sample.cells if sample else ()) for n in behind.get(i, ())}
            sample = sample if kept < set(names) else None  # of few cells nothing is left out
            names = sorted(kept)
        return cls(
            folder=folder,
            manifest=manifest.model_copy(update={"sample": sample}),
            records=records,
            artefacts={name: _listed(folder, manifest, name) for name in names},
        )

    def plain(self) -> dict[str, bytes]:
        """The files that stay as they are."""
        names = [n for n in self.manifest.files if not n.startswith(("records/", "artefacts/"))]
        names = [name for name in names if not name.endswith(NOT_PUBLISHED)]
        files = {name: _listed(self.folder, self.manifest, name) for name in names}
        there = [name for name in UNLISTED if is_there(self.folder / name)]
        return {**files, **{name: _read(self.folder / name) for name in there}}

    def runs(self, target: Path) -> dict[PackName, bytes]:
        """The pack of its runs for a folder; empty where there is none."""
        environments: dict[str, _Environment] = {}
        runs: list[_Run] = []
        for run_id in self.manifest.record_ids:
            path = self.folder / "runs" / f"{run_id}.json"
            if not is_there(path):
                continue
            content = _object(_read(path), path)
            environment, digest = content.pop("environment", None), None
            if isinstance(environment, dict):
                digest = content_id(environment)
                environments[digest] = _Environment(digest=digest, environment=environment)
            runs.append(_Run(id=run_id, content=content, environment=digest))
        lines = [*(environments[d] for d in sorted(environments)), *runs]
        return {RUNS: _lines(lines, target / RUNS)} if runs else {}


def is_packed(folder: Path) -> bool:
    """Whether a folder is a packed leaderboard; False where its manifest can't be read."""
    try:
        return bool(read_manifest(folder).packs)
    except StoreError:
        return False


def pack_suite(
    source: Path, target: Path, *, artefact_bytes: int, sample_bytes: int = 0
) -> Manifest:
    """Pack a working folder into another folder, which then needs nothing outside it.

    Parameters
    ----------
    target : Path
        New, empty, or packed before: what it holds is replaced.
    artefact_bytes : int
        Artefacts are left out where they take more.
    sample_bytes : int
        Then those of a few cells are kept, of at most so many bytes: see
        :mod:`loki_bench.records.artefact_sample`. 0 keeps none.

    Raises
    ------
    StoreError
        A file of the source is not as its manifest says, the target holds anything else, or a
        pack would be larger than is read.
    """
    found = _Source.of(source, artefact_bytes=artefact_bytes, sample_bytes=sample_bytes)
    _refuse_other_files(target)
    packs: dict[PackName, bytes] = {RECORDS: _record_pack([found], target)}
    if found.artefacts:
        packs[ARTEFACTS] = _artefact_pack(found.artefacts, target)
    return _write(found, target, packs | found.runs(target), {})


def pack_family(
    sources: Mapping[str, Path], target: Path, *, artefact_bytes: int, sample_bytes: int = 0
) -> dict[str, Manifest]:
    """Pack the working folders of a family's suites, by name of their folder, into one folder.

    Records and artefacts lie once, beside the suites' folders. An artefact that has other bytes in
    two suites (computed on other machines) is shared by the first of them; the other suite keeps
    its artefacts in its own folder, and so does one that keeps a sample of them.
    ``artefact_bytes`` and ``sample_bytes`` are for each suite. Raises as :func:`pack_suite`.
    """
    found = {
        name: _Source.of(folder, artefact_bytes=artefact_bytes, sample_bytes=sample_bytes)
        for name, folder in sorted(sources.items())
    }
    _refuse_single(target)
    for name in found:
        _refuse_other_files(target / name)
    shared_artefacts: dict[str, bytes] = {}
    sharing: set[str] = set()
    for name, source in found.items():
        alike = all(shared_artefacts.get(n, raw) == raw for n, raw in source.artefacts.items())
        if source.artefacts and alike and source.manifest.sample is None:
            together = {**shared_artefacts, **source.artefacts}
            if not sharing or _fits(together):  # all of it is read whole
                shared_artefacts = together
                sharing.add(name)
    shared: dict[PackName, bytes] = {RECORDS: _record_pack(list(found.values()), target)}
    if shared_artefacts:
        shared[ARTEFACTS] = _artefact_pack(shared_artefacts, target)
    runs = {name: source.runs(target / name) for name, source in found.items()}
    # nothing that is too large is found from here on
    family = Store(target, warn=_nobody, elsewhere=ELSEWHERE)
    sweep_parts(target)
    for pack in (RECORDS, ARTEFACTS):
        set_aside(target / pack, shared.get(pack), at_most=Limits.pack_bytes)
    for pack, raw in shared.items():
        family.write_bytes(pack, raw)
    if not shared_artefacts:
        (target / ARTEFACTS).unlink(missing_ok=True)
    written = {}
    for name, source in found.items():
        own: dict[PackName, bytes] = {}
        if source.artefacts and name not in sharing:
            own[ARTEFACTS] = _artefact_pack(source.artefacts, target / name)
        used = {p: raw for p, raw in shared.items() if p == RECORDS or name in sharing}
        written[name] = _write(source, target / name, own | runs[name], used)
    drop_replaced(target)
    return written


def artefacts_behind(
    folder: Path, manifest: Manifest, records: Mapping[str, bytes]
) -> dict[str, list[str]]:
    """The files of the manifest behind each record that has a result, there or left out.

    Parameters
    ----------
    records : mapping of record id to its text
        What is no record has none.
    """
    found = {}
    for cell_id, raw in records.items():
        with suppress(StoreError, ValueError):
            content = json_object(raw)
            content.pop("sha256", None)
            paths = artefact_paths(folder, Record.parse(content).artefact_addresses)
            if paths and all(path in manifest.files for path in paths):
                found[cell_id] = paths
    return found


def damaged_packs(folder: Path, manifest: Manifest) -> dict[str, str]:
    """Packs that are not as the manifest of a packed folder says, and why, by name."""
    contents = {
        f"../{name}" if pack.shared else name: _content(folder, name, pack)[1]
        for name, pack in manifest.packs.items()
    }
    return {name: why for name, why in contents.items() if isinstance(why, str)}


def unpack_folder(folder: Path, target: Path, *, artefacts: bool = True) -> None:
    """Write the working folder that was packed into an empty folder.

    Raises
    ------
    StoreError
        A pack is not there, not as the manifest says, or no pack of a leaderboard.
    """
    manifest = read_manifest(folder)
    for name, pack in manifest.packs.items():
        if name == ARTEFACTS and not artefacts:
            continue
        path, raw = _content(folder, name, pack)
        if isinstance(raw, str):
            raise StoreError(
                f"{path}: {raw}; take the leaderboard again from where it was published, or "
                "publish its results again"
            )
        if name == RECORDS:
            _unpack_records(raw, path, manifest, target)
        elif name == RUNS:
            _unpack_runs(raw, path, manifest, target)
        else:
            wanted = {n for n in manifest.files if n.startswith("artefacts/")}
            unpack(path, target, wanted=wanted)
    _copy_plain(folder, target, manifest)
    put_manifest(Store(target, warn=_nobody), manifest.model_copy(update={"packs": {}}))


def _write(
    source: _Source,
    target: Path,
    own: Mapping[PackName, bytes],
    shared: Mapping[PackName, bytes],
) -> Manifest:
    """Write a suite's folder; packs that are shared are written already.

    The manifest comes last, and first, too, where there is none yet: a folder without one would be
    taken for somebody's own.
    """
    plain = source.plain()
    listed = source.manifest.files
    pairs = [(name, raw, True) for name, raw in shared.items()]
    pairs += [(name, raw, False) for name, raw in own.items()]
    manifest = source.manifest.model_copy(
        update={
            "files": {
                name: digest
                for name, digest in listed.items()
                if name in plain or name.startswith(("records/", "artefacts/"))
            },
            "packs": {
                name: Pack(sha256=bytes_digest(raw), shared=is_shared)
                for name, raw, is_shared in pairs
            },
        }
    )
    store = Store(target, warn=_nobody, elsewhere=ELSEWHERE)
    sweep_parts(target, below=True)
    if not is_there(target / MANIFEST):
        put_manifest(store, manifest)
    new = {name: raw for files in (own, plain) for name, raw in files.items()}
    for name in _replaced(target) | set(new):
        set_aside(target / name, new.get(name), at_most=Limits.pack_bytes)
    for name, raw in new.items():
        store.write_bytes(name, raw)
    put_manifest(store, manifest)
    for folder in (target, target / "figures"):
        drop_replaced(folder)
    return manifest


def _refuse_other_files(target: Path) -> None:
    """A folder that is not a packed leaderboard is not written into."""
    sweep_parts(target)
    if target.exists() and any(target.iterdir()) and not is_packed(target):
        raise StoreError(
            f"{target} holds other files: name a new folder, or one that `loki-bench publish` wrote"
        )


def _refuse_single(target: Path) -> None:
    """The packs that a family shares would take the place of those of a leaderboard alone."""
    if (target / MANIFEST).exists():
        raise StoreError(
            f"{target} is a leaderboard of its own, and several are to be published: name the "
            "folder around them, or publish the results of one suite"
        )


def _replaced(target: Path) -> set[str]:
    """The files of a leaderboard that was packed into the folder before."""
    if not is_packed(target):
        return set()
    before = read_manifest(target)
    names = {n for n in before.files if PLAIN.fullmatch(n)}
    return names | {n for n, pack in before.packs.items() if not pack.shared}


def _size(path: Path) -> int:
    return path.stat().st_size if is_there(path) else 0


def _fits(artefacts: Mapping[str, bytes]) -> bool:
    """Whether artefacts can be read again from one pack."""
    size = sum(map(len, artefacts.values()))
    return size <= Limits.pack_bytes and len(artefacts) <= Limits.n_files


def _artefact_pack(artefacts: Mapping[str, bytes], target: Path) -> bytes:
    where = target / ARTEFACTS
    return _readable(zipped(dict(sorted(artefacts.items())), where), where)


def _readable(raw: bytes, file: Path) -> bytes:
    """A pack that is not larger than is read."""
    if len(raw) > Limits.pack_bytes:
        raise StoreError(
            f"{file} is not written: it would have {len(raw)} bytes, and at most "
            f"{Limits.pack_bytes} are read again; leave artefacts out or keep a sample of them, or "
            "keep suites of one family in several folders"
        )
    return raw


def _record_pack(sources: Sequence[_Source], target: Path) -> bytes:
    """Every record once; of one id there may be several, from other machines."""
    found = {(i, bytes_digest(raw)): raw for s in sources for i, raw in s.records.items()}
    lines = [_Record(id=i, content=_object(found[i, d], i)) for i, d in sorted(found)]
    return _lines(lines, target / RECORDS)


def _lines(lines: Sequence[_Line], where: Path) -> bytes:
    texts = [canonical_json(line).encode() + b"\n" for line in lines]
    refuse_too_large(where, [len(text) for text in texts])
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=buffer, mtime=0) as file:
        for text in texts:
            file.write(text)
    return _readable(buffer.getvalue(), where)


def _listed(folder: Path, manifest: Manifest, name: str) -> bytes:
    """A file's bytes, which must be those of the manifest."""
    path = folder / name
    raw = _read(path) if is_there(path) else b""
    if not raw or bytes_digest(raw) != manifest.files[name]:
        raise StoreError(
            f"{path} is not as the manifest says; `loki-bench verify {folder}` names all that is "
            "damaged"
        )
    return raw


def _read(path: Path) -> bytes:
    try:
        return read_regular(path, at_most=LARGEST_ARTEFACT)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error


def _object(raw: bytes, where: object) -> dict[str, JsonValue]:
    """A stored JSON object, which must be in the form that a store writes."""
    try:
        content = json_object(raw)
        same = _stored(content) == raw
    except (ValueError, RecursionError):
        same = False
    if not same:
        raise StoreError(f"{where}: its bytes are not as a store writes them")
    return content


def _stored(content: Mapping[str, JsonValue]) -> bytes:
    """The bytes of a record or run in its own file, see :meth:`Store.write_json`."""
    return (canonical_json(content, indent=1) + "\n").encode()


def _place(folder: Path, name: PackName, pack: Pack) -> Path:
    return (folder.resolve().parent if pack.shared else folder) / name


def _content(folder: Path, name: PackName, pack: Pack) -> tuple[Path, bytes | str]:
    """A pack's file, and its bytes or what is wrong with it."""
    path = _place(folder, name, pack)
    replaced = as_it_was(path, pack.sha256)
    if is_there(replaced):
        with suppress(OSError):
            raw = read_regular(replaced, at_most=Limits.pack_bytes)
            if bytes_digest(raw) == pack.sha256:
                return replaced, raw
    try:
        raw = read_regular(path, at_most=Limits.pack_bytes)
    except OSError as error:
        return path, f"it can't be read: {error.strerror}"
    whole = bytes_digest(raw) == pack.sha256
    return path, raw if whole else "its bytes are not those of the manifest"


def _read_lines(raw: bytes, path: Path) -> Iterator[bytes]:
    """The lines of a pack, held to limits while they are read."""
    n_lines = total = 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as file:
            while line := file.readline(Limits.file_bytes + 1):
                n_lines, total = n_lines + 1, total + len(line)
                if (
                    len(line) > Limits.file_bytes
                    or total > Limits.total_bytes
                    or n_lines > Limits.n_files
                ):
                    raise StoreError(f"{path} unpacks to more than is read")
                yield line
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise StoreError(f"{path} is not a whole pack of `loki-bench publish`") from error


def _unpack_records(raw: bytes, path: Path, manifest: Manifest, target: Path) -> None:
    """Those that the manifest names, each known by its digest."""
    for line in _read_lines(raw, path):
        record = _parsed(_Record, line, path)
        name = f"records/{record.id}.json"
        if name in manifest.files:
            _put(record.content, name, path, target, digest=manifest.files[name])


def _unpack_runs(raw: bytes, path: Path, manifest: Manifest, target: Path) -> None:
    environments: dict[str, dict[str, JsonValue]] = {}
    wanted = set(manifest.record_ids)
    for line in _read_lines(raw, path):
        if line.startswith(b'{"digest":'):
            found = _parsed(_Environment, line, path)
            environments[found.digest] = found.environment
            continue
        run = _parsed(_Run, line, path)
        content = dict(run.content)
        if run.environment is not None:
            if run.environment not in environments:
                raise StoreError(f"{path}: run {run.id} names an environment that is not there")
            content["environment"] = environments[run.environment]
        if run.id in wanted:
            _put(content, f"runs/{run.id}.json", path, target, digest=None)


def _put(
    content: dict[str, JsonValue], name: str, path: Path, target: Path, *, digest: str | None
) -> None:
    try:
        raw = _stored(content)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path}: {name} can't be written as JSON: {error}") from error
    if digest is None or bytes_digest(raw) == digest:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(raw)


def _parsed(kind: type[L], line: bytes, path: Path) -> L:
    try:
        return kind.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "line"
        raise StoreError(f"{path}: {place[:80]}: {first['msg']}") from error


def _copy_plain(folder: Path, target: Path, manifest: Manifest) -> None:
    """The files that are not packed, as the manifest has them; no links are followed."""
    packs = set(get_args(PackName))
    for path in (p for part in (folder, folder / "figures") for p in sorted(part.glob("*"))):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not path.is_file() or name in packs or not PLAIN.fullmatch(name):
            continue
        try:
            copy_regular(path, target / name, at_most=Limits.file_bytes)
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}") from error
    for name, digest in manifest.files.items():
        if digest is None or not PLAIN.fullmatch(name):
            continue
        replaced = as_it_was(folder / name, digest)
        if is_there(replaced):
            (target / name).unlink(missing_ok=True)
            with suppress(OSError):
                copy_regular(replaced, target / name, at_most=Limits.file_bytes)


def _nobody(text: str) -> None:
    """Nothing is computed again here, so nobody is told of a file that is not whole."""
