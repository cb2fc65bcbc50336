"""How a file is to be read: the part of dataset 'file''s parameters that recognising needs."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["ColumnChoice", "Format", "Reading"]

Format: TypeAlias = Literal["auto", "inter", "csv", "tsv", "sequences", "pairs", "json", "parquet"]
ColumnChoice: TypeAlias = str | int


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Which columns of which kind of file; the meanings are those of ``OwnFile``'s parameters.

    Attributes
    ----------
    dataset : str
        Who asks, for error messages.
    format : str
        The kind of file; "auto" goes by its ending and its lines.
    separator, encoding : str or None
        Of a text; None leaves them to be recognised.
    columns : tuple of str
        Names of the columns of a file without a header; empty where it has one.
    header : bool or None
        Whether the first line is a header; None leaves it to be recognised.
    user_column, item_column : str or int
        By name or by number from 0.
    timestamp_columns : tuple of str or int
        From the coarsest to the finest; empty for a file without times.
    rating_column : str, int or None
        None where ratings don't matter.
    where_columns : tuple of str
        Columns that rows are chosen by.
    times : str
        "auto", or the form of the times as ``strptime`` takes it.
    """

    dataset: str
    format: Format = "auto"
    separator: str | None = None
    encoding: str | None = None
    columns: tuple[str, ...] = ()
    header: bool | None = None
    user_column: ColumnChoice = "user_id"
    item_column: ColumnChoice = "item_id"
    timestamp_columns: tuple[ColumnChoice, ...] = ("timestamp",)
    rating_column: ColumnChoice | None = None
    where_columns: tuple[str, ...] = ()
    times: str = "auto"

    @property
    def by_number(self) -> bool:
        """Whether columns are chosen by their numbers."""
        return isinstance(self.user_column, int) or isinstance(self.item_column, int)

    @property
    def asked_times(self) -> tuple[ColumnChoice, ...]:
        """The columns of times that somebody named; nobody need have asked for "timestamp"."""
        return () if self.timestamp_columns == Reading.timestamp_columns else self.timestamp_columns

    @property
    def chosen(self) -> tuple[ColumnChoice, ...]:
        """Every column that is read."""
        rating = () if self.rating_column is None else (self.rating_column,)
        return (
            self.user_column,
            self.item_column,
            *self.timestamp_columns,
            *rating,
            *self.where_columns,
        )
