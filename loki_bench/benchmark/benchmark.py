"""The Python door: a suite is opened, run, and read as a leaderboard. The command line calls it.

::

    from loki_bench import Benchmark

    benchmark = Benchmark.open("quick", seeds=[0])
    leaderboard = benchmark.run(workers=2)
    leaderboard.frame()
"""

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from loki_bench.benchmark.claim import SuiteFile, claim
from loki_bench.benchmark.own_components import try_own
from loki_bench.bounded_files import home_expanded, is_there
from loki_bench.contracts import Goal
from loki_bench.errors import StoreError, UsageError
from loki_bench.interactions import Interactions
from loki_bench.plugins.registry import Registry
from loki_bench.records.missing import missing_cells
from loki_bench.records.store import Store, artefact_files
from loki_bench.sandbox.installed import installed_plugins
from loki_bench.suite.cell import Cell
from loki_bench.suite.resolve import ResolvedSuite, prepare
from loki_bench.suite.suite import Suite, load_suite, suite_file

if TYPE_CHECKING:  # a method imports what it alone needs: a command that counts cells is quick
    from loki_bench.audit.replay import Replay
    from loki_bench.benchmark.cell_result import CellResult
    from loki_bench.benchmark.one_cell import ComponentChoice
    from loki_bench.benchmark.poison_at_hand import FakeUsers
    from loki_bench.engine.schedule import Plan
    from loki_bench.engine.workers import Workers
    from loki_bench.leaderboard.leaderboard import Leaderboard
    from loki_bench.pipeline.cells import Progress
    from loki_bench.records.schema import Record, Status
    from loki_bench.suite.actions import Actions
    from loki_bench.suite.grid import ChosenMetric

__all__ = ["Benchmark"]


