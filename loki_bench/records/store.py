"""The results folder of a suite: records, artefacts and reusable work, written atomically.

::

    <results>/<suite>/              or <results>/<family>/<suite>/
        records/<cell id>.json      what was found: the leaderboard reads nothing else
        runs/<cell id>.json         when, where and how long: never read by a leaderboard
        artefacts/<kind>/<id>.npz   poison, ranks ...: what a step gave, by what it was made of
        work/                       fitted surrogates, preparations, the dataset, marks of what
                                    was written here: safe to delete
        leaderboard.md .csv .json

A file is written under a temporary name, flushed to disk and renamed, so a killed run loses at
most the jobs in flight, and two runs on one folder never mix bytes. Records and artefacts carry
a digest of their content: what can't be read or does not match is named and computed again.

The store knows no kind of artefact: how a value becomes arrays is its step's own :class:`Codec`.
"""

import contextlib
import hashlib
import io
import mmap
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from loki_bench.answer_checks import NamedArrays
from loki_bench.bounded_files import (
    LARGEST_ARTEFACT,
    LARGEST_RECORD,
    digest_of,
    is_there,
    json_object,
    read_regular,
)
from loki_bench.content_ids import bytes_digest, canonical_json, content_id
from loki_bench.errors import StoreError
from loki_bench.json_values import JsonObject
from loki_bench.records.arrays import BROKEN, plain_arrays
from loki_bench.records.local_mark import MARK_LENGTH, is_marked, mark
from loki_bench.records.schema import Record
from loki_bench.suite.cell import Cell
from loki_bench.whole_files import not_written, write_whole

__all__ = ["Codec", "Store", "StoredFile", "arrays_digest", "artefact_files", "artefact_kind"]

JsonKind = Literal["records", "runs", "trials"]
T = TypeVar("T")

LARGEST_WORK = 4 * 2**30
"""Bytes of a file of ``work`` at the most: fitted surrogates, and datasets that jobs map."""

MARKS = "work/written-here.txt"
"""A line for each file that other suites may read: its mark, and its name."""

ELSEWHERE = "choose another folder with --results"

_UNREADABLE = (*BROKEN, AttributeError, IndexError)
"""What a codec may raise besides, where the arrays are whole and not its own."""


@dataclass(frozen=True)
class StoredFile:
    """A file that does not change, as a job is told of it: by its content, wherever it lies.

    Jobs are sent addresses, not contents: workers on this machine open the host's own file, and a
    cluster's workers a copy that they were sent once (:mod:`loki_bench.engine.dask_workers`).

    Attributes
    ----------
    path : str
        Where it lies on the machine that reads it.
    sha256 : str
        Hexadecimal digest of its content.
    start : int
        The byte at which the content begins; what comes before is the store's own.
    """

    path: str
    sha256: str
    start: int = 0

    def read(self) -> bytes:
        """The content."""
        return Path(self.path).read_bytes()[self.start :]

    def mapped(self) -> NDArray[np.uint8]:
        """The bytes of the content, not all of them in memory; it must not be empty."""
        with Path(self.path).open("rb") as file:
            whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return np.frombuffer(whole, np.uint8, offset=self.start)


class Codec(ABC, Generic[T]):
    """How one kind of value is kept: as named arrays, and plain JSON data about them.

    Attributes
    ----------
    folder : str
        Where, below the results folder: ``artefacts/<kind>`` for what a record names, ``work/...``
        for what may be deleted.
    """

    folder: str

    @abstractmethod
    def encode(self, value: T) -> tuple[NamedArrays, Mapping[str, object]]:
        """The arrays, none of them named ``about``, and the data beside them."""

    @abstractmethod
    def decode(self, arrays: NamedArrays, about: JsonObject) -> T:
        """The value again; ``KeyError``, ``TypeError`` or ``ValueError`` where it is none."""


