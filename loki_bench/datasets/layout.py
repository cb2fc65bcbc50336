"""How the lines of a file are laid out."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Layout", "LayoutKind"]

LayoutKind: TypeAlias = Literal[
    "table", "inter", "pairs", "sequences", "json lines", "literal lines", "json array", "parquet"
]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a file is laid out.

    Attributes
    ----------
    kind : str
        What a line, or a row, is.
    separator : str
        Between cells; ``BLANKS`` stands for any run of blanks and tabs; empty where there is none.
    columns : tuple of str
        Names of a table's columns: from the header, from the reader's parameters, or numbers.
    types : tuple of str
        RecBole's types of the columns; empty for other files.
    header : bool
        Whether a header is there.
    skip_lines : int
        Lines before the first one that holds an event: comments, blank ones, and the header.
    n_comments : int
        Comments among them.
    quoted : bool
        Whether a cell may be in double quotes.
    """

    kind: LayoutKind
    separator: str = ""
    columns: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    header: bool = False
    skip_lines: int = 0
    n_comments: int = 0
    quoted: bool = False
