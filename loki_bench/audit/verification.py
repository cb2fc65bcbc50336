"""Verifies a leaderboard folder level by level."""

import tempfile
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loki_bench.audit.difference import cell_difference, record_difference
from loki_bench.audit.estimators import estimator_levels
from loki_bench.audit.findings import Finding, LevelReport, Verification
from loki_bench.audit.hashes import artefacts_left_out, check_hashes, check_packs
from loki_bench.audit.installed import record_of, why_not_runnable
from loki_bench.audit.planned import check_plan
from loki_bench.audit.replay import Opening, RefuseJobs, Replay, copy_artefacts
from loki_bench.audit.signature import read_signature, trusted_keys_file
from loki_bench.audit.written_again import compare_drawn, compare_tables
from loki_bench.engine.run_log import environment, environment_fingerprint
from loki_bench.errors import StoreError
from loki_bench.leaderboard.folder import ACCEPTED, PAGE, handed_in
from loki_bench.leaderboard.rendering import leaderboard_files
from loki_bench.leaderboard.rows import row_key, table_row
from loki_bench.leaderboard.tabulation import tables_of
from loki_bench.plugins.registry import Registry
from loki_bench.records.manifest import SIGNATURE, Manifest, read_manifest
from loki_bench.records.opening import as_working_folder
from loki_bench.records.schema import Record
from loki_bench.records.store import Store
from loki_bench.suite.cell import Cell
from loki_bench.suite.suite import Suite

__all__ = ["Verifier", "verify"]


@dataclass(frozen=True, kw_only=True)
class Recomputation:
    """What a level computes again, and what it takes from the folder instead.

    Attributes
    ----------
    stored : tuple of str
        Kinds of artefacts that are taken from the folder, not computed.
    unused : tuple of str
        Fields of a cell whose components are then not needed.
    """

    stored: tuple[str, ...]
    unused: tuple[str, ...] = ()


CRAFTING = ("attacker", "influence", "surrogates")
RECOMPUTED: dict[int, Recomputation] = {
    # metrics: measured again
    2: Recomputation(
        stored=("poison", "defense", "ranks"), unused=(*CRAFTING, "victim", "defense")
    ),
    # victims: trained again on the stored poison, and measured
    3: Recomputation(stored=("poison",), unused=CRAFTING),
    # poison: crafted again from nothing. Ranks may be used again where the poison is the same:
    # their address is the poison's content, and level 3 is what checks them.
    4: Recomputation(stored=("defense", "ranks")),
}


def verify(
    leaderboard: Path,
    *,
    levels: Collection[int],
    registry: Registry,
    opened: Opening,
    sample: int | None = None,
    seed: int = 0,
    suite: Suite | None = None,
    trusted_keys: Path | None = None,
) -> Verification:
    """Check a leaderboard.

    Parameters
    ----------
    leaderboard : Path
        A working folder, a packed one, or a submitted file.
    levels : collection of int
        See :data:`loki_bench.audit.findings.LEVELS`. Hashes are always checked first: nothing is
        computed from a folder whose manifest can't be read.
    opened : callable
        Called once, and only if a level computes something.
    sample, seed : int
        Compute this many cells again, drawn by the seed, instead of all; files and tables are
        always checked whole.
    suite : Suite or None
        What level 6 takes for the plan, see :func:`loki_bench.audit.planned.check_plan`.
    trusted_keys : Path or None
        Keys of which one must have signed the manifest. None: it need not be signed; if it is, it
        is told by whom, of the keys in :func:`loki_bench.audit.signature.trusted_keys_file`.
    """
    packs = check_packs(leaderboard)
    if packs.problems:  # nothing is read from them
        return Verification(leaderboard=str(leaderboard), levels=(packs,))
    with as_working_folder(leaderboard) as folder:
        levels_found, notes = _levels(
            folder, leaderboard, levels, registry, opened, sample, seed, suite
        )
    levels_found[0].n_checked += packs.n_checked if levels_found[0].number == 1 else 0
    if why := _wrong_signature(leaderboard, trusted_keys, notes):
        if levels_found[0].number != 1:
            levels_found.insert(0, LevelReport(1))
        levels_found[0].problems.append(Finding(SIGNATURE, why))
    return Verification(
        leaderboard=str(leaderboard), levels=tuple(levels_found), notes=tuple(notes)
    )


def _wrong_signature(leaderboard: Path, trusted: Path | None, notes: list[str]) -> str | None:
    """What is wrong with the signature; what is right with it becomes a note."""
    found = read_signature(leaderboard, trusted or trusted_keys_file())
    if found is None:
        return None if trusted is None else f"nobody signed it; expected a key of {trusted}"
    if not found.is_valid or (trusted is not None and found.signer is None):
        return found.told
    notes.append(found.told)
    return None


