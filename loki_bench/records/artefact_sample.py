"""The cells whose poison and ranks a published folder keeps where those of all would be too many.

They are drawn by the records themselves: a record that is changed draws other cells, so nobody can
choose in advance which cells a reader computes again. Whoever seals a folder anew may still try
until a draw suits; what that leaves is said in ``docs/how-to/verify.md``.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from loki_bench.content_ids import bytes_digest, content_id
from loki_bench.records.plan import Digest

__all__ = ["SAMPLE_CELLS", "ArtefactSample", "draw_sample", "why_not_drawn"]

SAMPLE_CELLS = 8
"""Computed again within minutes on the data of the packaged suites."""


class ArtefactSample(BaseModel):
    """Which cells a folder keeps poison and ranks of.

    Attributes
    ----------
    seed : str
        SHA-256 of the digests of all records, from which the order of cells follows.
    cells : tuple of record ids
        The first of that order, that of SHA-256 of seed and id.
    most_cells, most_bytes : int
        How many were asked for, and the most that their files might take: fewer are kept where
        the next one's were too large.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: Digest
    cells: Annotated[tuple[Digest, ...], Field(min_length=1)]
    most_cells: Annotated[int, Field(ge=1)]
    most_bytes: Annotated[int, Field(ge=1)]


def draw_sample(
    files: Mapping[str, str | None],
    with_artefacts: Mapping[str, Sequence[str]],
    size_of: Callable[[str], int],
    *,
    most_bytes: int,
    most_cells: int = SAMPLE_CELLS,
) -> ArtefactSample | None:
    """The first cells of the order whose artefacts take no more than ``most_bytes`` together.

    Parameters
    ----------
    files : mapping of path to SHA-256
        Of the manifest.
    with_artefacts : mapping of record id to paths
        The cells that have a result, and the files behind it; a file of several counts once.
    size_of : callable
        The bytes of a file.

    Returns
    -------
    ArtefactSample or None
        None where not even one cell's fit.
    """
    kept: list[str] = []
    paths: set[str] = set()
    for cell_id in _drawn_order(files, with_artefacts)[:most_cells]:
        wider = paths | set(with_artefacts[cell_id])
        if sum(map(size_of, wider)) > most_bytes:
            break
        kept, paths = [*kept, cell_id], wider
    if not kept:
        return None
    return ArtefactSample(
        seed=_seed(files), cells=tuple(kept), most_cells=most_cells, most_bytes=most_bytes
    )


def _drawn_order(files: Mapping[str, str | None], cells: Collection[str]) -> list[str]:
    """The cells in the order in which they are drawn: that of SHA-256 of the seed and their id."""
    seed = _seed(files)
    return sorted(cells, key=lambda cell_id: bytes_digest(f"{seed} {cell_id}".encode()))


def why_not_drawn(
    sample: ArtefactSample, files: Mapping[str, str | None], cells: Iterable[str]
) -> str | None:
    """Why these cells are not those that the records draw; None where they are.

    Parameters
    ----------
    cells : iterable of record ids
        Those that have a result.
    """
    order = _drawn_order(files, list(cells))
    if sample.seed != _seed(files) or list(sample.cells) != order[: len(sample.cells)]:
        return "the cells whose poison and ranks are kept are not those that its records draw"
    return None


def _seed(files: Mapping[str, str | None]) -> str:
    return content_id({name: files[name] for name in files if name.startswith("records/")})
