"""The dataset as workers find it, and the steps of a cell that read it.

What a job is sent is pickled; the dataset is not: it is laid out once as files that all workers of
a machine map, and a cluster's workers are sent once. Nothing that a job does touches the store, so
it runs the same on this machine and on a cluster.
"""

import io
import json
from abc import ABC
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from loki_bench.content_ids import bytes_digest, canonical_json
from loki_bench.engine.step import Step
from loki_bench.interactions import Interactions
from loki_bench.records.store import Store, StoredFile
from loki_bench.split import Repeats, Split, SplitBounds, split_at
from loki_bench.suite.cell import Cell
from loki_bench.suite.suite import Limits

__all__ = ["NO_DATA", "CellStep", "DataFolder", "load_split", "write_dataset"]

T = TypeVar("T")


@dataclass(frozen=True)
class DataFolder:
    """Where workers find the dataset: files that all of them map or read, none is sent.

    Attributes
    ----------
    offsets, items : StoredFile
        Arrays of :class:`~loki_bench.interactions.Interactions` as ``.npy`` files.
    tokens : StoredFile
        JSON with ``n_items`` and the lists ``user_tokens`` and ``item_tokens``.
    limits : Limits
        What a process that a job starts may take.
    bounds : (StoredFile, StoredFile) or None
        Arrays of :class:`~loki_bench.split.SplitBounds`; None where one event is left out.
    repeats : "mask", "allow" or "drop-later"
    """

    offsets: StoredFile
    items: StoredFile
    tokens: StoredFile
    limits: Limits = field(default_factory=Limits)
    bounds: tuple[StoredFile, StoredFile] | None = None
    repeats: Repeats = "mask"

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return Path(self.offsets.path).parent


_NO_FILE = StoredFile("", "")
NO_DATA = DataFolder(offsets=_NO_FILE, items=_NO_FILE, tokens=_NO_FILE)
"""Of steps that are planned and not done: nothing is sent."""


@dataclass(frozen=True)
class CellStep(Step[T], ABC):
    """A step of one cell.

    Attributes
    ----------
    data : DataFolder
    cell : Cell
    """

    data: DataFolder
    cell: Cell

    @property
    def label(self) -> str:
        """For progress lines."""
        return f"{self.who} (seed {self.cell.seed})"

    @property
    def artefact(self) -> str:
        """What a record calls what this step keeps; nothing where it keeps nothing for records.

        Its last word, after ``_``, is the kind: ``clean_ranks`` lie in ``artefacts/ranks``.
        """
        return ""


def write_dataset(
    store: Store,
    interactions: Interactions,
    fingerprint: str,
    *,
    bounds: SplitBounds | None = None,
    repeats: Repeats = "mask",
) -> DataFolder:
    """Lay the dataset out in a store's ``work`` folder; done once for all runs.

    Parameters
    ----------
    bounds : SplitBounds or None
        Where sequences are cut; None leaves one event out.
    """
    catalogue = {
        "n_items": interactions.n_items,
        "user_tokens": interactions.user_tokens,
        "item_tokens": interactions.item_tokens,
    }
    folder = fingerprint
    contents = {
        "offsets.npy": _npy(interactions.offsets),
        "items.npy": _npy(interactions.items),
        "tokens.json": canonical_json(catalogue).encode(),
    }
    if bounds is not None:
        folder = f"{fingerprint}-{bounds.digest()[:16]}"
        contents["trained.npy"] = _npy(bounds.trained)
        contents["known.npy"] = _npy(bounds.known)
    files = []
    for name, content in contents.items():
        path = f"work/data/{folder}/{name}"
        store.write_bytes(path, content)
        files.append(StoredFile(str((store.folder / path).resolve()), bytes_digest(content)))
    offsets, items, tokens, *cuts = files
    return DataFolder(
        offsets=offsets,
        items=items,
        tokens=tokens,
        bounds=(cuts[0], cuts[1]) if cuts else None,
        repeats=repeats,
    )


@lru_cache(maxsize=1)
def load_split(data: DataFolder) -> tuple[Interactions, Split]:
    """All interactions, mapped for reading, and their split; the latest is kept."""
    catalogue = json.loads(data.tokens.read())
    interactions = Interactions(
        np.load(data.offsets.path, mmap_mode="r"),
        np.load(data.items.path, mmap_mode="r"),
        n_items=catalogue["n_items"],
        user_tokens=tuple(catalogue["user_tokens"]),
        item_tokens=tuple(catalogue["item_tokens"]),
    )
    bounds = None
    if data.bounds is not None:
        trained, known = (np.load(file.path) for file in data.bounds)
        bounds = SplitBounds(trained=trained, known=known)
    return interactions, split_at(interactions, bounds, repeats=data.repeats)


def _npy(array: NDArray[np.generic]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()
