"""The data sets of the benchmarks, and Amazon Beauty as the file that RecBole reads."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from loki_bench.answer_checks import ranks_given_by
from loki_bench.datasets.movielens import MovieLens100K
from loki_bench.interactions import Interactions, Sequences


def load_beauty():
    """All events; ``SystemExit`` with what to do where the file is not there."""
    return load_lines("beauty.txt", "Beauty.txt")


def load_lastfm():
    """LastFM, likewise."""
    return load_lines("lastfm.txt", "LastFM.txt")


def load_movielens():
    """MovieLens-100K, which comes with RecBole."""
    with TemporaryDirectory() as folder:
        return MovieLens100K().load(Path(folder), download=False)


def load_lines(*names):
    """A file with one line a user: the user, then its items from 1, oldest first."""
    folder = Path(os.environ.get("LOKI_BENCH_DATA", ""))
    found = [folder / name for name in names if (folder / name).is_file()]
    if not found:
        raise SystemExit(f"set LOKI_BENCH_DATA to the folder that holds {names[0]}")
    rows = [
        [int(item) - 1 for item in line.split()[1:]] for line in found[0].read_text().splitlines()
    ]
    sequences = Sequences.of(rows)
    return Interactions(sequences.offsets, sequences.items, n_items=int(sequences.items.max()) + 1)


DATA = {"beauty": load_beauty, "lastfm": load_lastfm, "movielens": load_movielens}


def write_recbole_file(interactions, folder, name="beauty"):
    """Write ``<name>/<name>.inter`` below the folder: user ``u<id>``, item ``i<id>``, step."""
    (folder / name).mkdir()
    lines = ["user_id:token\titem_id:token\ttimestamp:float"]
    for user, items in enumerate(interactions):
        lines += [f"u{user}\ti{item}\t{step}" for step, item in enumerate(items)]
    (folder / name / f"{name}.inter").write_text("\n".join(lines))


def peak_mib():
    """The most memory that this process has held since it began, in MiB (Linux).

    Not ``ru_maxrss``: that of a process starts at the peak of the one that started it.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def ranks_of_test_events(recommender, split):
    """The host's own path: scores in blocks, checked, the user's history masked, ranked."""
    return ranks_given_by(
        recommender,
        name=recommender.name,
        users=split.test.users,
        histories=split.test.histories,
        items=split.test.items[:, None],
        n_items=split.train.n_items,
    )


def hr_at_10(recommender, split):
    """HR@10 of the test events."""
    return float(np.mean(ranks_of_test_events(recommender, split) <= 10))
