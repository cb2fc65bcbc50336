"""A hostile recommender costs its own cells, whose records say why, and innocent rows are as ever.

One suite has all of them for victims, beside an innocent one, on two workers.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from toy_grid import CONTENT, TOYS

from loki_bench.engine.workers import LocalWorkers
from loki_bench.pipeline.cells import run_cells
from loki_bench.records.missing import missing_cells
from loki_bench.records.store import Store
from loki_bench.sandbox.installed import installed_plugins
from loki_bench.suite.resolve import prepare
from loki_bench.suite.suite import Limits, Suite

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="what is confined there is another matter"),
]

HOSTILE = Path(__file__).parent / "hostile"
SLEEPS = f"600.{os.getpid()}7"
PTH = str(Path(sysconfig.get_paths()["purelib"]) / "loki-bench-hostile.pth")
SECONDS = 25.0

REFUSED = r"recommender 'hostile' was refused what it tried \(\[Errno \d+\] .*\): it may read"
RAISED = r"recommender 'hostile' raised "
SCORES = r"recommender 'hostile' answered score_next with "
COUNT = r"recommender 'hostile' answered n_training_samples with "
REPORT = r"recommender 'hostile' reports what can't be kept: "
GOT_NOTHING = ("ok", {"got": 0.0})

FAILS = {
    "reads-test-events": REFUSED,
    "reads-records": REFUSED,
    "reads-passwords": REFUSED,
    "traces-host": REFUSED + "|" + RAISED,
    "connects": REFUSED,
    "connects-to-unix-socket": REFUSED,
    "asks-name-server": RAISED + r"(gaierror|OSError)|" + REFUSED,
    "writes-shared-memory": REFUSED,
    "writes-pth-file": REFUSED,
    "writes-into-results": REFUSED,
    "kills-the-host": RAISED + "ProcessLookupError|" + REFUSED,
    "changes-modes": REFUSED,
    "changes-training-data": RAISED + "ValueError: cannot set WRITEABLE flag to True",
    "takes-memory-in-children": r"recommender 'hostile' was ended at its memory limit of 0.75 GiB",
    "raises-with-two-arguments": RAISED + "TwoArgumentsError: 1 and 2$",
    "raises-without-text": RAISED + r"SilentError: \(its text raised ValueError\)$",
    "raises-half-a-surrogate": RAISED + "ValueError: half of it$",
    "raises-thirty-megabytes": RAISED + "ValueError: no no no .*…$",
    "interrupts": RAISED + "KeyboardInterrupt:$",
    "exits": RAISED + "SystemExit: 0$",
    "exits-with-text": RAISED + "SystemExit: all is well$",
    "raises-rejected": "over budget$",
    "raises-invalid": "not mine$",
    "raises-cluster": "all workers are gone$",
    "raises-full-folder": "no room$",
    "raises-full-disk": RAISED + "OSError: .*No space left on device",
    "raises-store": "not writable$",
    "raises-timeout": RAISED + "TimeoutError: ended at its time limit$",
    "raises-generator-exit": RAISED + "GeneratorExit:$",
    "exits-at-once": r"recommender 'hostile' died: its process ended with exit status 0$",
    "crashes": r"recommender 'hostile' died: its process was killed by SIGSEGV",
    "recurses": RAISED + "RecursionError: ",
    "answers-nan": SCORES + "NaN or infinity$",
    "answers-infinity": SCORES + "NaN or infinity$",
    "answers-wrong-shape": SCORES + r"float32 \(10, 29\); expected a float32 array of shape",
    "answers-one-row-more": SCORES + r"float32 \(11, 30\); expected a float32 array of shape",
    "answers-doubles": SCORES + r"float64 \(10, 30\); expected a float32 array of shape \(10, 30\)",
    "answers-a-list": SCORES + "list; expected",
    "answers-objects": SCORES + r"object \(10, 30\); expected",
    "answers-nothing": SCORES + "NoneType; expected",
    "exits-when-asked": RAISED + "SystemExit: 0$",
    "sends-three-gigabytes": r"recommender 'hostile' sent arrays of 3221225472 bytes; at most 1200",
    "sends-other-scores": SCORES + r"float32 \(300,\); expected",
    "sends-no-scores": SCORES + "NoneType; expected",
    "sends-a-pickle": r"recommender 'hostile' sent something other than JSON",
    "sends-garbage": r"recommender 'hostile' sent something other than JSON",
    "counts-in-words": COUNT + "'many'; expected a whole number",
    "counts-backwards": COUNT + "-1; expected a whole number",
    "counts-with-nan": COUNT + "nan; expected a whole number",
    "counts-a-lot": COUNT + r"\d+; expected a whole number",
    "reports-nan": REPORT,
    "reports-a-hundred-megabytes": REPORT + r"\d+ bytes as JSON; at most 65536",
    "reports-half-a-surrogate": REPORT + "text with half of a surrogate pair",
    "reports-an-object": REPORT + "a object is neither a number nor text",
    "reports-a-list": REPORT + "list is no mapping",
    "forks-for-ever": r"(recommender|victim) 'hostile' ",
}
TIMES_OUT = ["never-ends", "asks-for-ever"]
GETS_NOTHING = [
    "looks-for-test-events",
    "reads-environments",
    "leaves-a-daemon",
    "leaves-threads-and-handlers",
    "kills-siblings",
    "kills-all",
    "stops-its-parent",
    "patches-the-host",
    "prints-much",
    "counts-with-numpy",
]


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """The records of the suite by victim, the innocent one's before, and the folder of results."""
    folder = tmp_path_factory.mktemp("hostile")
    with pytest.MonkeyPatch.context() as patch, socket.socket() as tcp:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.syspath_prepend(TOYS)
        patch.syspath_prepend(HOSTILE)
        registry = installed_plugins()
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        with socket.socket(socket.AF_UNIX) as local, subprocess.Popen(["sleep", "900"]) as sibling:
            local.bind(str(folder / "socket"))
            local.listen()
            before, _ = _run(registry, folder / "alone", ["counts"])
            targets = {
                "reads-records": str(folder / "alone" / "records"),
                "looks-for-test-events": "100000",
                "traces-host": str(os.getpid()),
                "kills-the-host": str(sibling.pid),
                "connects": str(tcp.getsockname()[1]),
                "connects-to-unix-socket": str(folder / "socket"),
                "writes-pth-file": PTH,
                "writes-into-results": str(folder / "alone" / "records" / "forged.json"),
                "changes-modes": str(folder / "alone" / "records"),
                "leaves-a-daemon": SLEEPS,
                "sends-a-pickle": str(folder / "opened"),
            }
            [events] = (folder / "alone" / "work" / "data").glob("*/items.npy")
            targets["reads-test-events"] = str(events)
            hostile = [
                {"name": "hostile", "parameters": {"does": does, "target": targets.get(does, "")}}
                for does in [*FAILS, *TIMES_OUT, *GETS_NOTHING]
            ]
            records, runs = _run(
                registry, folder / "all", [*hostile, "patches-at-import", "counts"]
            )
            assert sibling.poll() is None
            sibling.send_signal(signal.SIGTERM)
    by_behaviour = {
        record.cell.victim.parameters.get("does") or record.cell.victim.name: record
        for record in records
    }
    return by_behaviour, runs, before, folder