class Store:
    """One suite's results folder.

    Parameters
    ----------
    folder : Path
        Made when something is first written.
    warn : callable of one str
        Told of every file that can't be trusted, by name.
    fallback_stores : sequence of Path, or None
        Folders of other suites: artefacts and reusable work that are not here are read there, if
        this installation wrote them (:mod:`loki_bench.records.local_mark`): a folder that was
        downloaded is no source. Records are never read there: they are measured here. None, unlike
        an empty sequence, also means that nobody reads here, so that nothing is marked.
    trusted_stores : sequence of Path
        The same, without a mark: folders that are as much one's own as this one.
    elsewhere : str
        What helps where the folder can't be written to, for the message: which option names it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        warn: Callable[[str], None],
        fallback_stores: Sequence[Path] | None = None,
        trusted_stores: Sequence[Path] = (),
        elsewhere: str = ELSEWHERE,
    ) -> None:
        self.folder = folder
        self._warn = warn
        self._elsewhere = elsewhere
        self._marks = fallback_stores is not None
        self._fallback_stores = tuple(fallback_stores or ())
        self._trusted_stores = tuple(trusted_stores)
        self._refused: set[Path] = set()

    # ------------------------------------------------------------------ records

    def write_json(self, kind: JsonKind, cell_id: str, content: Mapping[str, object]) -> None:
        """Write a record, or the run beside it; the digest is added here."""
        sealed = {**content, "sha256": content_id(content)}
        self.write_text(f"{kind}/{cell_id}.json", canonical_json(sealed, indent=1) + "\n")

    def read_json(self, kind: JsonKind, cell_id: str) -> JsonObject | None:
        """A record if it is there and whole, else None; one that is not whole is named.

        Raises ``StoreError`` for a record that can't be read: only a run can be done without.
        """
        path, why = self.folder / kind / f"{cell_id}.json", ""
        content: JsonObject = {}
        try:
            content = json_object(read_regular(path, at_most=LARGEST_RECORD))
            if content.pop("sha256") != content_id(content):
                why = "its content does not match its digest"
        except FileNotFoundError:
            return None
        except OSError as error:
            why = f"it can't be read ({error.strerror})"
            if kind != "runs":
                raise StoreError(f"{path}: {why}; make it readable, or {ELSEWHERE}") from error
        except (ValueError, KeyError, TypeError, RecursionError):
            why = "not a whole record"
        if not why:
            return content
        if kind == "runs":  # no result needs it
            self._warn(f"{path}: {why}; what its cell took, and where, is not known")
        else:
            self._distrust(path, why)
        return None

    def write_record(self, record: Record) -> None:
        """Write a record; it is the sign that all of its cell is written."""
        self.write_json("records", record.id, record.to_json())

    def record(self, cell_id: str) -> Record | None:
        """A record if it is there and whole, else None; one that is not whole is named."""
        content = self.read_json("records", cell_id)
        if content is None:
            return None
        try:
            return Record.parse(content)
        except StoreError as error:
            self._distrust(self.folder / "records" / f"{cell_id}.json", str(error))
            return None

    def records(self, cells: Iterable[Cell]) -> dict[str, Record]:
        """The records of cells by cell id; cells without a whole one are left out."""
        found = {cell.id: self.record(cell.id) for cell in cells}
        return {cell_id: record for cell_id, record in found.items() if record is not None}

    def unknown(self, cells: Iterable[Cell]) -> list[Cell]:
        """Cells of which this folder has no file of a record; one that it has may be damaged."""
        folder = self.folder / "records"
        return [cell for cell in cells if not is_there(folder / f"{cell.id}.json")]

    def runs(self) -> Iterator[JsonObject]:
        """How every cell ran that this folder or one of the fallback stores knows of."""
        for folder in (self.folder, *self._trusted_stores, *self._fallback_stores):
            for path in sorted((folder / "runs").glob("*.json")):
                run = Store(folder, warn=self._warn).read_json("runs", path.stem)
                if run is not None:
                    yield run

    # ------------------------------------------------------------------ what steps give

    def write(self, codec: Codec[T], name: str, value: T) -> None:
        """Keep a value under a name."""
        arrays, about = codec.encode(value)
        sealed = {"meta": about, "sha256": arrays_digest(arrays, about)}
        text = np.frombuffer(canonical_json(sealed).encode(), dtype=np.uint8)
        buffer = io.BytesIO()
        named: NamedArrays = {"about": text, **arrays}
        n_bytes, most = sum(array.nbytes for array in named.values()), _most_bytes(codec.folder)
        if n_bytes > most:
            raise StoreError(
                f"{self.folder / codec.folder}: an artefact of {n_bytes} bytes; at most {most} are "
                "kept: take fewer target users or target items"
            )
        np.savez_compressed(buffer, **named)  # type: ignore[arg-type]  # no name is an option's
        file, content = f"{codec.folder}/{name}.npz", buffer.getvalue()
        self.write_bytes(file, content)
        if self._marks:
            self._mark(file, content)

    def read(self, codec: Codec[T], name: str) -> T | None:
        """A value if it is there and whole, else None; one that is not whole is named."""
        path, most = self._resolve(f"{codec.folder}/{name}.npz"), _most_bytes(codec.folder)
        try:
            content = read_regular(path, at_most=most)
            return codec.decode(*_whole_arrays(content, at_most=most))
        except FileNotFoundError:
            return None
        except _BadDigestError:
            self._distrust(path, "its content does not match its digest")
        except _UNREADABLE:
            self._distrust(path, "not a whole artefact")
        return None

    def say(self, name: str, what: str) -> None:
        """Name a file that can't be trusted, and what follows."""
        self._warn(f"{self.folder / name}: {what}")

    def adopt(self, artefacts: Mapping[str, str]) -> None:
        """Copy those of a record's artefacts that are in a fallback store and not here."""
        for own in artefact_files(artefacts):
            other = self._resolve(own)
            if other != self.folder / own and is_there(other):
                content = read_regular(other, at_most=LARGEST_ARTEFACT)
                self.write_bytes(own, content)
                if self._marks:
                    self._mark(own, content)

    def is_whole(self, name: str, listed: str | None) -> bool:
        """Whether an artefact of this folder can be read.

        Parameters
        ----------
        name : str
        listed : str or None
            The digest that the manifest lists: whole files alone are listed, and those bytes need
            not be unpacked again.
        """
        try:
            content = read_regular(self.folder / name, at_most=LARGEST_ARTEFACT)
            if bytes_digest(content) != listed:
                _whole_arrays(content, at_most=LARGEST_ARTEFACT)
        except _UNREADABLE:
            return False
        return True

    def numbers_digest(self, name: str) -> str | None:
        """The digest of the numbers in an artefact of this folder; None where it is not whole."""
        try:
            content = read_regular(self.folder / name, at_most=LARGEST_ARTEFACT)
            *_, digest = _sealed_arrays(content, at_most=LARGEST_ARTEFACT)
        except _UNREADABLE:
            return None
        return digest

    def copy_artefacts(self, artefacts: Mapping[str, str], source: "Store") -> bool:
        """Copy a record's artefacts from another store; False, and nothing copied, where one of
        them is not whole.
        """
        contents: dict[str, bytes] = {}
        file = ""
        try:
            for file in artefact_files(artefacts):
                contents[file] = read_regular(source.folder / file, at_most=LARGEST_ARTEFACT)
                _whole_arrays(contents[file], at_most=LARGEST_ARTEFACT)
        except FileNotFoundError:
            return False
        except _UNREADABLE:
            source.say(file, "not a whole artefact; the cells that have it are not copied")
            return False
        marks = _marks_in(source.folder)
        for file, content in contents.items():
            self.write_bytes(file, content)
            if self._marks and is_marked(file, bytes_digest(content), marks.get(file, "")):
                self._mark(file, content)
        return True

    def write_sealed(self, name: str, content: bytes) -> None:
        """Keep bytes that jobs open themselves, pickles among them: digest and mark before them."""
        digest = bytes_digest(content)
        self.write_bytes(name, content, head=f"{digest}{mark(name, digest)}".encode())

    def sealed_file(self, name: str) -> StoredFile | None:
        """Where the bytes of :meth:`write_sealed` lie, if they are whole and written here.

        To open a pickle is to run it: one that this installation did not write is made again.
        """
        for folder in (self.folder, *self._trusted_stores, *self._fallback_stores):
            path = folder / name
            if not is_there(path):
                continue
            start = 64 + MARK_LENGTH
            try:
                found = digest_of(path, at_most=LARGEST_WORK, start=start)
                with path.open("rb") as file:
                    digest, marked = file.read(64), file.read(MARK_LENGTH)
            except OSError as error:
                self._distrust(path, f"it can't be read ({error.strerror})")
                continue
            if digest != found.encode():
                self._distrust(path, "its content does not match its digest")
            elif not is_marked(name, found, marked.decode("latin-1")):
                self._distrust(path, "this installation did not write it")
            else:
                return StoredFile(str(path.resolve()), found, start=start)
        return None

    # ------------------------------------------------------------------ files

    def write_text(self, name: str, text: str) -> None:
        """Write a file of the folder itself, such as the leaderboard."""
        self.write_bytes(name, text.encode())

    def write_bytes(self, name: str, content: bytes, *, head: bytes = b"") -> None:
        """Write a file of the folder, head and content, whole or not at all.

        Raises
        ------
        StoreError
            The file can't be written.
        """
        write_whole(self.folder / name, content, head=head, elsewhere=self._elsewhere)

    def _resolve(self, name: str) -> Path:
        """A file of this folder; or the same one of the first other store that has it.

        Of a fallback store it is read only if it was written here.
        """
        own = self.folder / name
        if not is_there(own):  # a folder that is closed has nothing for this one
            for folder in self._trusted_stores:
                if is_there(folder / name):
                    return folder / name
            for folder in self._fallback_stores:
                if is_there(folder / name) and self._is_own(folder, name):
                    return folder / name
        return own

    def _is_own(self, folder: Path, name: str) -> bool:
        """Whether this installation wrote a file of another folder, as it is; says where not."""
        found = _marks_in(folder).get(name)
        if found is None:
            if folder not in self._refused:  # once: there may be hundreds
                self._refused.add(folder)
                self._warn(
                    f"{folder / name}: this installation did not write it; it and others of that "
                    "folder are not read"
                )
            return False
        with contextlib.suppress(OSError):
            digest = digest_of(folder / name, at_most=LARGEST_WORK)
            if is_marked(name, digest, found):
                return True
        self._distrust(folder / name, "it is not what was written here")
        return False

    def _mark(self, name: str, content: bytes) -> None:
        """Mark a file that suites beside this one may read."""
        line = f"{mark(name, bytes_digest(content))} {name}\n".encode()
        path = self.folder / MARKS
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab", buffering=0) as file:  # a line at once: runs may write together
                file.write(line)
        except OSError as error:
            raise not_written(path, error, ELSEWHERE) from error

    def _distrust(self, path: Path, why: str) -> None:
        self._warn(f"{path}: {why}; it is not read, and the next run computes it again")


