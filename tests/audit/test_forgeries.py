"""A forger who writes the whole manifest anew is found all the same, and what is wrong is named."""

import shutil
from pathlib import Path

import pytest
from made_up_records import with_value

from loki_bench.audit.verification import verify
from loki_bench.leaderboard.folder import write_leaderboard
from loki_bench.leaderboard.plan import plan_of
from loki_bench.pipeline.retrain import VictimRanksCodec
from loki_bench.plugins.registry import discover
from loki_bench.records.manifest import put_manifest, read_manifest
from loki_bench.records.schema import Record
from loki_bench.records.store import Store
from loki_bench.suite.suite import Suite

HONEST = {
    "name": "honest",
    "summary": "Toys",
    "attackers": ["none", "random", "asks-surrogates"],
    "metrics": ["display_rate@5", "hr@5"],
}
RIVAL = "asks-surrogates"


@pytest.fixture(scope="module")
def board(tmp_path_factory, compute_here):
    return compute_here(tmp_path_factory.mktemp("boards") / "honest", **HONEST)


@pytest.fixture
def folder(board, tmp_path):
    return Path(shutil.copytree(board, tmp_path / "honest"))


class Forger:
    """Changes a folder and hides it: tables and manifest are made anew from what is left."""

    def __init__(self, folder):
        self.folder, self.store = folder, Store(folder, warn=print)
        self.manifest = read_manifest(folder)
        self.plan = self.manifest.plan
        self.suite, self.summary = self.manifest.suite, self.manifest.summary
        self.metrics = self.manifest.metrics

    def records(self, attacker=None, *, placebo=False):
        found = [self.store.record(path.stem) for path in (self.folder / "records").iterdir()]
        chosen = [
            r
            for r in found
            if attacker is None or (r.cell.attacker.name == attacker and r.cell.placebo == placebo)
        ]
        return sorted(chosen, key=lambda record: record.cell.seed)

    def drop(self, records):
        for record in records:
            (self.folder / "records" / f"{record.id}.json").unlink()
            (self.folder / "runs" / f"{record.id}.json").unlink()

    def forge_ranks(self, record):
        """A rival's targets in the last place, and the metric that this gives."""
        address = record.artefacts.ranks
        ranks = self.store.read(VictimRanksCodec(), address)
        last = type(ranks)(**{**vars(ranks), "target_ranks": ranks.target_ranks * 0 + 30})
        self.store.write(VictimRanksCodec(), address, last)
        self.store.write_record(with_value(record, "display_rate@5", 0.0))

    def on_another_machine(self, records):
        for record in records:
            run = self.store.read_json("runs", record.id)
            run["environment"]["cpu"] = "another"
            self.store.write_json("runs", record.id, run)

    def with_suite(self, **changes):
        """A suite and a plan that ask for no more than what is left."""
        suite = Suite.model_validate({**self.plan.suite, **changes})
        self.plan = plan_of(suite, [record.cell for record in self.records()])

    def seal(self):
        records = {record.id: record for record in self.records()}
        (self.folder / "manifest.json").unlink()
        write_leaderboard(
            self.store,
            suite=self.suite,
            summary=self.summary,
            metrics=self.metrics,
            records=records,
            missing=(),
            plan=self.plan,
        )


def metrics(forger):
    forger.store.write_record(with_value(forger.records("random")[0], "hr@5", 0.875))


def ranks_of_all_seeds(forger):
    for record in forger.records("random"):
        forger.forge_ranks(record)


def ranks_of_one_seed_without_runs(forger):
    forger.forge_ranks(forger.records("random")[0])
    shutil.rmtree(forger.folder / "runs")


def ranks_of_one_seed_on_another_machine(forger):
    forger.forge_ranks(forger.records("random")[0])
    forger.on_another_machine(forger.records("random"))


def missing_rows(forger):
    forger.drop([*forger.records(RIVAL), *forger.records(RIVAL, placebo=True)])


def a_rivals_timeout(forger):
    for record in forger.records(RIVAL):
        lost = Record(
            id=record.id, cell=record.cell, status="timeout", reason="it ran over its time limit"
        )
        forger.store.write_record(lost)


def dropped_seeds(forger):
    forger.drop([record for record in forger.records() if record.cell.seed == 2])


def dropped_placebos(forger):
    for attacker in ("random", RIVAL):
        forger.drop(forger.records(attacker, placebo=True))


def a_dropped_baseline(forger):
    forger.drop([*forger.records("random"), *forger.records("random", placebo=True)])


def a_baseline_that_counts_as_an_attack(forger):
    for record in forger.records("random"):
        cell = record.cell.model_copy(update={"is_baseline": not record.cell.is_baseline})
        forger.store.write_record(record.model_copy(update={"cell": cell}))


def another_main_metric(forger):
    forger.metrics = forger.metrics[::-1]


def a_renamed_suite(forger):
    forger.suite, forger.summary = "famous", "The one that everybody cites"


def no_plan(forger):
    dropped_seeds(forger)
    forger.plan = None