def _levels(
    folder: Path,
    leaderboard: Path,
    levels: Collection[int],
    registry: Registry,
    opened: Opening,
    sample: int | None,
    seed: int,
    suite: Suite | None,
) -> tuple[list[LevelReport], list[str]]:
    """What every level finds in a working folder, in order, and notes."""
    found, notes = check_hashes(folder)
    reports = {1: found}
    try:
        manifest = read_manifest(folder)
    except StoreError:
        return [found], notes
    if manifest.subject == "estimators":
        reports |= estimator_levels(folder, manifest, levels, notes)
        return [reports[number] for number in sorted(reports)], notes
    verifier = Verifier.of(folder, manifest, registry)
    if 5 in levels:
        reports[5] = verifier.tables()
    if 6 in levels:
        name = leaderboard.resolve().name
        reports[6] = check_plan(folder, manifest, verifier.cells, registry, suite=suite, named=name)
    computed = sorted(set(levels) & {2, 3, 4})
    chosen = verifier.sampled(sample, seed)
    if computed and chosen:
        with opened(manifest.metrics, chosen[0]) as replay:
            for level in computed:
                cells = verifier.sampled(sample, seed, with_artefacts=level < 4)
                reports[level] = verifier.computed(level, cells, replay)
    else:
        reports |= {level: LevelReport(level) for level in computed}
    if sample is not None:
        notes.append(f"levels 2 to 4 looked at {len(chosen)} of {len(verifier.cells)} cells")
    if 1 not in levels and not found.problems:
        del reports[1]
    return [reports[number] for number in sorted(reports)], notes