class Benchmark:
    """A suite whose every name is resolved, and its folder of results; see :meth:`open`."""

    def __init__(
        self,
        resolved: ResolvedSuite,
        registry: Registry,
        *,
        results: Path,
        warn: Callable[[str], None],
        file: SuiteFile | None = None,
        whole: "Benchmark | None" = None,
    ) -> None:
        self._resolved, self._registry = resolved, registry
        self._results, self._warn = results, warn
        self._file, self._whole = file, whole

    @classmethod
    def open(
        cls,
        suite: str | Path | Suite,
        *,
        results: str | Path = "results",
        registry: Registry | None = None,
        download: bool = True,
        warn: Callable[[str], None] = warnings.warn,
        key: str | None = None,
        fresh: bool | None = None,
        **changes: object,
    ) -> "Benchmark":
        """Read a suite and its dataset, and check all that can be checked without computing.

        Parameters
        ----------
        suite : str, Path or Suite
            The name of a suite in the package, the path of a ``.toml`` file, or a suite.
        results : str or Path
            Folder of results; the suite has a folder of its own in it. ``~`` is the home folder.
        registry : Registry, optional
            The plugins that take part; all that are installed unless given.
        download : bool
            Whether the dataset may be fetched where it is not on this machine.
        warn : callable of one str
            Is given every file that can't be trusted, and every plugin that can't be loaded.
        key : str, optional
            The run key of a fresh run that was published: 32 hexadecimal digits. The results are
            those of that run, in a folder of their own.
        fresh : bool, optional
            True: the suite's fresh run in the folder of results, whose key is drawn where none is
            kept there; :attr:`run_key` tells it. False: the same, and never drawn.
        **changes
            Other values of the suite's keys, see :meth:`Suite.with_keys`: ``seeds=[0]``,
            ``budget={"fake_users": 0.01}``. The cells keep their folder, whose tables are those
            of the last run; with ``name="mine"`` they get another.

        Raises
        ------
        UsageError
            Names what is wrong with the suite, a component or the data.
        """
        try:
            results = home_expanded(results)
        except ValueError as error:
            raise UsageError(f"results: {error}") from error
        loaded = suite if isinstance(suite, Suite) else load_suite(str(suite))
        file = None if isinstance(suite, Suite) else SuiteFile(suite_file(str(suite)), loaded)
        if changes:
            loaded = loaded.with_keys(changes)
        if key is not None or fresh is not None:
            from loki_bench.benchmark.run_key import under_fresh_key, under_key

            if key is not None and fresh is not None:
                raise UsageError("a fresh run draws its key: give a key, or fresh, not both")
            loaded = (
                under_fresh_key(loaded, results, draw=fresh is True)
                if key is None
                else under_key(loaded, key)
            )
            file = None if file is None else SuiteFile(file.path, loaded)
        if registry is None:
            registry = installed_plugins()
            for plugin in registry.broken:
                warn(f"skipped {plugin}")
        resolved = prepare(loaded, registry, download=download)
        benchmark = cls(resolved, registry, results=results, warn=warn, file=file)
        try_own(loaded.name, benchmark._store().unknown(benchmark.cells))
        return benchmark

    def part(
        self,
        *,
        attackers: Sequence[str] = (),
        victims: Sequence[str] = (),
        seeds: Sequence[int] = (),
        settings: Iterable[tuple[str, object]] = (),
    ) -> "Benchmark":
        """The suite with some of its attackers, victims and seeds, and with other values of keys.

        Where all of its cells and metrics are this suite's the records lie in this suite's
        folder, with all of its metrics, and its leaderboard is never written: the folder's tables
        stay those of the whole. Else it is a suite of its own, with a name and a folder that no
        other change has.

        Parameters
        ----------
        settings : iterable of (key, value)
            A dotted key names one in a table: ``("budget.fake_users", 0.1)``.

        Raises
        ------
        UsageError
            As :meth:`open`.
        """
        from loki_bench.suite.changes import name_of_part, narrowed, with_settings

        whole = self.suite
        suite = narrowed(
            with_settings(whole, settings), attackers=attackers, victims=victims, seeds=seeds
        )
        if (suite.dataset, suite.split, suite.repeats) == (
            whole.dataset,
            whole.split,
            whole.repeats,
        ):
            resolved = self._resolved.changed(suite, self._registry)
        else:
            resolved = prepare(suite, self._registry, download=False)
        ids = {cell.id for cell in self.cells}
        labels = {metric.label for metric in self._resolved.grid.metrics}
        is_part = (
            suite.folder == whole.folder
            and all(cell.id in ids for cell in resolved.grid.cells)
            and all(metric.label in labels for metric in resolved.grid.metrics)
        )
        if not is_part and suite.folder == whole.folder:
            named = suite.with_keys({"name": name_of_part(whole, suite, resolved.file_contents)})
            resolved = replace(resolved, suite=named)
        return Benchmark(
            resolved,
            self._registry,
            results=self._results,
            warn=self._warn,
            file=self._file if is_part else None,
            whole=self if is_part else None,
        )

    @property
    def suite(self) -> Suite:
        """The suite, with the changes."""
        return self._resolved.suite

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The suite's cells in the order of its file."""
        return self._resolved.grid.cells

    @property
    def whole(self) -> "Benchmark | None":
        """The suite that this is a part of, whose folder it shares; None where it is whole."""
        return self._whole

    @property
    def run_key(self) -> str:
        """What all random draws are keyed with; empty where they are public."""
        return self.suite.protocol.key

    @property
    def interactions(self) -> Interactions:
        """The whole dataset, test events included; attackers know what comes before them."""
        return self._resolved.interactions

    @property
    def notes(self) -> tuple[str, ...]:
        """What whoever publishes a number should know of the data, and of poison from files."""
        return self._resolved.notes

    @property
    def folder(self) -> Path:
        """Where the suite's results are."""
        return self._results / self.suite.folder

    def goal(self, seed: int) -> Goal:
        """The target items and target users of a seed, the same in every cell of it."""
        from loki_bench.suite.goal import draw_goal

        return draw_goal(self._resolved.split, self.suite.protocol, seed)

    def plan(self, cells: Sequence[Cell] | None = None) -> "Plan":
        """What is left to compute and, by earlier runs in the folder, how long that takes.

        Of the cells of :meth:`missing`, unless others are given.
        """
        from loki_bench.pipeline.cells import plan_cells
        from loki_bench.pipeline.craft_again import cells_to_repeat

        return plan_cells(
            self.missing() if cells is None else cells,
            self._measured,
            self._store(),
            repeated=cells_to_repeat((self._whole or self).cells),
        )

    def status(self) -> dict[str, int]:
        """How many cells are ``ok``, ``rejected``, ``failed``, ``timeout`` or ``missing``.

        As :meth:`missing` has it, a cell is missing, too, whose record lacks a metric.
        """
        records, missing = self._found()
        counts = Counter(str(record.status) for record in records.values())
        if missing:
            counts["missing"] = len(missing)
        return dict(sorted(counts.items()))

    def missing(self, *, retry_failed: bool = False) -> list[Cell]:
        """Cells that have no result yet; with ``retry_failed`` also those that did not end well."""
        grid = self._resolved.grid
        return missing_cells(grid, self._store().records(grid.cells), retry_failed=retry_failed)

    def to_compute(self, *, retry_failed: bool = False) -> list[Cell]:
        """Cells that :meth:`run` computes: the missing ones, and one for each damaged artefact.

        Every artefact is read, which takes a moment. One that is gone was left out: whoever wants
        it again deletes the records that name it, too.
        """
        from loki_bench.records.manifest import read_manifest

        store = self._store()
        records = store.records(self.cells)
        missing = missing_cells(self._resolved.grid, records, retry_failed=retry_failed)
        wanted = {cell.id for cell in missing}
        listed: Mapping[str, str | None] = {}
        with suppress(StoreError):  # there is none before the first leaderboard
            listed = read_manifest(store.folder).files
        looked_at: set[str] = set()
        for cell_id, record in records.items():
            for file in artefact_files(record.artefact_addresses):
                if cell_id in wanted or file in looked_at or not is_there(store.folder / file):
                    continue
                looked_at.add(file)
                if not store.is_whole(file, listed.get(file)):
                    wanted.add(cell_id)
        return [cell for cell in self.cells if cell.id in wanted]

    def run(
        self,
        workers: "int | Workers | None" = None,
        *,
        scheduler: str | None = None,
        retry_failed: bool = False,
        progress: "Progress | bool" = True,
    ) -> "Leaderboard":
        """Compute the cells of :meth:`to_compute`, and write the leaderboard.

        Every cell is kept as it ends. After an interrupt the same call goes on from there.

        Parameters
        ----------
        workers : int, Workers or None
            Processes of one thread each, as many as there are processors unless given.
        scheduler : str or None
            Address of a Dask cluster to run on instead.
        retry_failed : bool
            Whether cells that did not end well are computed again.
        progress : Progress or bool
            Told how the run goes. True shows a bar on a terminal or in a notebook and lines
            elsewhere, on standard error; False shows nothing.

        Raises
        ------
        StoreError, ClusterError
            See :func:`loki_bench.pipeline.cells.run_cells`. What was written before stays.
        """
        cells = self.to_compute(retry_failed=retry_failed)
        self.compute(cells, workers, scheduler=scheduler, progress=progress)
        return self.leaderboard()

    def compute(
        self,
        cells: Sequence[Cell],
        workers: "int | Workers | None" = None,
        *,
        scheduler: str | None = None,
        progress: "Progress | bool" = True,
    ) -> "Counter[Status]":
        """Compute these cells and write no table; returns how many ended how. See :meth:`run`."""
        from loki_bench.records.plugin_code import changed_plugins

        for sentence in changed_plugins(self.folder, self.cells):
            self._warn(sentence)
        return self._compute(cells, self._store(), workers, scheduler, progress)

    def leaderboard(self) -> "Leaderboard":
        """Write the leaderboard again from the records; of a :meth:`part` nothing is written.

        In a folder that can't be written to it is only made, and a warning says so.

        Raises ``StoreError`` where there is no record at all.
        """
        from loki_bench.leaderboard.folder import accepted_records, handed_in, write_leaderboard
        from loki_bench.leaderboard.leaderboard import Leaderboard
        from loki_bench.leaderboard.plan import plan_of
        from loki_bench.leaderboard.tabulation import tables_of

        store = self._store()
        records, missing = self._found()
        metrics = [metric.label for metric in self._resolved.grid.metrics]
        if not records:
            from loki_bench.records.packed import is_packed

            if is_packed(self.folder):
                raise StoreError(
                    f"{self.folder} is packed, as it was published: its tables are in it (see "
                    f"{self.folder / 'leaderboard.md'}), and `loki-bench report` and `loki-bench "
                    "compare` read it; computing goes into a folder of results of your own"
                )
            raise StoreError(
                f"{self.folder} has no result of suite '{self.suite.name}'; type `loki-bench run` "
                "or call Benchmark.run first"
            )
        is_open = os.access(self.folder, os.W_OK)
        if is_open:
            self._claim()
        elif self._whole is None:
            self._warn(f"{self.folder} can't be written to: its tables stay as they were there")
        if is_open and self._whole is None:
            tables = write_leaderboard(
                store,
                suite=self.suite.name,
                summary=self.suite.summary,
                metrics=metrics,
                records=records,
                missing=missing,
                plan=plan_of(self.suite, self.cells),
            )
            shown = {**records, **accepted_records(store, records)}
        else:
            shown = {**records, **({} if self._whole else accepted_records(store, records))}
            tables = tables_of(
                shown.values(), missing, metrics=metrics, handed_in=handed_in(store.folder)
            )
        return Leaderboard(
            name=self.suite.name,
            summary=self.suite.summary,
            metrics=tuple(metrics),
            tables=tuple(tables),
            records=tuple(shown.values()),
            missing=tuple(missing),
            interactions=self.interactions,
        )

    def merge(
        self, folders: Iterable[str | Path], *, sample: int = 1
    ) -> dict[Path, tuple[int, int]]:
        """Copy the cells that other results folders have and this one lacks.

        Parameters
        ----------
        folders : iterable of str or Path
            Folders of results, each with a folder of the suite in it.
        sample : int
            So many drawn cells of each are measured, and their victims trained, again first.

        Returns
        -------
        dict of Path to (n_copied, n_kept)
            For each folder, cells copied and cells that were here before.

        Raises
        ------
        StoreError
            A folder has no record of the suite, two tell different things of one cell, or a drawn
            cell does not come out again. Nothing is copied.
        """
        from loki_bench.audit.shards import check_shard
        from loki_bench.records.merge import merge, refuse_conflicts

        grid, target = self._resolved.grid, self._store()
        sources = {Path(folder): self._store(Path(folder)) for folder in folders}
        for folder, source in sources.items():
            if len(source.unknown(grid.cells)) == len(grid.cells):
                raise StoreError(
                    f"{folder} has no record of suite '{self.suite.name}': expected a folder of "
                    f"results, as --results names it, with records in {source.folder}. Leave it "
                    "out, or name the folder that is meant; nothing is merged"
                )
        refuse_conflicts(grid, [target, *sources.values()])
        for source in sources.values() if sample else ():
            new = [cell for cell in grid.cells if target.record(cell.id) is None]
            for finding in check_shard(
                source, new, registry=self._registry, opened=self._replay, sample=sample
            ):
                self._warn(f"{source.folder / finding.what}: not judged: {finding.why}")
        return {folder: merge(grid, target, source) for folder, source in sources.items()}

    @contextmanager
    def _replay(self) -> "Iterator[Replay]":
        """What computing cells again needs."""
        from loki_bench.audit.replay import Replay
        from loki_bench.engine.workers import LocalWorkers
        from loki_bench.pipeline.cells import NoProgress

        seconds = self.suite.limits.seconds
        with LocalWorkers.open(1, seconds=seconds) as workers:
            yield Replay(
                metrics=self._resolved.grid.metrics,
                dataset=self._resolved.dataset,
                interactions=self.interactions,
                bounds=self._resolved.bounds,
                workers=workers,
                seconds=seconds,
                progress=NoProgress(),
            )

    def evaluate(
        self,
        *,
        victim: "ComponentChoice",
        attacker: "ComponentChoice",
        seed: int,
        defense: "ComponentChoice" = "none",
        fake_users: float | None = None,
        actions: "Actions | None" = None,
        simulator: str | None = None,
        placebo: bool = False,
        workers: "int | Workers" = 1,
        progress: "Progress | bool" = False,
    ) -> "CellResult":
        """Compute one cell and what it needs, unless it has a result.

        The components need not be the suite's: any that is installed may be named. A name that
        the suite has stands for the suite's choice, with its parameters. A cell of another suite
        is kept in the folder's ``work``.

        Raises
        ------
        UsageError
            As :meth:`open`; or the suite has several budgets or simulators and none was chosen.
        """
        from loki_bench.benchmark.cell_result import result_in
        from loki_bench.benchmark.one_cell import one_cell

        cell = one_cell(
            self._resolved,
            self._registry,
            {"victims": victim, "attackers": attacker, "defenses": defense},
            seed=seed,
            fake_users=fake_users,
            actions=actions,
            simulator=simulator,
            placebo=placebo,
        )
        store = self._store() if cell in self.cells else self._work_store()
        if self._lacks(store, cell):
            self._compute([cell], store, workers, None, progress)
        return result_in(store, cell.id)

    def evaluate_poison(
        self,
        poison: "FakeUsers",
        *,
        victim: "ComponentChoice",
        seed: int,
        defense: "ComponentChoice" = "none",
        workers: "int | Workers" = 1,
        progress: "Progress | bool" = False,
    ) -> "CellResult":
        """Train a victim on fake users that are at hand, and measure it as every cell is.

        They may be of any number and length: the record says how many there were.

        Parameters
        ----------
        poison : Sequences, or iterable of rows
            A row for each fake user, oldest action first, of item numbers or of item tokens.

        Raises
        ------
        UsageError
            As :meth:`open`; or an item is not in the dataset.
        """
        from loki_bench.benchmark.cell_result import result_in
        from loki_bench.benchmark.one_cell import one_cell
        from loki_bench.benchmark.poison_at_hand import cell_with, sequences_of
        from loki_bench.pipeline.craft import Poison, PoisonCodec

        fake_users = sequences_of(poison, self.interactions)
        budget = self.suite.budget
        unpoisoned = one_cell(
            self._resolved,
            self._registry,
            {"victims": victim, "attackers": "none", "defenses": defense},
            seed=seed,
            fake_users=budget.fake_users[0],
            actions=budget.actions[0],
        )
        cell, store = cell_with(fake_users, unpoisoned), self._work_store()
        if self._lacks(store, cell):
            store.write(PoisonCodec(), cell.craft_id, Poison(poison=fake_users, report={}))
            self._compute([cell], store, workers, None, progress)
        return result_in(store, cell.id)

    def _compute(
        self,
        cells: Sequence[Cell],
        store: Store,
        workers: "int | Workers | None",
        scheduler: str | None,
        progress: "Progress | bool",
    ) -> "Counter[Status]":
        from loki_bench.sandbox.scratch import swept
        from loki_bench.whole_files import sweep_parts

        with swept():
            sweep_parts(store.folder, below=True)  # what runs that were killed left
            if not cells:
                return Counter()
            return self._computed(cells, store, workers, scheduler, progress)

    def _computed(
        self,
        cells: Sequence[Cell],
        store: Store,
        workers: "int | Workers | None",
        scheduler: str | None,
        progress: "Progress | bool",
    ) -> "Counter[Status]":
        from loki_bench.benchmark.poison_at_hand import lay_down
        from loki_bench.engine.open_workers import open_workers
        from loki_bench.engine.versions import needed_modules, needed_versions
        from loki_bench.pipeline.cells import run_cells
        from loki_bench.pipeline.craft_again import cells_to_repeat
        from loki_bench.progress import progress_of
        from loki_bench.records.data_places import keep_data_places
        from loki_bench.records.plugin_code import keep_plugin_code

        limits = self.suite.limits
        with (
            open_workers(
                workers,
                scheduler,
                seconds=limits.seconds,
                modules=needed_modules(cells, self._measured),
                versions={} if scheduler is None else needed_versions(self._resolved.grid),
                warn=self._warn,
            ) as pool,
            progress_of(progress) as shown,
        ):
            self._claim()  # with workers at hand: who asks for none that there are writes nothing
            keep_data_places(store, self.suite.dataset.parameters)
            keep_plugin_code(store, cells, planned=self.cells)
            lay_down(store, cells, self._resolved.handed_in)
            return run_cells(
                cells,
                self._measured,
                store=store,
                workers=pool,
                interactions=self.interactions,
                bounds=self._resolved.bounds,
                limits=limits,
                progress=shown,
                repeated=cells_to_repeat((self._whole or self).cells),
            )

    @property
    def _measured(self) -> "tuple[ChosenMetric, ...]":
        """What a record of this folder holds: of a part, too, all metrics of the whole."""
        return (self._whole or self)._resolved.grid.metrics

    def _found(self) -> "tuple[dict[str, Record], list[Cell]]":
        """The records that can be used by cell id, and the cells that have none."""
        grid = self._resolved.grid
        records = self._store().records(grid.cells)
        missing = missing_cells(grid, records, retry_failed=False)
        lacking = {cell.id for cell in missing}
        return {id_: record for id_, record in records.items() if id_ not in lacking}, missing

    def _lacks(self, store: Store, cell: Cell) -> bool:
        grid = replace(self._resolved.grid, cells=(cell,))
        return bool(missing_cells(grid, store.records(grid.cells), retry_failed=False))

    def _claim(self) -> None:
        """Refuse to write into the folder of another suite file."""
        if self._file is not None and self._file.suite.folder == self.suite.folder:
            contents = (self._whole or self)._resolved.file_contents
            claim(self._store(), self._file, contents)

    def _store(self, results: Path | None = None) -> Store:
        """The suite's folder in a folder of results; suites of a family read each other's work."""
        folder = (results or self._results) / self.suite.folder
        return Store(folder, warn=self._warn, fallback_stores=self._siblings(folder))

    def _work_store(self) -> Store:
        """Where cells are kept that are not the suite's; what the suite has computed is read."""
        return Store(
            self.folder / "work" / "cells",
            warn=self._warn,
            fallback_stores=self._siblings(self.folder),
            trusted_stores=[self.folder],
        )

    def _siblings(self, folder: Path) -> list[Path] | None:
        if self.suite.family is None:
            return None
        return [other for other in sorted(folder.parent.glob("*/")) if other != folder]
