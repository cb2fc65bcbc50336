"""Rows of items by name, as a file of poison holds them: fake users, or everybody's."""

from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["NamedRows"]


@dataclass(frozen=True, kw_only=True, eq=False)
class NamedRows:
    """What a file of poison says, before anything is known of the dataset.

    Attributes
    ----------
    path : Path
    rows : tuple of tuple of str
        Of each user, in the order of the file, the items by name, oldest first; or, where
        ``by_column``, the numbers of columns.
    users : tuple of str
        Names of the users; empty where the file has none.
    user_leads : bool
        Whether each was taken for a user because it stands first in its line.
    targets, target_users : tuple of str
        What the poison was written for; empty where the file does not say.
    n_columns : int or None
        Of a matrix with a column for each item; None for anything else.
    width : int or None
        Columns of a matrix that was read as lists of items; None for anything else.
    recognised : str
        How the file was read.
    dropped : mapping of str to int
        Rows of the file that are no events, by reason.
    """

    path: Path
    rows: tuple[tuple[str, ...], ...]
    users: tuple[str, ...] = ()
    user_leads: bool = False
    targets: tuple[str, ...] = ()
    target_users: tuple[str, ...] = ()
    n_columns: int | None = None
    width: int | None = None
    recognised: str = ""
    dropped: dict[str, int] = field(default_factory=dict)

    @property
    def n_events(self) -> int:
        """Events of all rows."""
        return sum(map(len, self.rows))

    def who(self, row: int) -> str:
        """A row as a message names it."""
        if self.users:
            return f"{self.path.name}, user '{self.users[row]}'"
        return f"{self.path.name}, row {row + 1}"