def _run(registry, folder, victims, **changes):
    suite = Suite.model_validate(
        {
            **CONTENT,
            "victims": victims,
            "attackers": ["none"],
            "seeds": [0],
            "isolation": "process",
            "surrogates": [],
            **changes,
        }
    )
    prepared = prepare(suite, registry, download=False)
    store = Store(folder, warn=print)
    with LocalWorkers.open(2, seconds=2 * SECONDS) as workers:
        run_cells(
            missing_cells(prepared.grid, {}, retry_failed=False),
            prepared.grid.metrics,
            store=store,
            workers=workers,
            interactions=prepared.interactions,
            limits=Limits(seconds=SECONDS, memory_gib=0.75),
        )
    cells = prepared.grid.cells
    runs = {cell.victim.parameters.get("does"): store.read_json("runs", cell.id) for cell in cells}
    return list(store.records(cells).values()), runs


def test_a_surrogates_pickle_is_opened_in_the_attacks_process_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(HOSTILE)
    opened = tmp_path / "opened"
    writes = {"does": "writes-when-it-is-opened", "target": str(opened)}
    [record], runs = _run(
        installed_plugins(),
        tmp_path / "results",
        ["counts"],
        surrogates=[{"name": "hostile", "parameters": writes}],
        attackers=["asks-surrogates"],
    )
    assert not opened.exists()
    assert record.status == "rejected"
    assert record.reason.startswith("attacker 'asks-surrogates' was refused what it tried (")
    [surrogate] = [v for k, v in runs[None]["timings"].items() if k.startswith("surrogate")]
    assert surrogate["isolation"] == "process"
    assert surrogate["confined"] == "full" or surrogate["confined"].startswith("partial")


@pytest.mark.parametrize("does", FAILS)
def test_it_fails_with_a_sentence(judged, does):
    record = judged[0][does]
    assert record.status in {"failed", "timeout"} if does == "forks-for-ever" else "failed"
    assert re.match(FAILS[does], record.reason), record.reason
    assert len(record.reason) <= 500
    assert record.reason.isprintable()
    assert not record.metrics


@pytest.mark.parametrize("does", TIMES_OUT)
def test_it_is_ended_at_its_time_limit(judged, does):
    record = judged[0][does]
    assert (record.status, record.reason) == (
        "timeout",
        "victim 'hostile' ended at its time limit of 25 s",
    )


@pytest.mark.parametrize("does", GETS_NOTHING)
def test_it_gets_nothing_and_is_measured_like_any_other(judged, does):
    record = judged[0][does]
    assert (record.status, record.reason) == ("ok", "")
    assert record.reports.victim.get("got", 0.0) == 0.0
    assert len(judged[1][does]["details"]) <= 20_000


def test_a_module_that_patches_the_record_writer_patches_its_own_process_alone(judged):
    record = judged[0]["patches-at-import"]
    honest = judged[0]["patches-the-host"]
    assert record.status == "ok"
    assert record.metrics == honest.metrics


def test_the_innocent_row_is_as_if_it_were_alone(judged):
    [before] = judged[2]
    after = judged[0]["counts"]
    assert after.status == "ok"
    assert after.model_dump() == before.model_dump()


def test_nothing_is_left_behind(judged):
    folder = judged[3]
    assert not Path(PTH).exists()
    assert not Path("/dev/shm/loki-bench-hostile").exists()  # noqa: S108
    assert not (folder / "opened").exists()
    assert not (folder / "alone" / "records" / "forged.json").exists()
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(SLEEPS.encode() in line for line in lines)


def test_the_run_says_what_confined_each(judged):
    timings = judged[1]["kills-all"]["timings"]
    assert timings["clean"]["isolation"] == "process"
    assert timings["clean"]["confined"] == "full" or timings["clean"]["confined"].startswith("part")
    assert json.dumps(timings["clean"]["confinement"])
    assert timings["clean"]["start_seconds"] > 0.0
