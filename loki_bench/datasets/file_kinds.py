"""What a file is by its first bytes: compressed, Parquet, or something that holds no events."""

import re

__all__ = ["COMPRESSIONS", "foreign_kind", "is_parquet"]

COMPRESSIONS = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
}
"""First bytes of the compressed files that are read as they are."""

_FOREIGN = {
    b"\x28\xb5\x2f\xfd": ("compressed with Zstandard", "decompress it first"),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", "unpack it and give the path of the file in it"),
    b"Rar!": ("a RAR archive", "unpack it and give the path of the file in it"),
    b"PK\x05\x06": ("an empty zip archive", "check that it was written whole"),
    b"\xd0\xcf\x11\xe0": ("an Excel workbook", "save the sheet as CSV"),
    b"\x93NUMPY": ("a NumPy array", "write the events as CSV or Parquet"),
    b"\x89HDF": ("an HDF5 file", "write the events as CSV or Parquet"),
    b"MATLAB 5.0": ("a MATLAB file", "write the events as CSV or Parquet"),
    b"SQLite format 3": ("an SQLite database", "write the table of events as CSV or Parquet"),
    b"ARROW1": ("an Arrow (Feather) file", "write it as Parquet"),
    b"ORC": ("an ORC file", "write it as Parquet"),
    b"%PDF": ("a PDF document", "give the path of the data file"),
    b"version https://git-lfs": (
        "a pointer of Git LFS and not the data itself",
        "fetch the data with `git lfs pull`",
    ),
}
_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_MARKUP = re.compile(rb"\s*<(!doctype html|html|head|body|\?xml)", re.IGNORECASE)


def is_parquet(head: bytes) -> bool:
    """Whether the file begins as Parquet does."""
    return head.startswith((b"PAR1", b"PARE"))


def foreign_kind(head: bytes) -> tuple[str, str] | None:
    """What the file is and what to do about it, where its first bytes say that it is no data.

    Parameters
    ----------
    head : bytes
        The first bytes, decompressed; 512 or more where the file has them.
    """
    for magic, kind in _FOREIGN.items():
        # the letters ORC alone may well begin a text
        if head.startswith(magic) and (magic != b"ORC" or b"\x00" in head[:16]):
            return kind
    if head[257:262] == b"ustar":
        return "a tar archive", "unpack it and give the path of the file in it"
    if _PICKLE.match(head):
        return "a Python pickle", "write the events as CSV or Parquet"
    if _MARKUP.match(head):
        return (
            "a web page (HTML or XML), such as a server answers instead of a file",
            "fetch the data file again",
        )
    return None