def _marks_in(folder: Path) -> dict[str, str]:
    """The marks of a folder's files by name; the last one of a name counts."""
    try:
        text = read_regular(folder / MARKS, at_most=LARGEST_RECORD).decode("ascii", "replace")
    except OSError:
        return {}
    pairs = (line.partition(" ") for line in text.splitlines())
    return {name: found for found, _, name in pairs}


class _BadDigestError(ValueError):
    """A file is whole and holds something else than was written."""


def artefact_kind(what: str) -> str:
    """The folder of an artefact, by what a record calls it: ``clean_ranks`` are ``ranks``."""
    return what.rpartition("_")[2]


def artefact_files(artefacts: Mapping[str, str]) -> list[str]:
    """The files of a record's artefacts, relative to its results folder."""
    return [
        f"artefacts/{artefact_kind(what)}/{name}.npz"
        for what, name in artefacts.items()
        if not what.endswith("_digest")
    ]


def arrays_digest(arrays: NamedArrays, about: Mapping[str, object]) -> str:
    """SHA-256 of named arrays and what is said of them; the same on every machine."""
    described: dict[str, list[object]] = {}
    for name, array in arrays.items():
        # in C order; an array that lies so is not copied
        raw = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
        described[name] = [str(array.dtype), list(array.shape), hashlib.sha256(raw).hexdigest()]
    return content_id({"arrays": described, "meta": about})


def _most_bytes(folder: str) -> int:
    return LARGEST_WORK if folder.startswith("work/") else LARGEST_ARTEFACT


def _whole_arrays(content: bytes, *, at_most: int) -> tuple[NamedArrays, JsonObject]:
    """The arrays in a file and the data about them."""
    arrays, meta, _ = _sealed_arrays(content, at_most=at_most)
    return arrays, meta


def _sealed_arrays(content: bytes, *, at_most: int) -> tuple[NamedArrays, JsonObject, str]:
    """The arrays in a file, the data about them, and the digest of both, which is right."""
    arrays = plain_arrays(content, at_most=at_most)
    about = json_object(arrays.pop("about").tobytes())
    meta = about["meta"]
    if not isinstance(meta, dict):
        raise TypeError("what is said of the arrays is no table")
    digest = arrays_digest(arrays, meta)
    if digest != about["sha256"]:
        raise _BadDigestError
    return arrays, meta, digest
