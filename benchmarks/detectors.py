"""Every filter on every attack: what it finds at its own threshold and at others, without a victim.

    python benchmarks/detectors.py --dataset amazon-beauty

crafts each attack of the suite `defenses-field` that needs no surrogate, with 15 actions and with
genuine lengths, at 3 % fake users, and prints for each attack and filter

- recall and false positives at the filter's own threshold, which no attack was looked at for in
  this run;
- recall where 1 % of genuine users are more suspicious than the threshold, and AUC;
- recall and false positives at a threshold that is chosen on the *other* attacks alone (leave one
  attack out): the one with the largest mean of recall minus false positives over them. An attack
  with genuine lengths and the same one without count as one attack;
- processor seconds of the filter.

Then, for each attack, the filter that has the highest mean AUC on the other attacks, and its AUC on
this one: what a platform gets that chose its detector without knowing the attack.
"""

import argparse
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from loki_bench.pipeline.craft import craft
from loki_bench.pipeline.dataset import DataFolder, load_split, write_dataset
from loki_bench.pipeline.training_data import shown_to_defense
from loki_bench.plugins.registry import discover
from loki_bench.plugins.specs import DefenseSpec
from loki_bench.records.store import Store
from loki_bench.suite.cell import Cell
from loki_bench.suite.resolve import prepare
from loki_bench.suite.suite import load_suite

ATTACKS = ["random", "randalter", "covisit", "covisit-easy"]
FILTERS = ["profile", "pca", "cooccurrence", "target-burst", "degree", "fap", "next-item"]
DATASETS = {
    "ml-100k": {"name": "ml-100k", "parameters": {"last_events": 15}},
    "amazon-beauty": "amazon-beauty",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default="ml-100k", choices=list(DATASETS))
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    plain = load_suite("defenses-field").model_dump()
    changed = {
        "seeds": [chosen.seed],
        "attackers": ATTACKS,
        "defenses": ["none"],
        "surrogates": [],
        "isolation": "in-process",
        "dataset": DATASETS[chosen.dataset],
    }
    suite = type(load_suite("defenses-field")).model_validate({**plain, **changed})
    registry = discover()
    resolved = prepare(suite, registry, download=False)
    found: dict[tuple[str, str], dict[str, NDArray[np.float64]]] = defaultdict(dict)
    own: dict[tuple[str, str], tuple[float, float, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder), warn=print)
        data = write_dataset(store, resolved.interactions, resolved.dataset.fingerprint)
        for cell in resolved.grid.cells:
            if cell.attacker.name == "none":
                continue
            label = f"{cell.attacker.name} x {cell.budget.actions}"
            for name in FILTERS:
                spec, _ = registry.find(DefenseSpec, name)
                suspicion, kept, seconds, n = judged(spec, data, cell)
                found[label, name] = {"genuine": suspicion[:n], "fake": suspicion[n:]}
                own[label, name] = (1 - kept[n:].mean(), 1 - kept[:n].mean(), seconds)
    report(found, own)


def judged(
    spec: DefenseSpec, data: DataFolder, cell: Cell
) -> tuple[NDArray[np.float64], NDArray[np.bool_], float, int]:
    """Suspicion and kept users in the host's order, processor seconds, number of genuine users."""
    _, split = load_split(data)
    poison = craft(data, cell, ()).value.poison
    random = np.random.default_rng(cell.seed_of("defense-order"))
    shown, order = shown_to_defense(split.train.with_users(poison), random)
    defense = spec.build()
    start = time.process_time()
    kept = defense.keep(shown, seed=0)
    seconds = time.process_time() - start
    place = np.argsort(order)
    return defense.suspicion[place], kept[place], seconds, split.train.n_users


def report(
    found: dict[tuple[str, str], dict[str, NDArray[np.float64]]],
    own: dict[tuple[str, str], tuple[float, float, float]],
) -> None:
    """Print both tables."""
    labels = list(dict.fromkeys(label for label, _ in found))
    aucs = {key: auc(parts) for key, parts in found.items()}
    print("| attack | filter | own recall | own FPR | recall at 1 % FPR | AUC", end="")
    print(" | others' recall | others' FPR | CPU s |")
    print("|---|---|---|---|---|---|---|---|---|")
    for label in labels:
        for name in FILTERS:
            parts = found[label, name]
            others = [found[other, name] for other in labels if family(other) != family(label)]
            threshold = best_threshold(others)
            cells = [own[label, name][0], own[label, name][1], recall_at_one_percent(parts)]
            cells += [aucs[label, name], (parts["fake"] > threshold).mean()]
            cells += [(parts["genuine"] > threshold).mean()]
            numbers = " | ".join(f"{value:.3f}" for value in cells)
            print(f"| {label} | {name} | {numbers} | {own[label, name][2]:.1f} |")
    print("\n| attack | best filter on the other attacks | its AUC here |\n|---|---|---|")
    for label in labels:
        others = [other for other in labels if family(other) != family(label)]
        best = max(FILTERS, key=lambda name: np.mean([aucs[other, name] for other in others]))
        print(f"| {label} | {best} | {aucs[label, best]:.3f} |")


def family(label: str) -> str:
    """The attack without its lengths; the two that visit in pairs of a target are two attacks."""
    return label.partition(" x ")[0]


def auc(parts: dict[str, NDArray[np.float64]]) -> float:
    values = np.concatenate([parts["genuine"], parts["fake"]])
    return float(roc_auc_score(np.arange(len(values)) >= len(parts["genuine"]), values))


def recall_at_one_percent(parts: dict[str, NDArray[np.float64]]) -> float:
    genuine = np.sort(parts["genuine"])[::-1]
    return float((parts["fake"] > genuine[int(0.01 * len(genuine))]).mean())


def best_threshold(attacks: list[dict[str, NDArray[np.float64]]]) -> float:
    """The threshold with the largest mean of recall minus false positives over these attacks."""
    candidates = np.unique(np.concatenate([parts["genuine"] for parts in attacks]))
    candidates = candidates[:: max(1, len(candidates) // 2000)]
    gains = np.zeros(len(candidates))
    for parts in attacks:
        for part, sign in (("fake", 1), ("genuine", -1)):
            values = np.sort(parts[part])
            above = 1 - np.searchsorted(values, candidates, side="right") / len(values)
            gains += sign * above
    return float(candidates[np.argmax(gains)])


if __name__ == "__main__":
    main()
