"""Validation NDCG@10 of our trainers and of RecBole's own, on the ml-100k that RecBole ships.

    python benchmarks/recbole_parity.py --seeds 3

RecBole's data layer makes the split, RecBole's trainer (Adam, its defaults, early stopping on its
own NDCG@10) trains its own model, and ours trains on the same events. Both models are then ranked
by our rule (own history masked), because RecBole masks it for general models only.
"""

import argparse
import statistics
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))
from recbole_trainer import patch, prepare, split_of, trainer_of, working_directory

from loki_bench_recbole.bprmf import BPRMF
from loki_bench_recbole.fpmc import FPMC
from loki_bench_recbole.samples import last_items
from loki_bench_recbole.validation import held_out_ranks, ndcg_at

PAIRS = {"BPR": BPRMF, "FPMC": FPMC}
OURS = {
    "torch, RecBole's settings": {
        "trainer": "torch",
        "learning_rate": 0.001,
        "l2": 0.0,
        "epochs": 100,
        "validate_every": 1,
        "patience": 10,
    },
    "compiled, l2 = 0": {"l2": 0.0, "epochs": 100},
    "compiled, l2 = 0.003": {"l2": 0.003, "epochs": 100},
    "compiled, defaults": {},
}


def recbole_ndcg(model, validation):
    """Our NDCG@10 of RecBole's trained model."""
    last = last_items(validation.histories.offsets, validation.histories.items)
    with torch.no_grad():
        if type(model).__name__ == "BPR":
            queries = model.user_embedding.weight[1:][validation.users]
            items = model.item_embedding.weight[1:]
        else:
            queries = torch.cat(
                [model.UI_emb.weight[1:][validation.users], model.LI_emb.weight[1:][last]], 1
            )
            items = torch.cat([model.IU_emb.weight[1:], model.IL_emb.weight[1:]], 1)
    matrix = items.detach().numpy().T
    return ndcg_at(
        10, held_out_ranks(queries.detach().numpy(), lambda block: block @ matrix, validation)
    )


def run_recbole(name, seed, epochs):
    prepared = prepare(
        name,
        {
            "dataset": "ml-100k",
            "seed": seed,
            "epochs": epochs,
            "stopping_step": 10,
            "reproducibility": True,
        },
    )
    trainer = trainer_of(prepared)
    started = time.process_time()
    trainer.fit(prepared.train, prepared.valid, verbose=False, saved=True)
    seconds = time.process_time() - started
    state = torch.load(trainer.saved_model_file)
    trainer.model.load_state_dict(state["state_dict"])
    return trainer.model, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=100, help="the most, for RecBole's trainer")
    given = parser.parse_args()
    warnings.simplefilter("ignore")  # RecBole's own, of pandas 3 and torch 2
    patch()
    torch.set_num_threads(1)
    print("| model | trainer | NDCG@10, mean of seeds | each seed | CPU s a fit |")
    print("|---|---|---|---|---|")
    with working_directory():
        train, validation = split_of(prepare("BPR", {"dataset": "ml-100k", "seed": 0}))
        for name, ours in PAIRS.items():
            rows = {}
            for seed in range(given.seeds):
                model, seconds = run_recbole(name, seed, given.epochs)
                rows.setdefault("RecBole's", []).append((recbole_ndcg(model, validation), seconds))
                for label, parameters in OURS.items():
                    started = time.process_time()
                    fitted = ours(**parameters).fit(train, validation=validation, seed=seed)
                    seconds = time.process_time() - started
                    score = fitted.fit_report["validation_ndcg@10"]
                    rows.setdefault(label, []).append((score, seconds))
            for label, results in rows.items():
                scores, seconds = zip(*results, strict=True)
                each = ", ".join(f"{score:.4f}" for score in scores)
                print(
                    f"| {name} | {label} | {np.mean(scores):.4f} | {each} "
                    f"| {statistics.mean(seconds):.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
