"""One complete fit by RecBole's trainer: how many epochs, and how good.

    LOKI_BENCH_DATA=/folder/with/beauty python benchmarks/recbole_fit.py BPR
    LOKI_BENCH_DATA=/folder/with/beauty python benchmarks/recbole_fit.py FPMC --epochs 75
    LOKI_BENCH_DATA=/folder/with/lastfm python benchmarks/recbole_fit.py BPR FPMC --data lastfm
    LOKI_BENCH_DATA=/folder/with/beauty python benchmarks/recbole_fit.py SASRec --seconds 900

RecBole's model, data, negative sampling, Adam and early stopping, all at its defaults: a look at
the validation events after every epoch, an end after more than ten looks without a new best
NDCG@10. Only the look itself is ours: RecBole's ranks all users in 5 to 10 s, ours gives the rank
of the held-out item in half a second, the user's own history left out for both models. The
benchmarks measure RecBole's own epoch and look, and multiply by the number that this prints: with
``--epochs`` or ``--seconds`` (of CPU time, after which no epoch begins) a lower bound, where early
stopping had not ended the fit by then.
"""

import argparse
import sys
import time
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))
from beauty import DATA, write_recbole_file
from recbole_trainer import patch, prepare, trainer_of, working_directory

from loki_bench.split import leave_one_out
from loki_bench_recbole.samples import last_items
from loki_bench_recbole.validation import held_out_ranks, ndcg_at


def ranks(model, dataset, held_out):
    """Ranks that RecBole's model gives to held-out events written in our ids."""
    users = np.array([dataset.token2id("user_id", f"u{user}") for user in held_out.users])
    item_ids = np.array(
        [dataset.token2id("item_id", f"i{item}") for item in range(dataset.item_num - 1)]
    )
    last = item_ids[last_items(held_out.histories.offsets, held_out.histories.items)]
    if type(model).__name__ == "SASRec":
        items = model.item_embedding.weight.detach().numpy()[item_ids]
        queries = states(model, held_out.histories, item_ids)
        return held_out_ranks(queries, lambda block: block @ items.T, held_out)
    if type(model).__name__ == "BPR":
        rows = [(model.user_embedding, users)]
        columns = [model.item_embedding]
    else:
        rows = [(model.UI_emb, users), (model.LI_emb, last)]
        columns = [model.IU_emb, model.IL_emb]
    queries = np.concatenate([table.weight.detach().numpy()[ids] for table, ids in rows], 1)
    items = np.concatenate([table.weight.detach().numpy()[item_ids] for table in columns], 1)
    return held_out_ranks(queries, lambda block: block @ items.T, held_out)


def states(model, histories, item_ids):
    """What a sequential model makes of each history, its latest items, in RecBole's own batches."""
    longest, found = model.max_seq_length, []
    model.eval()
    with torch.no_grad():
        for start in range(0, len(histories), 4096):
            rows = [
                item_ids[row][-longest:]
                for row in histories.take(range(start, min(start + 4096, len(histories))))
            ]
            padded = torch.zeros(len(rows), longest, dtype=torch.long)
            for place, row in enumerate(rows):
                padded[place, : len(row)] = torch.from_numpy(row)
            lengths = torch.tensor([max(len(row), 1) for row in rows])
            found.append(model(padded, lengths).numpy())
    return np.concatenate(found)


class TimeIsUp(Exception):  # noqa: N818 - no error
    """No further epoch begins."""


def fit(name, data, interactions, folder, most_epochs, most_seconds, seed):
    """The number of epochs until RecBole's early stopping ends the fit, and the best model's ranks.

    ``most_epochs`` ends it before, and so do ``most_seconds``; None leaves RecBole's own limit of
    300 epochs.
    """
    split = leave_one_out(interactions)
    # a cross-entropy has no negatives, and RecBole refuses settings of them
    own = {"train_neg_sample_args": None} if name == "SASRec" else {}
    prepared = prepare(name, {"dataset": data, "data_path": str(folder), "seed": seed, **own})
    trainer, dataset = trainer_of(prepared), prepared.train.dataset
    looks = []

    def look(*_given, **_named):
        looks.append(ndcg_at(10, ranks(trainer.model, dataset, split.validation)))
        print(f"  {name} epoch {len(looks)}: {looks[-1]:.4f}", flush=True)
        return looks[-1], {}

    trainer._valid_epoch = look
    trainer.epochs = most_epochs or trainer.epochs
    started = time.process_time()
    train_epoch = trainer._train_epoch

    def epoch_in_time(*given, **named):
        if most_seconds is not None and time.process_time() - started > most_seconds:
            raise TimeIsUp
        return train_epoch(*given, **named)

    trainer._train_epoch = epoch_in_time
    with suppress(TimeIsUp):
        trainer.fit(prepared.train, prepared.valid, verbose=False, saved=True)
    seconds = time.process_time() - started
    trainer.model.load_state_dict(torch.load(trainer.saved_model_file)["state_dict"])
    test = ranks(trainer.model, dataset, split.test)
    return len(looks), 1 + int(np.argmax(looks)), max(looks), test, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", choices=("BPR", "FPMC", "SASRec"))
    parser.add_argument("--epochs", type=int, help="end after so many, if it has not ended itself")
    parser.add_argument("--seconds", type=float, help="begin no epoch after so much CPU time")
    parser.add_argument("--seed", type=int, default=2020, help="RecBole's; its default is 2020")
    parser.add_argument("--data", choices=DATA, default="beauty")
    given = parser.parse_args()
    warnings.simplefilter("ignore")  # RecBole's own, of pandas 3 and torch 2
    interactions = DATA[given.data]()
    patch()
    torch.set_num_threads(1)
    with working_directory() as folder:
        write_recbole_file(interactions, folder, given.data)
        for name in given.models:
            epochs, best, score, test, seconds = fit(
                name, given.data, interactions, folder, given.epochs, given.seconds, given.seed
            )
            by_itself = epochs != given.epochs and not (given.seconds and seconds > given.seconds)
            ended = "ended" if by_itself else "not ended by itself"
            print(
                f"{given.data}, {name}: {ended} after {epochs} epochs, best {best}, "
                f"validation NDCG@10 {score:.4f}; test HR@10 {np.mean(test <= 10):.4f}, NDCG@10 "
                f"{ndcg_at(10, test):.4f}; {seconds:.0f} CPU s",
                flush=True,
            )


if __name__ == "__main__":
    main()
