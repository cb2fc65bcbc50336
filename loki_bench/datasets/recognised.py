"""Say in words how a file was read."""

from loki_bench.datasets.data_file import DataFile
from loki_bench.datasets.layout import Layout
from loki_bench.datasets.reading import ColumnChoice, Reading
from loki_bench.datasets.session_files import is_session_file
from loki_bench.datasets.shape import BLANKS

__all__ = ["described", "described_kind"]

_KINDS = {
    "table": "a table",
    "inter": "RecBole's atomic file",
    "pairs": "a user and an item a line",
    "sequences": "one line a user",
    "json lines": "one JSON object a line",
    "literal lines": "one Python literal a line",
    "json array": "a JSON array of objects",
    "parquet": "a Parquet table",
}
_SEPARATORS = {
    ",": "commas",
    "\t": "tabs",
    ";": "semicolons",
    "|": "vertical bars",
    "::": "double colons",
    BLANKS: "blanks",
}


def described_kind(layout: Layout) -> str:
    """What a file's layout is, in a few words."""
    return _KINDS[layout.kind]


def described(file: DataFile, layout: Layout, reading: Reading) -> str:
    """How a file was read, in one sentence without its name."""
    words = [_KINDS[layout.kind]]
    if is_session_file(layout, reading):
        words = ["RecBole's session file, of each session its longest row"]
    if layout.separator and layout.kind != "inter":
        words.append(f"separated by {_SEPARATORS.get(layout.separator, repr(layout.separator))}")
    if layout.kind == "table":
        words.append("with a header" if layout.header else "without a header")
    if file.packing:
        words.append(f"compressed with {' in '.join(reversed(file.packing))}")
    if not file.parquet and file.encoding != "utf-8":
        words.append(f"encoded as {file.encoding}")
    if layout.kind not in ("sequences", "pairs"):
        words.append(_columns(layout, reading))
    return ", ".join(words)


def _columns(layout: Layout, reading: Reading) -> str:
    def named(column: ColumnChoice) -> str:
        return f"'{column}'" if isinstance(column, str) else f"number {column}"

    times = " and ".join(named(column) for column in reading.timestamp_columns)
    return (
        f"users in column {named(reading.user_column)}, items in {named(reading.item_column)}, "
        + (f"times in {times}" if times else "no times")
    )
