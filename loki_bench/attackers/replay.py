"""Poison that somebody has: fake users that are read from a file."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

from loki_bench.attackers.fake_rows import FakeRows, ItemNames, Rows, fake_rows
from loki_bench.bounded_files import home_expanded
from loki_bench.contracts import Attacker, AttackerView
from loki_bench.datasets.named_rows import NamedRows
from loki_bench.datasets.parameters import (
    check_choice,
    check_column,
    checked_reading,
)
from loki_bench.datasets.poison_files import read_poison_file
from loki_bench.datasets.reading import ColumnChoice, Format
from loki_bench.errors import DatasetError, ParameterError
from loki_bench.interactions import Interactions, Sequences

__all__ = ["Replay"]

_NAME = "replay"
_LONGEST_NAME = 60
_OF_DATASETS_ALONE = '; missing = "drop" leaves such rows out and counts them'
"""What the reader advises where a row has no user or no item: it is no parameter here."""


class Replay(Attacker):
    """Fake users from a file; each of its rows is one, or those beyond the genuine users.

    Read is what the dataset ``file`` reads (a table, ``.inter``, pairs, one line a user, JSON
    lines, Parquet, compressed or not); JSON with ``target_items``, ``target_users`` and
    ``fake_users``, or a list of lists; and NumPy's ``.npy`` and ``.npz``: see
    :func:`~loki_bench.datasets.poison_arrays.read_arrays`. A suite that names this attacker has
    its file read by the host, and its content stands in the cell for the parameters.

    Parameters
    ----------
    path : str
        The file; ``~`` is the home folder, and ``{seed}`` stands for the seed where each has a
        file of its own.
    name : str, optional
        What tables call it; the file's name without its ending unless given.
    rows : "auto", "all" or "beyond-genuine"
        Which rows are fake users: all, or those of users who are not in the dataset, as in a
        published poisoned dataset. "auto" leaves genuine users out where the file has all of them
        with their events.
    items : "tokens" or "ids"
        Whether items are named as in the dataset's file, or by their numbers from 0.
    format, separator, encoding, columns, header, user_column, item_column, timestamp_column
        As the dataset ``file`` takes them. Where the file has no column "timestamp" and no other
        is named, its order is the order of events.
    """

    def __init__(
        self,
        *,
        path: str,
        name: str | None = None,
        rows: Rows = "auto",
        items: ItemNames = "tokens",
        format: Format = "auto",  # noqa: A002  # as of the dataset
        separator: str | None = None,
        encoding: str | None = None,
        columns: Sequence[str] | None = None,
        header: bool | None = None,
        user_column: ColumnChoice = "user_id",
        item_column: ColumnChoice = "item_id",
        timestamp_column: ColumnChoice = "timestamp",
    ) -> None:
        if not isinstance(path, str | Path) or not str(path):
            raise ParameterError(
                f"attacker '{_NAME}': path is {path!r}; it must be the path of a file"
            )
        if name is not None and (
            not isinstance(name, str) or not name.strip() or len(name) > _LONGEST_NAME
        ):
            raise ParameterError(
                f"attacker '{_NAME}': name is {name!r}; it must be a text of at most "
                f"{_LONGEST_NAME} letters"
            )
        self.path, self.name = str(path), name
        try:
            self.rows: Rows = check_choice(rows, "rows", get_args(Rows), dataset=_NAME)
            self.items: ItemNames = check_choice(items, "items", get_args(ItemNames), dataset=_NAME)
            self._reading = replace(
                checked_reading(
                    dataset=_NAME,
                    format=format,
                    separator=separator,
                    encoding=encoding,
                    columns=columns,
                    header=header,
                    user_column=user_column,
                    item_column=item_column,
                ),
                timestamp_columns=()
                if timestamp_column == ""
                else (check_column(timestamp_column, "timestamp_column", dataset=_NAME),),
            )
        except ParameterError as error:
            raise ParameterError(_of_attacker(str(error))) from error

    @property
    def label(self) -> str:
        """What tables call it."""
        if self.name is not None:
            return self.name
        stem = Path(self.path).name.split(".")[0].replace("{seed}", "").strip("-_ ")
        return (stem or "poison")[:_LONGEST_NAME]

    @property
    def is_for_each_seed(self) -> bool:
        """Whether each seed has a file of its own."""
        return "{seed}" in self.path

    def path_for(self, seed: int) -> str:
        """The file of a seed."""
        return self.path.replace("{seed}", str(seed))

    def read(self, seed: int) -> NamedRows:
        """The file of a seed; raises ``ParameterError`` where it can't be read."""
        try:
            return read_poison_file(home_expanded(self.path_for(seed)), self._reading)
        except (DatasetError, ValueError) as error:
            raise ParameterError(_of_attacker(str(error))) from error

    def fake_rows(
        self,
        named: NamedRows,
        genuine: Interactions,
        *,
        dropped_users: Mapping[str, int],
        dropped_items: Mapping[str, int],
    ) -> FakeRows:
        """The fake users among the rows; raises as :func:`fake_rows`."""
        return fake_rows(
            named,
            genuine,
            rows=self.rows,
            items=self.items,
            dropped_users=dropped_users,
            dropped_items=dropped_items,
        )

    def poison(self, view: AttackerView) -> Sequences:
        """The fake users of the file, whatever the goal."""
        found = self.fake_rows(
            self.read(view.seed), view.history, dropped_users={}, dropped_items={}
        )
        return found.poison


def _of_attacker(text: str) -> str:
    """A message of the reader of data files, as one of this attacker's."""
    text = text.replace(f"dataset '{_NAME}'", f"attacker '{_NAME}'")
    text = text.replace(_OF_DATASETS_ALONE, "; take such rows out")
    return text if text.startswith("attacker ") else f"attacker '{_NAME}': {text}"
