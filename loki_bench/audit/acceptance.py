"""Adds a third party's rows to a leaderboard; nothing that they say of themselves is believed.

Only the poison is taken over, after the same checks as in a run. Victims are trained and ranked
here, and the record that is kept is the one that was computed here. Then the attack is run under a
fresh key (:mod:`loki_bench.audit.fresh_measurement`): that is what its rank is made of.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from loki_bench.answer_checks import validate_poison
from loki_bench.audit.fresh_measurement import FreshMeasurement, measured_afresh
from loki_bench.audit.hashes import artefacts_left_out, check_hashes
from loki_bench.audit.poison_submission import (
    cells_of_poison,
    is_poison,
    lay_poison,
    read_submission,
)
from loki_bench.audit.replay import Opening
from loki_bench.audit.verification import Verifier
from loki_bench.benchmark.run_key import draw_key
from loki_bench.bounded_files import (
    LARGEST_ARTEFACT,
    copy_regular,
    digest_of,
    is_there,
    read_regular,
)
from loki_bench.contracts import Budget
from loki_bench.errors import RejectedError, StoreError
from loki_bench.leaderboard.comparability import differing_fields, lacking_seeds, said_differences
from loki_bench.leaderboard.folder import (
    Acceptance,
    accepted_cells,
    own_records,
    write_accepted,
    write_leaderboard,
)
from loki_bench.leaderboard.rows import NO_ATTACK, RowKey, row_key
from loki_bench.pipeline.craft import PoisonCodec
from loki_bench.plugins.registry import Registry
from loki_bench.records.archive import Limits, unpack
from loki_bench.records.manifest import Manifest, Plugin, artefact_paths, read_manifest
from loki_bench.records.opening import as_working_folder
from loki_bench.records.packed import pack_suite
from loki_bench.records.schema import Record
from loki_bench.records.store import Store
from loki_bench.suite.actions import GENUINE
from loki_bench.suite.cell import Cell

__all__ = ["accept"]

SAME = {"dataset", "protocol", "protocol_version", "victim", "budget", "defense", "seed"}
"""A row may be added beside a stored cell that is the same in all of these."""


def accept(leaderboard: Path, file: Path, *, registry: Registry, opened: Opening) -> list[str]:
    """Check the rows of a file and add them; returns the ids of the cells that are new.

    A packed leaderboard is packed again; it then shares nothing with its family.

    Raises
    ------
    StoreError
        The file or the leaderboard is damaged, a row does not belong to this leaderboard, its
        poison breaks a rule, or its numbers are not those that come out here. Nothing is added.
    """
    with as_working_folder(leaderboard) as folder:
        added = _accepted(folder, leaderboard, file, registry, opened)
        if added and folder != leaderboard:
            pack_suite(folder, leaderboard, artefact_bytes=Limits.pack_bytes)
    return added


def _accepted(
    folder: Path, leaderboard: Path, file: Path, registry: Registry, opened: Opening
) -> list[str]:
    """Add the rows to a working folder."""
    target = Store(folder, warn=lambda text: None)
    manifest = read_manifest(folder)
    if manifest.subject != "attacks":
        raise StoreError(f"{leaderboard} compares estimators: rows of attacks do not belong in it")
    left_out = artefacts_left_out(folder, manifest)
    if left_out is not None:
        raise StoreError(f"{leaderboard}: {left_out.why}; accept the rows into that folder")
    ours = {cell_id: _record(target, cell_id) for cell_id in manifest.record_ids}
    own = own_records(folder, ours)
    if is_poison(file):
        return _accepted_poison(target, manifest, ours, own, file, opened)
    with (
        tempfile.TemporaryDirectory(prefix="loki-bench-") as given,
        tempfile.TemporaryDirectory(prefix="loki-bench-") as made,
    ):
        unpack(file, Path(given))
        damaged = check_hashes(Path(given))[0].objections
        if damaged:
            raise StoreError(f"{file}: {damaged[0].what}: {damaged[0].why}")
        theirs = read_manifest(Path(given))
        if theirs.submission is None:
            raise StoreError(f"{file} does not say which plugin its rows come from")
        verifier = Verifier.of(Path(given), theirs, registry)
        if verifier.unreadable:
            raise StoreError(f"{file}: {verifier.unreadable[0].what}: {verifier.unreadable[0].why}")
        new = [cell for cell_id, cell in sorted(verifier.cells.items()) if cell_id not in ours]
        for cell in new:
            _refuse_stranger(cell, own, file)
            _refuse_poison(cell, verifier, file)
        _refuse_half_rows(new, ours, file)
        if not new:
            return []
        again = Store(Path(made), warn=lambda text: None)
        for cell in new:  # rows are paired: the clean victim is the one that stands here
            _copy_clean_ranks(verifier.records[cell.id], folder, again.folder)
        with opened(manifest.metrics, new[0]) as replay:
            report = verifier.computed(3, new, replay, again=again)
            for finding in report.objections:
                raise StoreError(f"{file}: {finding.what}: {finding.why}")
            fresh = measured_afresh(
                new, ours, key=draw_key(), registry=registry, replay=replay, store=again
            )
        _add(target, again, [*(cell.id for cell in new), *(fresh.ids if fresh else ())])
    _write(target, manifest, theirs.submission, ours, [cell.id for cell in new], file, fresh)
    return [cell.id for cell in new]


def _accepted_poison(
    target: Store,
    manifest: Manifest,
    ours: Mapping[str, Record],
    own: Mapping[str, Record],
    file: Path,
    opened: Opening,
) -> list[str]:
    """Measure a poison that was handed in, and add its rows: there are no numbers to compare."""
    submission, sha256 = read_submission(file)
    with (
        tempfile.TemporaryDirectory(prefix="loki-bench-") as made,
        opened(manifest.metrics, next(iter(ours.values())).cell) as replay,
    ):
        cells = cells_of_poison(submission, own, replay.interactions)
        new = [(cell, poison) for cell, poison in cells if cell.id not in ours]
        _refuse_half_rows([cell for cell, _ in new], ours, file)
        if not new:
            return []
        again = Store(Path(made), warn=lambda text: None)
        lay_poison(again, new)
        for record in ours.values():  # rows are paired: the clean victim is the one here
            if record.cell.attacker.name == NO_ATTACK:
                _copy_clean_ranks(record, target.folder, again.folder)
        replay.run([cell for cell, _ in new], again)
        for cell, _ in new:
            record = _record(again, cell.id)
            if record.status != "ok":
                raise StoreError(f"{file}: on {cell.victim.label}: {record.reason}")
        _add(target, again, [cell.id for cell, _ in new])
    plugin = Plugin(distribution="poison handed in", version="", source_sha256=sha256)
    _write(target, manifest, plugin, ours, [cell.id for cell, _ in new], file)
    return [cell.id for cell, _ in new]


def _record(store: Store, cell_id: str) -> Record:
    record = store.record(cell_id)
    if record is None:
        raise StoreError(f"{store.folder}/records/{cell_id}.json is not whole; run the suite again")
    return record


def _refuse_stranger(cell: Cell, own: Mapping[str, Record], file: Path) -> None:
    """Every row must stand beside one of the suite itself that differs in the attack alone.

    Not beside one under a fresh key: that key was drawn for others and is known since.
    """
    theirs = cell.model_dump(mode="json", include=SAME)
    nearest: dict[str, list[JsonValue]] | None = None
    for record in own.values():
        differences = differing_fields([record.cell.model_dump(mode="json", include=SAME), theirs])
        if not differences and cell.is_baseline:
            raise StoreError(
                f"{file}: cell {cell.id} says that its attack is a baseline; what others are "
                "measured against comes with a suite"
            )
        if not differences:
            return
        if nearest is None or len(differences) < len(nearest):
            nearest = differences
    raise StoreError(
        f"{file}: cell {cell.id} has no counterpart in this leaderboard; the nearest one differs "
        f"in {said_differences(nearest or {})}"
    )


def _refuse_half_rows(new: list[Cell], ours: Mapping[str, Record], file: Path) -> None:
    """A row that stands here already, or that lacks a seed, would leave the table unranked."""
    here = {row_key(record.cell) for record in ours.values()}
    seeds = {record.cell.seed for record in ours.values()}
    rows: dict[RowKey, set[int]] = {}
    for cell in new:
        rows.setdefault(row_key(cell), set()).add(cell.seed)
    for key, found in rows.items():
        if key in here:
            raise StoreError(f"{file}: this leaderboard has a row '{key}' already")
        if lacking := lacking_seeds(seeds, found):
            raise StoreError(f"{file}: row '{key}' lacks the seeds {lacking} of this leaderboard")


def _refuse_poison(cell: Cell, verifier: Verifier, file: Path) -> None:
    crafted = verifier.store.read(PoisonCodec(), cell.craft_id)
    if crafted is None:
        raise StoreError(f"{file}: cell {cell.id} comes without a whole poison")
    actions = cell.budget.actions
    if actions == GENUINE:  # crafting again, which draws the lengths again, is what checks them
        actions = int(crafted.poison.lengths.max(initial=1))
    budget = Budget(n_fake_users=cell.budget.n_fake_users, n_actions=actions)
    try:
        validate_poison(
            crafted.poison,
            attacker=cell.attacker.name,
            budget=budget,
            n_items=cell.dataset.n_items,
        )
    except RejectedError as error:
        raise StoreError(f"{file}: cell {cell.id}: {error}") from error


def _copy_clean_ranks(record: Record, source: Path, target: Path) -> None:
    kept = record.artefact_addresses
    names = artefact_paths(source, {"clean_ranks": kept["clean_ranks"]}) if kept else []
    for name in names:
        if is_there(source / name):
            try:
                copy_regular(source / name, target / name, at_most=LARGEST_ARTEFACT)
            except OSError as error:
                raise StoreError(f"{source / name} can't be read: {error.strerror}") from error


def _add(target: Store, again: Store, cell_ids: list[str]) -> None:
    """Artefacts first: a record is the sign that all of its cell is written."""
    for cell_id in cell_ids:
        record = _record(again, cell_id)
        for name in artefact_paths(again.folder, record.artefact_addresses):
            if not (target.folder / name).exists():
                target.write_bytes(
                    name, read_regular(again.folder / name, at_most=LARGEST_ARTEFACT)
                )
        run = again.read_json("runs", cell_id)
        if run is not None:
            target.write_json("runs", cell_id, run)
        target.write_record(record)


def _write(
    target: Store,
    manifest: Manifest,
    plugin: Plugin,
    ours: Mapping[str, Record],
    cell_ids: list[str],
    file: Path,
    fresh: FreshMeasurement | None = None,
) -> None:
    """Say where the rows came from, and write the tables with them."""
    acceptance = Acceptance(
        plugin=plugin,
        cells=tuple(cell_ids),
        file_sha256=digest_of(file, at_most=Limits.total_bytes),
        key=fresh.key if fresh else "",
        fresh=fresh.handed_in if fresh else (),
        beside=fresh.beside if fresh else (),
    )
    known = set(manifest.record_ids)  # of one that was interrupted, the manifest has no cell
    ended = [one for one in accepted_cells(target.folder) if not known.isdisjoint(one.cells)]
    write_accepted(target, [*ended, acceptance])
    write_leaderboard(
        target,
        suite=manifest.suite,
        summary=manifest.summary,
        metrics=manifest.metrics,
        records={**ours, **{cell_id: _record(target, cell_id) for cell_id in cell_ids}},
        missing=manifest.missing,
        plan=manifest.plan,
    )
