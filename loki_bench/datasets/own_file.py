"""A user's own data: a RecBole ``.inter`` file, CSV, TSV, or one line a user."""

from pathlib import Path
from typing import Literal, TypeAlias, get_args

from loki_bench.contracts import DatasetLoader
from loki_bench.datasets.events import (
    Duplicates,
    Events,
    check_duplicates,
    check_k_core,
    check_last_events,
    interactions_of,
)
from loki_bench.datasets.one_line_a_user import read_one_line_a_user
from loki_bench.datasets.tables import read_table
from loki_bench.errors import DatasetError, ParameterError
from loki_bench.interactions import Interactions

__all__ = ["OwnFile"]

Layout: TypeAlias = Literal["inter", "csv", "tsv", "sequences"]
Format: TypeAlias = Literal["auto"] | Layout

_FORMATS = ("auto", *get_args(Layout))
_LAYOUT_OF_SUFFIX: dict[str, Layout] = {
    ".inter": "inter",
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "sequences",
}
_NAME = "file"


class OwnFile(DatasetLoader):
    """Interactions in a file of one's own, UTF-8.

    Parameters
    ----------
    path : str
        The file; ``~`` is the home folder, a relative path starts at the working folder.
    format : "auto", "inter", "csv", "tsv" or "sequences"
        ``"inter"``: RecBole's atomic file (``user_id:token<tab>item_id:token<tab>...``).
        ``"csv"``, ``"tsv"``: a header of plain names. ``"sequences"``: one line a user, the
        user and then the items, oldest first. ``"auto"`` goes by the ending: ``.inter``,
        ``.csv``, ``.tsv``, and ``.txt`` for sequences.
    user_column, item_column : str
        Columns of the users' and items' names; not used by ``"sequences"``.
    timestamp_column : str
        Column of numbers, larger is later; ties stay in the order of the file. An empty name
        says that there are no times and the rows are oldest first.
    k_core : int
        Users and items with fewer events are dropped until none is left, as in the paper
        (section 4.1); 0 drops nothing.
    last_events : int, optional
        Keep only so many of each user's latest events, before the k-core.
    duplicates : "error" or "drop"
        What to do when user, item and time repeat an earlier row, or when a user has a second
        line of sequences: refuse the file, or read the first one only.
    n_items : int, optional
        If given, items are the whole numbers from 0 to ``n_items - 1``, and any other is refused;
        with ``k_core = 0`` the catalogue also has those that nobody selected.
    """

    def __init__(
        self,
        *,
        path: str,
        format: Format = "auto",  # noqa: A002  # the word that every reader of data files uses
        user_column: str = "user_id",
        item_column: str = "item_id",
        timestamp_column: str = "timestamp",
        k_core: int = 5,
        last_events: int | None = None,
        duplicates: Duplicates = "error",
        n_items: int | None = None,
    ) -> None:
        if format not in _FORMATS:
            raise ParameterError(
                f"dataset '{_NAME}': format is {format!r}; it must be one of {', '.join(_FORMATS)}"
            )
        if n_items is not None and n_items < 1:
            raise ParameterError(
                f"dataset '{_NAME}': n_items is {n_items!r}; it must be a whole number from 1"
            )
        self.path = Path(path).expanduser()
        self.format = format
        self.user_column = user_column
        self.item_column = item_column
        self.timestamp_column = timestamp_column
        self.k_core = check_k_core(k_core, dataset=_NAME)
        self.last_events = check_last_events(last_events, dataset=_NAME)
        self.duplicates = check_duplicates(duplicates, dataset=_NAME)
        self.n_items = n_items

    def load(self, folder: Path, *, download: bool) -> Interactions:
        """Read the file; neither ``folder`` nor the network is used."""
        return interactions_of(
            self._events(),
            k_core=self.k_core,
            last_events=self.last_events,
            duplicates=self.duplicates,
            n_items=self.n_items,
        )

    def _events(self) -> Events:
        layout = self._layout()
        if layout == "sequences":
            return read_one_line_a_user(self.path, dataset=_NAME, duplicates=self.duplicates)
        return read_table(
            self.path,
            dataset=_NAME,
            layout=layout,
            user_column=self.user_column,
            item_column=self.item_column,
            timestamp_column=self.timestamp_column,
        )

    def _layout(self) -> Layout:
        if self.format != "auto":
            return self.format
        suffix = self.path.suffix.lower()
        if suffix not in _LAYOUT_OF_SUFFIX:
            raise DatasetError(
                f"dataset '{_NAME}': the ending of {self.path} does not say what it is; "
                'pass format = "inter", "csv", "tsv" or "sequences"'
            )
        return _LAYOUT_OF_SUFFIX[suffix]
