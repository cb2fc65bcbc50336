"""Find a published file in the data folder, or download it, and check its SHA-256."""

import hashlib
from pathlib import Path

from loki_bench.datasets.published_files import PublishedFile
from loki_bench.errors import DatasetError

__all__ = ["check_sha256", "verified_file"]


def verified_file(file: PublishedFile, folder: Path, *, download: bool) -> Path:
    """Path of the file, whose bytes are those that were published.

    Parameters
    ----------
    file : PublishedFile
        What is wanted.
    folder : Path
        Where it is looked for under each of its local names, and where a download is kept. A
        download becomes visible under its name only when it is whole and its checksum is right.
    download : bool
        Whether the network may be used.

    Raises
    ------
    DatasetError
        The file is not there and can't be downloaded, or its checksum differs.
    """
    for name in file.local_names:
        path = folder / name
        if path.is_file():
            check_sha256(path, file.sha256, dataset=file.dataset)
            return path
    path = folder / file.local_names[0]
    if not download:
        raise DatasetError(
            f"dataset '{file.dataset}': {path} is missing and downloading is off; "
            f"fetch {file.url} and save it as {path}"
        )
    return _downloaded(file, path)


def check_sha256(path: Path, expected: str, *, dataset: str) -> None:
    """Raise ``DatasetError`` unless the file's bytes have the expected SHA-256."""
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DatasetError(
            f"dataset '{dataset}': {path} can't be read ({error.strerror or error})"
        ) from error
    if found != expected:
        raise DatasetError(
            f"dataset '{dataset}': {path} is not the published file, its SHA-256 is {found} and "
            f"should be {expected}; delete or rename it to have it fetched again, or read it "
            f"as it is with dataset 'file' and path = \"{path}\""
        )


def _downloaded(file: PublishedFile, path: Path) -> Path:
    import pooch

    try:
        # pooch writes to a temporary file beside `path`, checks it, and only then renames it
        pooch.retrieve(
            file.url,
            known_hash=f"sha256:{file.sha256}",
            fname=path.name,
            path=path.parent,
            # files of a few MB: a stream that breaks off would leave its socket open
            downloader=pooch.HTTPDownloader(stream=False, timeout=60),
        )
    except (OSError, ValueError) as error:  # network and disk trouble; a wrong checksum
        raise DatasetError(
            f"dataset '{file.dataset}': {path} is missing and could not be downloaded "
            f"({type(error).__name__}: {' '.join(str(error).split())}); "
            f"fetch {file.url} and save it as {path}"
        ) from error
    return path