@pytest.mark.parametrize(
    ("forgery", "code", "said"),
    [
        (metrics, 12, "metrics.hr@5 is 0.875 in the record and"),
        (ranks_of_all_seeds, 13, "ranks: target_ranks[0, 0] is 30.0 in the store and"),
        (ranks_of_one_seed_without_runs, 11, "on which machine its record was computed is not"),
        (ranks_of_one_seed_on_another_machine, 13, "display_rate@5 is 0.0 in the record and"),
        (missing_rows, 16, f"{RIVAL} (leave-one-out) on counts, 20 % x 5, seed 0 (attack) was pla"),
        (a_rivals_timeout, 14, "it ran out of time in the record, which gave it 3600 s, and ends"),
        (dropped_seeds, 16, "none on counts, 20 % x 5, seed 2 (no attack) was planned, has no rec"),
        (dropped_placebos, 16, "random, placebo on counts, 20 % x 5, seed 0 (placebo) was planned"),
        (a_dropped_baseline, 16, "random on counts, 20 % x 5, seed 0"),
        (a_baseline_that_counts_as_an_attack, 16, "its suite plans another cell: is_baseline"),
        (another_main_metric, 16, "its metrics are ('hr@5', 'display_rate@5'); the suite's are"),
        (a_renamed_suite, 16, "its name is 'famous'; the suite says 'honest'"),
        (no_plan, 1, "it has no plan: rows, seeds, placebos and baselines that are left out can't"),
    ],
)
def test_it_is_found_and_named(folder, opened, forgery, code, said):
    forger = Forger(folder)
    forgery(forger)
    forger.seal()
    # levels do not depend on each other; what computes is left out where it is not what finds it
    levels = {1, 5, 6, code - 10} if code > 10 else {1, 5, 6}
    found = verify(folder, levels=levels, registry=discover(), opened=opened)
    assert found.exit_code == code, found.as_text()
    assert said in found.as_text()


def test_a_forged_seed_does_not_widen_what_it_is_judged_by(folder, opened):
    forger = Forger(folder)
    ranks_of_one_seed_without_runs(forger)
    forger.seal()
    [level] = [
        level
        for level in verify(folder, levels=(3,), registry=discover(), opened=opened).levels
        if level.number == 3
    ]
    [finding] = level.problems
    assert "display_rate@5 is 0.0 in the record" in finding.why


@pytest.mark.parametrize(
    ("forgery", "changes", "said"),
    [
        (dropped_seeds, {"seeds": [0, 1]}, "seeds"),
        (dropped_placebos, {"integrity_rows": False}, "integrity_rows (True, False)"),
        (missing_rows, {"attackers": [{"name": "none"}, {"name": "random"}]}, "attackers"),
        (a_renamed_suite, {"name": "famous"}, "its name is 'famous'"),
    ],
)
def test_a_plan_that_is_forged_as_well_is_found_beside_the_real_suite(
    folder, opened, forgery, changes, said
):
    honest = Suite.model_validate(read_manifest(folder).plan.suite)
    forger = Forger(folder)
    forgery(forger)
    forger.with_suite(**changes)
    forger.seal()
    found = verify(folder, levels=(6,), registry=discover(), opened=opened, suite=honest)
    assert found.exit_code == 16
    assert "its suite is not the suite 'honest' that was given" in found.as_text()
    assert said in found.as_text()


def test_a_suite_of_the_package_is_compared_without_being_named(folder, opened, monkeypatch):
    honest = Suite.model_validate(read_manifest(folder).plan.suite)
    monkeypatch.setattr("loki_bench.audit.planned.packaged_suites", lambda: {"honest": ""})
    monkeypatch.setattr("loki_bench.audit.planned.load_suite", lambda name: honest)
    assert verify(folder, levels=(6,), registry=discover(), opened=opened).exit_code == 0
    forger = Forger(folder)
    dropped_seeds(forger)
    forger.with_suite(seeds=[0, 1])
    forger.seal()
    found = verify(folder, levels=(6,), registry=discover(), opened=opened)
    assert found.exit_code == 16
    assert "that comes with loki-bench" in found.as_text()
    assert "seed 2 (no attack) is planned by its suite, and is not there" in found.as_text()


def test_a_folder_that_took_the_name_of_a_suite_of_the_package_is_found(folder, opened):
    taken = folder.rename(folder.with_name("quick"))
    found = verify(taken, levels=(6,), registry=discover(), opened=opened)
    assert found.exit_code == 16
    assert "the folder is called 'quick', and holds the suite 'honest'" in found.as_text()


def test_a_manifest_without_a_plan_is_compared_with_the_suite_that_is_given(folder, opened):
    manifest = read_manifest(folder)
    suite = Suite.model_validate(manifest.plan.suite)
    old = manifest.model_copy(update={"version": 2, "plan": None, "machines": {}})
    put_manifest(Store(folder, warn=print), old)
    arguments = {"levels": (1, 6), "registry": discover(), "opened": opened}
    assert verify(folder, **arguments).exit_code == 1
    assert verify(folder, **arguments, suite=suite).exit_code == 0
    other = suite.with_keys({"seeds": [0, 1, 2, 3]})
    found = verify(folder, **arguments, suite=other)
    assert found.exit_code == 16
    assert "seed 3 (no attack) is planned by its suite, and is not there" in found.as_text()
