"""The results folder of a suite: records, artefacts and reusable work, written atomically.

::

    <results>/<suite>/              or <results>/<family>/<suite>/
        records/<cell id>.json      what was found: the leaderboard reads nothing else
        runs/<cell id>.json         when, where and how long: never read by a leaderboard
        artefacts/poison/<id>.npz   fake users' sequences, by what they were crafted from
        artefacts/ranks/<id>.npz    a victim's ranks, by victim, seed and poison
        artefacts/defense/<id>.npz  which users a defense kept, by defense, seed and poison
        artefacts/lists/<id>.npz    a clean victim's lists, where a suite grants queries
        work/                       fitted surrogates, preparations, the dataset: safe to delete
        leaderboard.md .csv .json

A file is written under a temporary name, flushed to disk and renamed, so a killed run loses at
most the jobs in flight, and two runs on one folder never mix bytes. Records and artefacts carry
a digest of their content: what can't be read or does not match is named and computed again.
"""

import errno
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from loki_bench.content_ids import bytes_digest, canonical_json, content_id
from loki_bench.errors import StoreError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.pipeline.jobs import DataFolder, Poison, VictimRanks
from loki_bench.pipeline.training_data import DefenseAnswer
from loki_bench.records.schema import Record
from loki_bench.records.stored_file import StoredFile
from loki_bench.suite.cell import Cell

__all__ = ["Store", "arrays_digest"]

Kind = Literal["records", "runs", "trials"]
A = TypeVar("A")


