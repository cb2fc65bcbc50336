"""Do RecBole's leave-one-out and ours split MovieLens-100K into the same events?

RecBole keeps times as 32-bit floats, which stand 64 s apart at ml-100k's: events within a minute
become ties, and stay in the order of the file. So it is asked twice: with the file's times, and
with each time's place among all different times, which a float holds exactly.

    python benchmarks/recbole_split.py
"""

from pathlib import Path

import numpy as np
from recbole_trainer import patch, working_directory

from loki_bench.datasets.movielens import MovieLens100K
from loki_bench.split import leave_one_out

NAME = "films"  # of ml-100k RecBole reads its own copy, whatever the path

CONFIG = {
    "user_inter_num_interval": "[5,inf)",
    "item_inter_num_interval": "[5,inf)",
    "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
    "eval_args": {
        "split": {"LS": "valid_and_test"},
        "order": "TO",
        "group_by": "user",
        "mode": "full",
    },
    "state": "ERROR",
}


def recbole_parts(folder):
    """The pairs of tokens in RecBole's training, validation and test data."""
    from recbole.config import Config
    from recbole.data import create_dataset

    given = {**CONFIG, "data_path": str(folder), "checkpoint_dir": str(folder / "saved")}
    dataset = create_dataset(Config(model="BPR", dataset=NAME, config_dict=given))
    return [
        set(
            zip(
                dataset.id2token("user_id", part["user_id"].numpy()),
                dataset.id2token("item_id", part["item_id"].numpy()),
                strict=True,
            )
        )
        for part in dataset.build()
    ]


def our_parts():
    data = MovieLens100K().load(Path(), download=False)
    split = leave_one_out(data)
    pairs = [
        (split.train.rows, split.train.items),
        (split.validation.users, split.validation.items),
        (split.test.users, split.test.items),
    ]
    return [
        {(data.user_tokens[u], data.item_tokens[i]) for u, i in zip(*both, strict=True)}
        for both in pairs
    ]


def written(folder, *, exact):
    """RecBole's copy of the data, with its times or with their places."""
    import recbole

    source = Path(recbole.__file__).parent / "dataset_example" / "ml-100k" / "ml-100k.inter"
    rows = [line.split("\t") for line in source.read_text("utf-8").splitlines()[1:]]
    times = np.array([int(row[3]) for row in rows])
    if exact:
        times = np.unique(times, return_inverse=True)[1]
    lines = [f"{row[0]}\t{row[1]}\t{time}" for row, time in zip(rows, times, strict=True)]
    head = "user_id:token\titem_id:token\ttimestamp:float"
    (folder / NAME).mkdir(parents=True)
    (folder / NAME / f"{NAME}.inter").write_text("\n".join([head, *lines]) + "\n", "utf-8")
    return folder


def main():
    patch()
    ours = our_parts()
    for name, exact in (("times as 32-bit floats", False), ("places of times", True)):
        with working_directory() as folder:
            theirs = recbole_parts(written(folder / "data", exact=exact))
        for part, mine, other in zip(("train", "validation", "test"), ours, theirs, strict=True):
            print(f"{name}, {part}: {len(mine)} events here, {len(mine & other)} the same")
            if exact and mine != other:
                raise SystemExit(f"the {part} events differ")


if __name__ == "__main__":
    main()
