"""Read a text file whole, or say in one sentence why that can't be done."""

from pathlib import Path

from loki_bench.errors import DatasetError

__all__ = ["read_text"]


def read_text(path: Path, *, dataset: str) -> str:
    """The file's text, decoded as UTF-8 (a byte order mark is left out).

    Raises
    ------
    DatasetError
        The file is missing, a folder, unreadable, empty, or not UTF-8.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise DatasetError(
            f"dataset '{dataset}': there is no file {path.absolute()}; check the path"
        ) from error
    except IsADirectoryError as error:
        raise DatasetError(
            f"dataset '{dataset}': {path} is a folder; give the path of a file in it"
        ) from error
    except OSError as error:
        raise DatasetError(
            f"dataset '{dataset}': {path} can't be read ({error.strerror or error})"
        ) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DatasetError(
            f"{path}, line {line}: byte 0x{data[error.start]:02x} is not UTF-8; "
            "convert the file to UTF-8"
        ) from error
    if not text.strip():
        raise DatasetError(f"{path} is empty; check that it was written whole")
    return text