class Store:
    """One suite's results folder.

    Parameters
    ----------
    folder : Path
        Made when something is first written.
    warn : callable of one str
        Told of every file that can't be trusted, by name.
    lenders : sequence of Path
        Folders of other suites: artefacts and reusable work that are not here are read there.
        Both are addressed by what determines them, so it is the same whoever computed it. Records
        are never lent: they are measured here.
    """

    def __init__(
        self, folder: Path, *, warn: Callable[[str], None], lenders: Sequence[Path] = ()
    ) -> None:
        self.folder = folder
        self._warn = warn
        self._lenders = tuple(lenders)

    # ------------------------------------------------------------------ records

    def write_json(self, kind: Kind, cell_id: str, content: dict[str, Any]) -> None:
        """Write a record, or the run beside it; the digest is added here."""
        sealed = {**content, "sha256": content_id(content)}
        text = canonical_json(sealed, indent=1) + "\n"
        self._write(self.folder / kind / f"{cell_id}.json", text.encode())

    def read_json(self, kind: Kind, cell_id: str) -> dict[str, Any] | None:
        """A record if it is there and whole, else None; one that is not whole is named."""
        path = self.folder / kind / f"{cell_id}.json"
        try:
            content = json.loads(path.read_bytes())
            digest = content.pop("sha256")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"can't read {path}: {error.strerror}") from error
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
            self._distrust(path, "not a whole record")
            return None
        if content_id(content) != digest:
            self._distrust(path, "its content does not match its digest")
            return None
        return dict(content)

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

    def runs(self) -> Iterator[dict[str, Any]]:
        """How every cell ran that this folder or a lender knows of."""
        for folder in (self.folder, *self._lenders):
            for path in sorted((folder / "runs").glob("*.json")):
                run = Store(folder, warn=self._warn).read_json("runs", path.stem)
                if run is not None:
                    yield run

    # ------------------------------------------------------------------ artefacts

    def take_over(self, artefacts: Mapping[str, str]) -> None:
        """Copy those of a record's artefacts that a lender has and this folder lacks."""
        for kind in ("poison", "ranks", "defense", "lists"):
            for name in artefacts.values():
                own = self._artefact(kind, name)
                lent = self._lent(own)
                if lent != own:
                    self._write(own, lent.read_bytes())

    def write_poison(self, craft_id: str, crafted: Poison) -> None:
        """Keep the fake users' sequences and the attacker's report."""
        arrays: dict[str, NDArray[Any]] = {
            "offsets": crafted.poison.offsets,
            "items": crafted.poison.items,
        }
        meta = {"report": crafted.report, "n_queries": crafted.n_queries}
        self._write_arrays(self._artefact("poison", craft_id), arrays, meta)

    def read_poison(self, craft_id: str) -> Poison | None:
        """A poison if it is there and whole."""
        return self._read_arrays(
            self._artefact("poison", craft_id),
            lambda a, meta: Poison(poison=Sequences(a["offsets"], a["items"]), **meta),
        )

    def write_ranks(self, evaluation_id: str, evaluated: VictimRanks) -> None:
        """Keep a victim's ranks."""
        arrays: dict[str, NDArray[Any]] = {
            "target_ranks": evaluated.target_ranks,
            "test_ranks": evaluated.test_ranks,
        }
        meta = {"n_training_samples": evaluated.n_training_samples, "report": evaluated.report}
        self._write_arrays(self._artefact("ranks", evaluation_id), arrays, meta)

    def read_ranks(self, evaluation_id: str) -> VictimRanks | None:
        """A victim's ranks if they are there and whole."""
        return self._read_arrays(
            self._artefact("ranks", evaluation_id),
            lambda a, meta: VictimRanks(
                target_ranks=a["target_ranks"], test_ranks=a["test_ranks"], **meta
            ),
        )

    def write_defense(self, defense_id: str, filtered: DefenseAnswer) -> None:
        """Keep what a defense answered."""
        arrays: dict[str, NDArray[Any]] = {"kept": filtered.kept}
        if filtered.suspicion is not None:
            arrays["suspicion"] = filtered.suspicion
        self._write_arrays(
            self._artefact("defense", defense_id), arrays, {"report": filtered.report}
        )

    def read_defense(self, defense_id: str) -> DefenseAnswer | None:
        """What a defense answered if it is there and whole."""
        return self._read_arrays(
            self._artefact("defense", defense_id),
            lambda a, meta: DefenseAnswer(
                kept=a["kept"], suspicion=a.get("suspicion"), report=meta["report"]
            ),
        )

    def write_lists(self, lists_id: str, lists: NDArray[np.int32]) -> None:
        """Keep what a clean victim shows every genuine user."""
        self._write_arrays(self._artefact("lists", lists_id), {"lists": lists}, {})

    def read_lists(self, lists_id: str) -> NDArray[np.int32] | None:
        """A clean victim's lists if they are there and whole."""
        return self._read_arrays(self._artefact("lists", lists_id), lambda a, _: a["lists"])

    # ------------------------------------------------------------------ reusable work

    def write_prepared(self, prepared_id: str, arrays: dict[str, NDArray[Any]]) -> None:
        """Keep what an attacker prepared."""
        self._write_arrays(self._prepared(prepared_id), arrays, {})

    def read_prepared(self, prepared_id: str) -> dict[str, NDArray[Any]] | None:
        """What an attacker prepared if it is there and whole."""
        return self._read_arrays(self._prepared(prepared_id), lambda a, _: a)

    def write_surrogate(self, surrogate_id: str, pickled: bytes) -> None:
        """Keep a fitted surrogate for other cells and later runs on this machine."""
        self._write(self._surrogate(surrogate_id), bytes_digest(pickled).encode() + pickled)

    def surrogate_file(self, surrogate_id: str) -> StoredFile | None:
        """The pickled recommender, for a job to open, if it is there and whole."""
        path = self._lent(self._surrogate(surrogate_id))
        if not path.exists():
            return None
        with path.open("rb") as file:
            digest = file.read(64)
            if bytes_digest(file.read()).encode() != digest:
                self._distrust(path, "its content does not match its digest")
                return None
        return StoredFile(str(path.resolve()), digest.decode(), start=64)

    def write_dataset(self, interactions: Interactions, fingerprint: str) -> DataFolder:
        """Lay the dataset out for workers to map; done once for all runs."""
        folder = self.folder / "work" / "data" / fingerprint
        tokens = {
            "n_items": interactions.n_items,
            "user_tokens": interactions.user_tokens,
            "item_tokens": interactions.item_tokens,
        }

        def written(name: str, content: bytes) -> StoredFile:
            path = folder / name
            self._write(path, content)
            return StoredFile(str(path.resolve()), bytes_digest(content))

        return DataFolder(
            offsets=written("offsets.npy", _npy(interactions.offsets)),
            items=written("items.npy", _npy(interactions.items)),
            tokens=written("tokens.json", canonical_json(tokens).encode()),
        )

    def write_text(self, name: str, text: str) -> None:
        """Write a file of the folder itself, such as the leaderboard."""
        self.write_bytes(name, text.encode())

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write a file of the folder itself, such as a figure."""
        self._write(self.folder / name, content)

    # ------------------------------------------------------------------ files

    def _surrogate(self, surrogate_id: str) -> Path:
        return self.folder / "work" / "surrogates" / f"{surrogate_id}.pickle"

    def _prepared(self, prepared_id: str) -> Path:
        return self.folder / "work" / "prepared" / f"{prepared_id}.npz"

    def _artefact(self, kind: str, name: str) -> Path:
        return self.folder / "artefacts" / kind / f"{name}.npz"

    def _write_arrays(
        self, path: Path, arrays: dict[str, NDArray[Any]], meta: dict[str, Any]
    ) -> None:
        sealed = {"meta": meta, "sha256": arrays_digest(arrays, meta)}
        buffer = io.BytesIO()
        text = np.frombuffer(canonical_json(sealed).encode(), dtype=np.uint8)
        named: dict[str, Any] = {"about": text, **arrays}
        np.savez_compressed(buffer, **named)
        self._write(path, buffer.getvalue())

    def _read_arrays(
        self, path: Path, build: Callable[[dict[str, NDArray[Any]], dict[str, Any]], A]
    ) -> A | None:
        path = self._lent(path)
        try:
            # from memory: numpy leaves the file open where it is not a whole archive
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
                arrays = {key: file[key] for key in file.files}
            about = json.loads(arrays.pop("about").tobytes())
            if arrays_digest(arrays, about["meta"]) != about["sha256"]:
                self._distrust(path, "its content does not match its digest")
                return None
            return build(arrays, about["meta"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
            self._distrust(path, "not a whole artefact")
            return None

    def _lent(self, path: Path) -> Path:
        """The file itself; or the same one of the first lender that has it, if it is not here."""
        if path.exists():
            return path
        name = path.relative_to(self.folder)
        there = (folder / name for folder in self._lenders)
        return next((lent for lent in there if lent.exists()), path)

    def _distrust(self, path: Path, why: str) -> None:
        self._warn(f"{path}: {why}; it is computed again")

    def _write(self, path: Path, content: bytes) -> None:
        with _explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
            try:
                with temporary.open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise


def _npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def arrays_digest(arrays: dict[str, NDArray[Any]], meta: dict[str, Any]) -> str:
    """SHA-256 of named arrays and what is said of them; the same on every machine."""
    described = {
        name: [str(a.dtype), list(a.shape), bytes_digest(a.tobytes())] for name, a in arrays.items()
    }
    return content_id({"arrays": described, "meta": meta})


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hints = {
            errno.ENOSPC: "free some space",
            errno.EACCES: "choose another folder with --results",
            errno.EROFS: "choose another folder with --results",
        }
        hint = hints.get(error.errno or 0, "choose another folder with --results")
        raise StoreError(f"can't write {path}: {error.strerror}; {hint}, then run again") from error
