"""Reading 20 million events (CSV, about 0.45 GB), beside pyarrow's own reader and a sort.

Each of the two is a process of its own, so that peaks of memory are its own. Theirs reads the three
columns as whole numbers and sorts their rows by user and time; ours also tells names from gaps and
slips, finds duplicates, drops the 5-core and keeps the names.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

N_EVENTS = 20_000_000
TIME_BAR, MEMORY_BAR = 2.0, 6.0
MEASURED = """
import json, resource, sys, time
path = sys.argv[1]
{imports}
started, cpu = time.perf_counter(), time.process_time()
{work}
print(json.dumps({{
    "seconds": time.perf_counter() - started,
    "cpu_seconds": time.process_time() - cpu,
    "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "arrays_mib": sum(array.nbytes for array in arrays) / 2**20,
}}))
"""
THEIRS = MEASURED.format(
    imports="import numpy as np\nimport pyarrow.csv",
    work="""
table = pyarrow.csv.read_csv(path)
arrays = [table[name].to_numpy() for name in ("timestamp", "user_id", "item_id")]
order = np.lexsort(arrays[:2])
arrays = [array[order] for array in arrays]
""",
)
OURS = MEASURED.format(
    imports="from pathlib import Path\nfrom loki_bench.datasets.own_file import OwnFile",
    work="""
log = OwnFile(path=path, duplicates="drop").read(Path(), download=False)
arrays = [log.interactions.items, log.interactions.offsets, log.times.values]
""",
)


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    """A file of events of 200,000 users and some 46,000 items, the popular ones often."""
    import pyarrow as pa
    import pyarrow.csv

    random = np.random.default_rng(0)
    items = np.minimum((random.pareto(1.0, N_EVENTS) * 500).astype(np.int64), 59_999)
    columns = {
        "user_id": random.integers(100_000, 300_000, N_EVENTS),
        "item_id": items,
        "timestamp": 978_300_000 + random.integers(0, 700_000_000, N_EVENTS),
    }
    path = tmp_path_factory.mktemp("reading") / "events.csv"
    pyarrow.csv.write_csv(pa.table(columns), path)
    yield path
    path.unlink()


def measured(code: str, path: Path) -> dict[str, float]:
    done = subprocess.run(  # noqa: S603 - the code above
        [sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)


def test_reading_beside_pyarrow_and_a_sort(events, benchmark):
    theirs = measured(THEIRS, events)
    ours = benchmark.pedantic(measured, args=(OURS, events), rounds=1)
    time_ratio = ours["cpu_seconds"] / theirs["cpu_seconds"]
    memory_ratio = ours["peak_mib"] / ours["arrays_mib"]
    benchmark.extra_info.update(
        ours=ours, theirs=theirs, time_ratio=time_ratio, memory_ratio=memory_ratio
    )
    for name, found in (("pyarrow and a sort", theirs), ("ours", ours)):
        print(
            f"\n{name}: {found['cpu_seconds']:.1f} s of processor time, {found['seconds']:.1f} s, "
            f"{found['peak_mib']:.0f} MiB at the peak, arrays {found['arrays_mib']:.0f} MiB",
            end="",
        )
    print(f"\n{time_ratio:.2f} times the time, {memory_ratio:.1f} times the arrays' memory")
    assert time_ratio <= TIME_BAR
    assert memory_ratio <= MEMORY_BAR
