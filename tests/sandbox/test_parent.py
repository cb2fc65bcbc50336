"""What an attacker must not do, each tried: it is caught, and the record says what happened."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from processes import command_lines, is_alive, soon

from loki_bench.engine.workers import LocalWorkers
from loki_bench.errors import SuiteError
from loki_bench.pipeline.dataset import load_split, write_dataset
from loki_bench.records.schema import Spent
from loki_bench.sandbox import carry_out
from loki_bench.suite.cell import OracleGrant

TOYS = Path(__file__).parents[1] / "toys"
RIGHTS = {"isolation": "process", "seeds": [0], "metrics": ["display_rate@5"]}


def chosen(name, **parameters):
    return {"name": name, "parameters": parameters}


@pytest.fixture(autouse=True)
def victims_run_here(monkeypatch):
    """Attacks are what is judged here; each toy victim would start a process of its own."""
    monkeypatch.setattr(carry_out, "runs_apart", lambda component: False)


@pytest.fixture
def referee(prepared, tmp_path, run):
    """Run one attacker in a process of its own; returns its record and the run beside it."""

    def judged(attacker, *, folder="r", limits=None, **changes):
        suite = prepared(**{**RIGHTS, "attackers": [attacker], **changes})
        store, _ = run(suite, tmp_path / folder, **(limits or {}))
        [*_, cell] = suite.grid.cells
        return store.record(cell.id), store.read_json("runs", cell.id)

    return judged


def test_an_honest_attack_writes_the_same_poison_in_its_own_process(referee):
    apart, run_apart = referee("covisit")
    within, run_within = referee("covisit", isolation="in-process", folder="here")
    assert apart.status == "ok"
    assert apart.artefacts.poison_digest == within.artefacts.poison_digest
    assert apart.metrics == within.metrics
    assert apart.id != within.id  # rows of the two are never mixed
    assert (apart.cell.isolation, within.cell.isolation) == ("process", "in-process")
    assert run_apart["timings"]["craft"]["isolation"] == "process"
    assert run_apart["timings"]["craft"]["start_seconds"] > 0
    assert run_apart["timings"]["craft"]["peak_memory_bytes"] > 10 << 20
    assert run_within["timings"]["craft"]["isolation"] == "in-process"


@pytest.mark.parametrize(
    ("attacker", "status", "reason"),
    [
        ("one-too-many-users", "rejected", "wrote 13 fake users; the budget is 12"),
        ("one-too-many-events", "rejected", "gave fake user 0 6 events; the budget is 5"),
        ("one-event-too-many", "rejected", "gave fake user 11 6 events; the budget is 5"),
        ("past-the-catalogue", "rejected", "used item 30; the catalogue is 0 to 29"),
        ("rubbish", "rejected", "returned list; expected loki_bench Sequences"),
        ("raises", "failed", "attacker 'raises' raised RuntimeError: no idea what to do"),
        ("dies", "failed", "attacker 'dies' died: its process ended with exit status 3"),
        ("prints", "failed", "'seconds' is nan; expected a finite number, or None"),
    ],
)
def test_one_event_too_many_or_any_other_broken_rule_costs_the_cell(
    referee, attacker, status, reason
):
    record, run = referee(attacker)
    assert record.status == status
    assert reason in record.reason
    assert record.spent is None
    assert "metrics" not in record
    if attacker == "raises":
        assert 'raise RuntimeError("no idea what to do")' in run["details"]


@pytest.mark.parametrize(
    ("how", "isolation", "status", "reason"),
    [
        ("item", "in-process", "failed", "assignment destination is read-only"),
        ("flag", "in-process", "failed", "cannot set WRITEABLE flag to True"),
        ("base", "in-process", "failed", "cannot set WRITEABLE flag to True"),
        ("base", "process", "failed", "cannot set WRITEABLE flag to True"),
        ("goal", "in-process", "failed", "assignment destination is read-only"),
        ("budget", "in-process", "rejected", "changed the view that it was given"),
        ("budget", "process", "rejected", "changed the view that it was given"),
        ("history", "in-process", "rejected", "changed the view that it was given"),
    ],
)
def test_a_view_can_not_be_edited(referee, how, status, reason, isolation):
    record, _ = referee(chosen("edits-view", how=how), isolation=isolation)
    assert record.status == status
    assert reason in record.reason


@pytest.mark.parametrize(("isolation", "n_cells"), [("process", [1, 1]), ("in-process", [1, 2])])
def test_state_does_not_outlive_a_cell(prepared, tmp_path, run, isolation, n_cells):
    from toy_plugin.cheats import CountsItsCells

    CountsItsCells.n_cells = 0
    suite = prepared(
        **{**RIGHTS, "seeds": [0, 1], "isolation": isolation}, attackers=["counts-its-cells"]
    )
    store, _ = run(suite, tmp_path)
    records = [store.record(cell.id) for cell in suite.grid.cells]
    assert [record.reports.attacker["cells"] for record in records] == n_cells


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("isolation", ["process", "in-process"])
def test_neither_objects_nor_the_hosts_memory_hold_a_victim_or_a_test_event(
    prepared, tmp_path, run, isolation, monkeypatch
):
    monkeypatch.setenv("LOKI_BENCH_DATA", str(tmp_path))
    keys = {**RIGHTS, "isolation": isolation, "victims": ["remembers"]}
    suite = prepared(**keys, attackers=["none"])
    store, _ = run(suite, tmp_path)  # the host has now trained a victim, and remembers it
    data = write_dataset(store, suite.interactions, suite.dataset.fingerprint)
    tests = load_split(data)[1].test.items.tobytes().hex()
    looking = chosen(
        "looks-around",
        n_events=suite.interactions.n_events,
        host=os.getpid(),
        first=tests[:160],
        second=tests[160:],
    )
    suite = prepared(**keys, attackers=[looking])
    store, _ = run(suite, tmp_path)
    [cell] = suite.grid.cells
    record = store.record(cell.id)
    assert record.status == "ok", record.reason
    seen = record.reports.attacker
    if isolation == "process":
        # in a namespace of processes the host has no number at all
        assert seen["memory"] in {"PermissionError", "FileNotFoundError"}
        assert seen == {
            "objects": [],
            "whole_data": False,
            "jobs": False,
            "memory": seen["memory"],
            "environment": [],
            "folder": [],
        }
    else:  # so that this test can fail
        assert {"HeldOut", "Split", "Remembers"} <= set(seen["objects"])
        assert seen["whole_data"]
        assert seen["jobs"]
        assert seen["memory"] == "found"
        assert seen["environment"] == ["LOKI_BENCH_DATA"]


@pytest.mark.parametrize(
    ("until", "given", "in_objects"),
    [
        ("T-1", ["history", "validated on"], True),  # so that this test can fail
        ("T-2", [], False),
    ],
)
def test_an_attacker_in_its_own_process_holds_no_event_that_it_is_not_to_know(
    referee, tmp_path, until, given, in_objects
):
    random = np.random.default_rng(3)
    rows = [(f"u{u}", f"i{random.integers(900):03}", t) for u in range(60) for t in range(6)]
    rows[3:6] = [("u0", "n-by", 3), ("u0", "n-hi", 4), ("u0", "n-te", 5)]
    file = tmp_path / "events.csv"
    lines = ["user_id,item_id,timestamp", *(f"{u},{i},{t}" for u, i, t in rows)]
    file.write_text("\n".join(lines), encoding="utf-8")
    items = sorted({item for _, item, _ in rows})  # names of one length: ids are in their order
    looking = chosen("looks-for-an-event", before=items.index("n-by"), item=items.index("n-hi"))
    record, _ = referee(
        looking,
        dataset=chosen("file", path=str(file), k_core=0),
        surrogates=["keeps-what-it-sees"],
        protocol={"n_targets": 3, "target_users": ["u0", "u7"]},
        knowledge={"until": until},
    )
    assert record.status == "ok", record.reason
    assert record.reports.attacker == {"given": given, "objects": in_objects}


@pytest.mark.parametrize("how", ["overwrite", "add", "remove", "rename", "truncate"])
def test_an_attacker_can_not_write_to_the_store(prepared, tmp_path, run, files, how):
    first = prepared(**RIGHTS, attackers=["none"])
    before, _ = run(first, tmp_path)
    written = files(before)
    [cell] = first.grid.cells
    if not before.read_json("runs", cell.id)["timings"]["craft"]["confinement"]["writes"]:
        pytest.skip("this system has no Landlock: an attacker can write where its user can")
    file = str(tmp_path / "records" / f"{cell.id}.json")
    suite = prepared(**RIGHTS, attackers=[chosen("writes-to", file=file, how=how)])
    store, _ = run(suite, tmp_path)
    [cell] = suite.grid.cells
    record = store.record(cell.id)
    assert record.status == "rejected"
    assert record.reason.startswith(
        "attacker 'writes-to' was refused what it tried ([Errno 13] Permission denied: "
    )
    assert "write in its working folder only" in record.reason
    assert files(store).items() >= written.items()
    assert not (tmp_path / "records" / "new.json").exists()


def test_an_attacker_may_write_in_its_own_folder_which_goes_with_it(referee):
    record, run = referee("writes-to")
    assert record.status == "ok"
    assert not list(Path.cwd().glob("own.txt"))
    assert isinstance(run["timings"]["craft"]["confinement"]["writes"], list)


def test_an_attacker_that_sleeps_past_its_limit_is_ended(referee):
    began = time.monotonic()
    record, _ = referee("sleeps", limits={"seconds": 4.0})
    assert time.monotonic() - began < 30
    assert record.status == "timeout"
    assert record.reason == "attacker 'sleeps' ended at its time limit of 4 s"


def test_an_attacker_that_takes_too_much_memory_is_ended(referee):
    record, _ = referee("takes-memory", limits={"memory_gib": 0.25})
    assert record.status == "failed"
    assert record.reason.startswith(
        "attacker 'takes-memory' was ended at its memory limit of 0.25 GiB"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_an_attacker_started_ends_with_it(referee):
    record, _ = referee("leaves-a-process")
    asleep = record.reports.attacker["asleep"]
    assert soon(lambda: not any(asleep in line for line in command_lines()))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_orphan_and_no_folder_is_left_when_the_host_is_killed(tmp_path):
    script = (
        "from pathlib import Path; from loki_bench.sandbox.parent import run_isolated; "
        "run_isolated('x', 'toy_plugin.cheats:sleep_long', None, answer=print, seconds=600, "
        "memory_gib=8, closed=Path('/nowhere'))"
    )
    host = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(TOYS), "TMPDIR": str(tmp_path)},
    )
    children = Path(f"/proc/{host.pid}/task/{host.pid}/children")
    assert soon(lambda: children.read_text().strip() != "", seconds=60.0)
    [child] = children.read_text().split()
    time.sleep(1.0)  # asleep by now, or at least on its way
    assert list(tmp_path.iterdir())
    host.send_signal(signal.SIGKILL)
    host.wait()
    assert soon(lambda: not is_alive(child))
    assert soon(lambda: not list(tmp_path.iterdir()))


def test_workers_survive_an_attacker_that_is_ended_or_dies(prepared, tmp_path, run):
    suite = prepared(**RIGHTS, attackers=["sleeps", "dies", "random"])
    # an honest attack must end in time on a busy machine, too
    with LocalWorkers.open(1, seconds=15.0) as workers:
        store, lines = run(suite, tmp_path, workers, seconds=15.0)
    assert sorted(lines) == [("dies", "failed"), ("random", "ok"), ("sleeps", "timeout")]
    slept, died, _ = (store.record(cell.id) for cell in suite.grid.cells)
    assert slept.reason == "attacker 'sleeps' ended at its time limit of 15 s"
    assert died.reason == "attacker 'dies' died: its process ended with exit status 3"


def test_the_ledger_holds_what_was_spent_and_the_run_what_it_cost(referee):
    record, run = referee("asks-surrogates")
    assert record.spent == Spent(
        fake_users=12, events=12 * 3, events_on_targets=12 * 3, queries=0, surrogate_fits=1
    )
    assert {"wall_seconds", "cpu_seconds", "peak_memory_bytes"} <= set(run["timings"]["craft"])
    assert "seconds" not in record.to_text()


def test_the_ledger_is_kept_where_the_victim_fails(referee):
    record, _ = referee("random", victims=["answers-nan"])
    assert record.status == "failed"
    assert record.spent.events == 12 * 5


def test_an_attacker_that_needs_no_history_is_shown_none(referee):
    record, _ = referee("wants-nothing", isolation="in-process")
    assert record.reports.attacker == {"events": 0, "users": 60, "items": 30}


def test_needs_are_compared_with_what_the_suite_grants_before_anything_is_fitted(prepared):
    with pytest.raises(SuiteError, match=r"'wants-queries' needs queries.*\[knowledge\]"):
        prepared(**RIGHTS, attackers=["wants-queries"])
    with pytest.raises(SuiteError, match="'asks-surrogates' needs surrogates"):
        prepared(**{**RIGHTS, "surrogates": []}, attackers=["asks-surrogates"])
    with pytest.raises(SuiteError, match="'may-want-queries' needs queries"):
        prepared(**RIGHTS, attackers=[chosen("may-want-queries", weights="fit")])


def test_what_an_attacker_does_not_need_it_is_not_given(prepared, tmp_path, run):
    suite = prepared(
        **{**RIGHTS, "isolation": "in-process"},
        attackers=["may-want-queries", chosen("may-want-queries", weights="fit")],
        knowledge={"queries": 3},
    )
    store, _ = run(suite, tmp_path)
    records = [store.record(cell.id) for cell in suite.grid.cells]
    assert [r.reports.attacker["oracle"] for r in records] == [False, True]
    assert [r.cell.oracle for r in records] == [None, OracleGrant(queries=3, list_length=10)]


def test_an_attack_of_this_project_runs_where_no_machine_code_can_be_kept(
    prepared, tmp_path, run, monkeypatch
):
    """The user's home folder may be missing, or closed."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file" / "machine-code"))
    suite = prepared(attackers=["random"], seeds=[0], isolation="process")
    store, told = run(suite, tmp_path / "results")
    assert told == [("random", "ok")], [r.reason for r in store.records(suite.grid.cells).values()]