@dataclass(frozen=True)
class Verifier:
    """One leaderboard folder, read once.

    Attributes
    ----------
    records : mapping of cell id to Record
        Those whose cell has the id that they say.
    unreadable : list of Finding
        Records that can't be used.
    """

    folder: Path
    manifest: Manifest
    registry: Registry
    store: Store
    records: dict[str, Record]
    unreadable: list[Finding]

    @classmethod
    def of(cls, folder: Path, manifest: Manifest, registry: Registry) -> "Verifier":
        """Read the records that a manifest lists."""
        store = Store(folder, warn=lambda text: None)
        records: dict[str, Record] = {}
        unreadable = []
        for cell_id in manifest.record_ids:
            record = record_of(store, cell_id)
            if isinstance(record, str):
                unreadable.append(Finding(f"records/{cell_id}.json", record))
            else:
                records[cell_id] = record
        return cls(folder, manifest, registry, store, records, unreadable)

    @property
    def cells(self) -> dict[str, Cell]:
        """The cells of the records, by their ids."""
        return {cell_id: record.cell for cell_id, record in self.records.items()}

    def sampled(self, n: int | None, seed: int, *, with_artefacts: bool = False) -> list[Cell]:
        """The cells to compute again; of a published sample where they need poison and ranks."""
        sample = self.manifest.sample if with_artefacts else None
        cells = [
            self.records[cell_id].cell
            for cell_id in sorted(self.records)
            if sample is None or cell_id in sample.cells
        ]
        if n is None or n >= len(cells):
            return cells
        drawn = np.random.default_rng(seed).choice(len(cells), n, replace=False)
        return [cells[int(i)] for i in sorted(drawn)]

    def tables(self) -> LevelReport:
        """Level 5: tables, page and figures of these records, byte for byte."""
        report = LevelReport(5, problems=list(self.unreadable))
        tables = tables_of(
            self.records.values(),
            self.manifest.missing,
            metrics=self.manifest.metrics,
            handed_in=handed_in(self.folder),
        )
        files = leaderboard_files(self.manifest.suite, self.manifest.summary, tables)
        listed = {name for name in self.manifest.files if "/" not in name} - {ACCEPTED, PAGE}
        compare_tables(report, self.folder, listed, files)
        if not self.unreadable:  # nothing can be drawn of a record that can't be read
            compare_drawn(report, self.folder)
        return report

    def computed(
        self, level: int, cells: Sequence[Cell], replay: Replay, *, again: Store | None = None
    ) -> LevelReport:
        """Levels 2 to 4: compute cells again from what the folder holds, and compare.

        ``again`` keeps what was computed; without it, it is thrown away.
        """
        report = LevelReport(level, problems=list(self.unreadable))
        recomputed = RECOMPUTED[level]
        left_out = artefacts_left_out(self.folder, self.manifest) if level < 4 else None
        if left_out is not None:
            report.not_judged.append(left_out)
            if self.manifest.sample is None:
                return report
        runnable = []
        for cell in cells:
            why = self._why_not(cell, level, replay)
            if why is None:
                runnable.append(cell)
            else:
                report.not_judged.append(Finding(self._named(cell), why))
        with tempfile.TemporaryDirectory(prefix="loki-bench-") as temporary:
            again = again or Store(Path(temporary), warn=lambda text: None)
            for cell in runnable:
                artefacts = self.records[cell.id].artefact_addresses
                copy_artefacts(self.folder, again.folder, artefacts, kinds=recomputed.stored)
            workers = replay.workers
            if level < 4:
                workers = RefuseJobs(workers, ranks_are_stored="ranks" in recomputed.stored)
            replay.run(runnable, again, workers=workers)
            for cell in runnable:
                self._compare(cell, again, report)
        return report

    def _why_not(self, cell: Cell, level: int, replay: Replay) -> str | None:
        status = self.records[cell.id].status
        if status != "ok" and level < 4:
            return f"it has no poison and no ranks ({status})"
        if cell.dataset.fingerprint != replay.dataset.fingerprint:
            return f"it is about other data (fingerprint {cell.dataset.fingerprint})"
        return why_not_runnable(cell, self.registry, but=(*RECOMPUTED[level].unused, "dataset"))

    def _compare(self, cell: Cell, again: Store, report: LevelReport) -> None:
        old, new = self.records[cell.id], again.record(cell.id)
        if new is None:
            report.problems.append(Finding(self._named(cell), "it left no record here"))
            return
        if report.number == 2:
            difference = record_difference(old, new)
        else:
            difference = cell_difference(self.store, again, old, new)
        if difference is None:
            report.n_checked += 1
        elif old.status == "timeout":
            self._compare_timeout(cell, again, new, report)
        elif report.number == 2 or self._same_environment(cell):
            report.n_checked += 1
            report.problems.append(Finding(self._named(cell), difference))
        else:
            self._compare_elsewhere(cell, again, old, new, difference, report)

    def _compare_timeout(self, cell: Cell, again: Store, new: Record, report: LevelReport) -> None:
        """A rival is easily called late: where there is ample time, it must run out here, too."""
        if new.status == "timeout":
            report.n_checked += 1  # the reason's words name the limit
            return
        limit = _time_limit(self.manifest)
        seconds = _longest_step(again, cell.id)
        ended = f"ends as {new.status}; its longest step took {seconds:.1f} s here"
        if limit is None or 2 * seconds > limit:
            why = f"it ran out of time in the record, and {ended}"
            report.not_judged.append(Finding(self._named(cell), why))
            return
        report.n_checked += 1
        why = f"it ran out of time in the record, which gave it {limit:g} s, and {ended}"
        report.problems.append(Finding(self._named(cell), why))

    def _compare_elsewhere(
        self,
        cell: Cell,
        again: Store,
        old: Record,
        new: Record,
        difference: str,
        report: LevelReport,
    ) -> None:
        """Another machine or other versions: no farther off than seeds are from each other here."""
        name = self._named(cell)
        if old.status != new.status:
            report.n_checked += 1
            report.problems.append(Finding(name, f"it ends as {new.status}: {new.reason}"))
            return
        if old.status != "ok":
            report.n_checked += 1  # the reason's words may name the machine
            return
        spread = self._spread(cell, again)
        if not spread:
            why = (
                "other machine or versions, and one seed that is computed here has no spread; "
                f"here {difference}"
            )
            report.not_judged.append(Finding(name, why))
            return
        report.n_checked += 1
        for label, allowed in spread.items():
            before, after = old.value(label), new.value(label)
            if before is None or after is None:
                near = before is after
            else:
                near = abs(before - after) <= allowed
            if not near:
                report.problems.append(
                    Finding(
                        name,
                        f"{label} is {before!r} in the record and {after!r} here, on another "
                        f"machine or other versions; its seeds lie within {allowed!r}",
                    )
                )
                return

    def _spread(self, cell: Cell, again: Store) -> dict[str, float]:
        """By metric, how far the seeds of the cell's row lie apart; empty for one seed.

        Of what was computed here: a forged seed would widen the spread that it is judged by.
        """
        row = table_row(cell)
        values: dict[str, list[float]] = defaultdict(list)
        n_seeds = 0
        for cell_id, record in self.records.items():
            if table_row(record.cell) != row or (new := again.record(cell_id)) is None:
                continue
            if new.status == "ok":
                n_seeds += 1
                for metric in new.metrics:
                    values[metric.label] += [] if metric.value is None else [metric.value]
        if n_seeds < 2:
            return {}
        return {label: max(own) - min(own) if own else 0.0 for label, own in values.items()}

    def _same_environment(self, cell: Cell) -> bool:
        run = self.store.read_json("runs", cell.id)
        if run is None:
            return False
        here = environment_fingerprint(environment())
        return environment_fingerprint(run.get("environment", {})) == here

    def _named(self, cell: Cell) -> str:
        return f"records/{cell.id}.json ({row_key(cell)}, seed {cell.seed})"


def _time_limit(manifest: Manifest) -> float | None:
    """The seconds that the suite gave a job, if the manifest tells."""
    limits = None if manifest.plan is None else manifest.plan.suite.get("limits")
    seconds = limits.get("seconds") if isinstance(limits, dict) else None
    return float(seconds) if isinstance(seconds, (int, float)) else None


def _longest_step(store: Store, cell_id: str) -> float:
    """The wall seconds of the longest step of a cell that was computed here."""
    run = store.read_json("runs", cell_id) or {}
    timings = run.get("timings")
    steps = timings.values() if isinstance(timings, dict) else ()
    told = [step.get("wall_seconds") for step in steps if isinstance(step, dict)]
    return max((float(seconds) for seconds in told if isinstance(seconds, (int, float))), default=0)
