"""From a file of 2 or 20 million events to a table, with the seconds and the memory of each step.

    python benchmarks/large.py run --events 2e6 --folder /tmp/large --workers 2
    python benchmarks/large.py steps --events 2e7 --folder /tmp/large

``run`` writes a synthetic file, then types ``loki-bench run`` for a suite of ``none``, ``covisit``
and ``loki`` (surrogate bprmf, 1,000 fake users) against bprmf with 20,000 evaluated users, and
prints what the records' runs tell of each step, with the memory of all its processes together
(proportional shares of what they share, looked at every second). ``steps`` does the parts that
grow with the data one by one, each in a process of its own, where the whole would take too long.

The file is made to be learnt from: items belong to clusters of 1,000, each user keeps mostly to
one cluster, popular items are chosen more often (Zipf), and an event often follows the one before.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

MEAN_LENGTH = 20 / 2.1
EVENTS_PER_ITEM = 20
CLUSTER_SIZE = 1000
EXPONENT = 0.6
OWN_CLUSTER, FOLLOWS = 0.85, 0.3
GIB = 2**30


def drawn_events(n_events, seed=0):
    """Users, items and times of about so many events, in the order of time.

    Users have 5 events and a geometric number more. Item ``i`` is the ``i // n_clusters``-th most
    popular one of cluster ``i % n_clusters``.
    """
    random = np.random.default_rng(seed)
    n_users, n_items = round(n_events / MEAN_LENGTH), round(n_events / EVENTS_PER_ITEM)
    n_clusters = max(1, n_items // CLUSTER_SIZE)
    lengths = 5 + random.geometric(1 / (MEAN_LENGTH - 4), n_users) - 1
    starts = np.concatenate([[0], np.cumsum(lengths)])
    items = np.empty(starts[-1], dtype=np.int32)
    times = np.empty(starts[-1], dtype=np.int64)
    own = random.integers(0, n_clusters, n_users)
    began = random.integers(1_500_000_000, 1_600_000_000, n_users)
    last = np.zeros(n_users, dtype=np.int64)
    for step in range(int(lengths.max())):
        users = np.flatnonzero(lengths > step)
        n = len(users)
        elsewhere = random.random(n) >= OWN_CLUSTER
        cluster = np.where(elsewhere, random.integers(0, n_clusters, n), own[users])
        # Zipf with an exponent below 1, by the inverse of its distribution's integral
        place = (CLUSTER_SIZE * random.random(n) ** (1 / (1 - EXPONENT))).astype(np.int64)
        item = np.minimum(place * n_clusters + cluster, n_items - 1)
        if step:
            follows = random.random(n) < FOLLOWS
            item = np.where(follows, (last[users] + n_clusters) % n_items, item)
        last[users] = item
        places = starts[users] + step
        items[places] = item
        began[users] += random.integers(60, 1_000_000, n)
        times[places] = began[users]
    users = np.repeat(np.arange(n_users, dtype=np.int32), lengths)
    order = np.argsort(times, kind="stable")
    return users[order], items[order], times[order]


def write_events(path, n_events):
    """A CSV of the events, written once."""
    import pyarrow as pa
    import pyarrow.csv

    users, items, times = drawn_events(n_events)
    columns = {"user_id": users, "item_id": items, "timestamp": times}
    part = path.with_suffix(".part")
    pyarrow.csv.write_csv(pa.table(columns), part)
    part.rename(path)


def file_of(folder, n_events):
    path = folder / f"events-{n_events}.csv"
    if not path.is_file():
        started = time.perf_counter()
        subprocess.run(  # noqa: S603 - this very file: its memory is not the run's
            [sys.executable, __file__, "write", "--events", str(n_events), "--folder", str(folder)],
            check=True,
        )
        print(f"wrote {path.name}: {time.perf_counter() - started:.1f} s", flush=True)
    return path


def suite_text(path, given):
    return f"""
name = "large"
summary = "Synthetic data of {given.events:,} events."
seeds = [0]
victims = ["bprmf"]
surrogates = ["bprmf"]
simulator = "all"
attackers = ["none", "covisit", {given.loki}]
metrics = ["display_rate@10", "target_rank", "hr@10", "ndcg@10", "hr_change@10"]
dataset = {{ name = "file", parameters = {{ path = "{path}" }} }}
integrity_rows = false

