"""Level 5: the files of a folder beside those that its records give, byte for byte."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from loki_bench.audit.drawn import drawn_again, drawn_by
from loki_bench.audit.findings import Finding, LevelReport
from loki_bench.bounded_files import LARGEST_RECORD, is_there, read_regular
from loki_bench.leaderboard.folder import drawn_files

__all__ = ["compare_drawn", "compare_tables"]


def compare_tables(
    report: LevelReport, folder: Path, listed: Iterable[str], files: Mapping[str, str]
) -> None:
    """Tables: what is not there, what nothing writes, and the first line that differs."""
    for name in sorted({*listed, *files}):
        report.n_checked += 1
        path = folder / name
        if name not in files:
            report.problems.append(Finding(name, "nothing here writes such a file"))
        elif not is_there(path):
            report.problems.append(Finding(name, "it is not there"))
        elif (found := _content(path)) is None:
            report.problems.append(Finding(name, "it can't be read"))
        elif (line := _first_other_line(found, files[name].encode())) is not None:
            report.problems.append(Finding(name, f"line {line} is not what its records give"))


def _content(path: Path) -> bytes | None:
    try:
        return read_regular(path, at_most=LARGEST_RECORD)
    except OSError:
        return None


def compare_drawn(report: LevelReport, folder: Path) -> None:
    """Page and figures; those that an older version had drawn by a library are not judged."""
    names = drawn_files(folder)
    if not names:
        return
    made = drawn_again(folder, names)
    for name in names:
        found, expected = _content(folder / name), made.get(name)
        if found is None:
            report.problems.append(Finding(name, "it can't be read"))
        elif library := drawn_by(found):
            why = f"drawn by {library}; `loki-bench rewrite` draws it anew"
            report.not_judged.append(Finding(name, why))
        elif expected is None:
            report.problems.append(Finding(name, "its records give no such figure"))
        else:
            report.n_checked += 1
            if found != expected:
                report.problems.append(Finding(name, "it is not what its records give"))


def _first_other_line(found: bytes, expected: bytes) -> int | None:
    """The number, from 1, of the first line that differs."""
    if found == expected:
        return None
    pairs: Iterable[tuple[bytes, bytes]] = zip(
        found.splitlines(keepends=True), expected.splitlines(keepends=True), strict=False
    )
    for number, (one, other) in enumerate(pairs, start=1):
        if one != other:
            return number
    return min(len(found.splitlines()), len(expected.splitlines())) + 1
