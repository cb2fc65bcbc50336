"""Level 1: every byte of a leaderboard folder is the one that was written."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from loki_bench.audit.findings import Finding, LevelReport
from loki_bench.bounded_files import (
    LARGEST_ARTEFACT,
    LARGEST_RECORD,
    digest_of,
    is_there,
    json_object,
    read_regular,
)
from loki_bench.content_ids import canonical_json, content_id
from loki_bench.engine.run_log import environment_fingerprint
from loki_bench.errors import StoreError
from loki_bench.records.artefact_sample import why_not_drawn
from loki_bench.records.manifest import (
    MANIFEST,
    SIGNATURE,
    UNLISTED,
    Manifest,
    read_manifest,
)
from loki_bench.records.packed import artefacts_behind, damaged_packs, is_packed

__all__ = ["artefacts_left_out", "check_hashes", "check_packs"]

_ARTEFACTS = "artefacts/"

NOT_CHECKED = ("work",)
"""Folders that are safe to delete and are never read by a verification."""


def check_packs(leaderboard: Path) -> LevelReport:
    """Compare the packs of a packed folder with its manifest; nothing to compare otherwise."""
    report = LevelReport(1)
    if leaderboard.is_dir() and is_packed(leaderboard):
        manifest = read_manifest(leaderboard)
        report.n_checked = len(manifest.packs)
        damaged = damaged_packs(leaderboard, manifest)
        report.problems = [Finding(name, why) for name, why in sorted(damaged.items())]
    return report


def check_hashes(folder: Path) -> tuple[LevelReport, list[str]]:
    """Compare every file with the manifest, and every run with its own digest.

    Returns
    -------
    (report, notes)
        Notes name files that are no part of the leaderboard: nothing is computed from them.
    """
    report = LevelReport(1, n_checked=1)
    try:
        manifest = read_manifest(folder)
    except StoreError as error:
        if not (folder / MANIFEST).exists():
            raise
        report.problems.append(Finding(MANIFEST, str(error).partition(": ")[2]))
        return report, []
    left_out = artefacts_left_out(folder, manifest)
    kept = _of_the_sample(folder, manifest, report)
    if left_out is not None:
        report.not_judged.append(left_out)
    for name, digest in sorted(manifest.files.items()):
        if left_out is not None and name.startswith(_ARTEFACTS) and name not in kept:
            continue
        report.n_checked += 1
        path = folder / name
        if not _inside(folder, path):
            report.problems.append(Finding(name, "it lies outside the leaderboard"))
        elif not is_there(path):
            report.problems.append(Finding(name, "it is not there"))
        elif (why := _why_other(path, digest)) is not None:
            report.problems.append(Finding(name, why))
    if manifest.subject == "attacks":
        report.problems += _machines(folder, manifest)
    notes = []
    record_ids = set(manifest.record_ids)
    known = {MANIFEST, SIGNATURE, *UNLISTED, *manifest.files}
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        if name.startswith("runs/") and path.stem in record_ids:
            report.n_checked += 1
            if not _is_sealed(path):
                report.problems.append(Finding(name, "its bytes do not match its digest"))
        elif name not in known:
            notes.append(f"{name} is no part of the leaderboard")
    return report, notes


def artefacts_left_out(folder: Path, manifest: Manifest) -> Finding | None:
    """What can't be judged where poison and ranks were left out, to keep a repository small.

    A published folder may keep those of a sample of its cells (``manifest.sample``). None where
    nothing was left out: the folder ``artefacts`` is there, and a file that it lacks is a problem.
    """
    names = [name for name in manifest.files if name.startswith(_ARTEFACTS)]
    if not names or (manifest.sample is None and (folder / _ARTEFACTS).exists()):
        return None
    what = f"the {len(names)} files of poison and ranks are not kept with this leaderboard"
    if manifest.sample is not None:
        n_cells, n_all = len(manifest.sample.cells), len(manifest.record_ids)
        what = (
            f"poison and ranks of {n_cells} of {n_all} cells alone are kept, drawn by the records"
        )
    return Finding(
        _ARTEFACTS,
        f"{what}; `loki-bench run {manifest.suite} --results OTHER_FOLDER` computes them, and this "
        "leaderboard with them",
    )


def _of_the_sample(folder: Path, manifest: Manifest, report: LevelReport) -> set[str]:
    """The artefacts that a sample keeps; one that its records do not draw is a problem."""
    if manifest.sample is None:
        return set()
    records = {}
    for cell_id in manifest.record_ids:
        with suppress(OSError):  # it is named for that
            path = folder / f"records/{cell_id}.json"
            records[cell_id] = read_regular(path, at_most=LARGEST_RECORD)
    behind = artefacts_behind(folder, manifest, records)
    report.n_checked += 1
    if why := why_not_drawn(manifest.sample, manifest.files, behind):
        report.problems.append(Finding(MANIFEST, why))
    return {name for cell_id in manifest.sample.cells for name in behind.get(cell_id, ())}


def _machines(folder: Path, manifest: Manifest) -> list[Finding]:
    """Runs that are left out, or name another machine: that decides how numbers are compared."""
    found = []
    for cell_id in manifest.record_ids:
        name = f"runs/{cell_id}.json"
        listed = manifest.machines.get(cell_id)
        if not is_there(folder / name):
            why = "it is not there: on which machine its record was computed is not known"
            found.append(Finding(name, why))
            continue
        if not _is_sealed(folder / name):
            continue  # it is named for that
        run = json_object(read_regular(folder / name, at_most=LARGEST_RECORD))
        if listed not in (None, environment_fingerprint(run.get("environment"))):
            found.append(Finding(name, "it tells of another machine than the manifest"))
    return found


def _inside(folder: Path, path: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a link that leads to itself
        return False


def _why_other(path: Path, digest: str | None) -> str | None:
    """Why a file is not the one that the manifest lists; None where it is."""
    try:
        found = digest_of(path, at_most=LARGEST_ARTEFACT)
    except OSError as error:
        return f"it can't be read: {error.strerror}"
    return None if found == digest else "its bytes are not those of the manifest"


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if is_there(path) and path.relative_to(folder).parts[0] not in NOT_CHECKED:
            yield path


def _is_sealed(path: Path) -> bool:
    """Whether a file's bytes are those that a store writes for their content."""
    try:
        raw = read_regular(path, at_most=LARGEST_RECORD)
        content = json_object(raw)
        digest = content.pop("sha256")
        sealed = {**content, "sha256": content_id(content)}
        text = canonical_json(sealed, indent=1) + "\n"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False
    return content_id(content) == digest and text.encode() == raw