[protocol]
evaluate_users = {given.evaluate_users}

[budget]
fake_users = {{ users = 1000 }}

[limits]
seconds = 7200
memory_gib = {given.memory_gib}
"""


class Watch(threading.Thread):
    """The most memory that a process and all that it started held at one moment, and their CPU s.

    What a process did in its last second is not seen.
    """

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak, self.at, self.parts, self.seconds = pid, 0, 0.0, {}, {}
        self.ended = threading.Event()

    def run(self):
        began = time.perf_counter()
        while not self.ended.wait(1.0):
            seconds = with_descendants(self.pid)
            self.seconds |= seconds
            parts = {pid: held_by(pid) for pid in seconds}
            if sum(parts.values()) > self.peak:
                self.peak, self.parts = sum(parts.values()), parts
                self.at = time.perf_counter() - began


def with_descendants(pid):
    """A process and all below it, with the CPU seconds of each."""
    children, seconds = {}, {}
    tick = os.sysconf("SC_CLK_TCK")
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                told = (entry / "stat").read_text()
            except OSError:  # it has ended
                continue
            fields = told.rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(entry.name))
            seconds[int(entry.name)] = (int(fields[11]) + int(fields[12])) / tick
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return {one: seconds.get(one, 0.0) for one in found}


def held_by(pid):
    """Its share of what it maps; where that may not be read, what it shares with nobody."""
    try:
        told = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return 1024 * next(int(x.split()[1]) for x in told.splitlines() if x.startswith("Pss:"))
    except (OSError, StopIteration):
        pass
    try:
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text().split()
        return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def run_suite(given):
    """Type ``loki-bench run`` and print what each step cost."""
    path = file_of(given.folder, given.events)
    suite = given.folder / "large.toml"
    suite.write_text(suite_text(path, given))
    results = given.folder / f"results-{given.events}"
    command = [Path(sys.executable).parent / "loki-bench", "run", suite, "--results", results]
    started = time.perf_counter()
    process = subprocess.Popen([*command, "--workers", str(given.workers)])  # noqa: S603
    watch = Watch(process.pid)
    watch.start()
    code = process.wait()
    seconds = time.perf_counter() - started
    watch.ended.set()
    watch.join()
    print("\n| step | wall s | CPU s | GiB of its process |\n|---|---|---|---|")
    for run in sorted(results.glob("large/runs/*.json")):
        timings = json.loads(run.read_text())["timings"]
        for name, timed in timings.items():
            if timed is not None:
                memory = timed["peak_memory_bytes"] / GIB
                wall, cpu = timed["wall_seconds"], timed["cpu_seconds"]
                print(f"| {timed['work'] or name} | {wall:.1f} | {cpu:.1f} | {memory:.2f} |")
    cpu = sum(watch.seconds.values())
    parts = ", ".join(f"{held / GIB:.2f}" for held in sorted(watch.parts.values())[::-1])
    whole = "all of the command, of all processes"
    print(f"| {whole} | {seconds:.1f} | {cpu:.1f} | {watch.peak / GIB:.2f} |")
    print(f"\nThe peak of all processes came after {watch.at:.0f} s: {parts} GiB.")
    return code


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("write", "run", "steps"))
    parser.add_argument("--events", type=float, default=2e6)
    parser.add_argument("--folder", type=Path, required=True, help="files and results; kept")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--evaluate-users", type=int, default=20_000)
    parser.add_argument("--memory-gib", type=float, default=12.0)
    parser.add_argument("--steps", nargs="+", default=["read", "fit", "groups"])
    parser.add_argument("--loki", default='"loki"', help="the attack as a suite names it")
    given = parser.parse_args()
    given.events = int(given.events)
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.what == "write":
        write_events(given.folder / f"events-{given.events}.csv", given.events)
    elif given.what == "run":
        sys.exit(run_suite(given))
    else:
        import large_steps

        large_steps.main(file_of(given.folder, given.events), given)


if __name__ == "__main__":
    main()
