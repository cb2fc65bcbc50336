"""What three options of LOKI are worth: being found less, knowing what users do next, few rows.

    python benchmarks/loki_options.py stealth --seeds 0 1 2
    python benchmarks/loki_options.py stale --seeds 20 21 22
    python benchmarks/loki_options.py stale --seeds 20 21 22 --dataset amazon-beauty
    python benchmarks/loki_options.py rows --seeds 20 21 22 --victims bprmf fpmc

``stealth`` crosses three weights of being found with the filters of ``loki-bench-defenses``, whom
LOKI does not know: the victim's display rate at 10 without a defense, and how well each filter
tells the fake users from the others (AUC, and recall where 1 % of genuine users are above the
threshold). One preparation serves all weights of a seed.

``stale`` hides the target users' latest event (knowledge until T-2) and prints the display rate of
``covisit``, of ``loki``, and of ``loki`` with ``last_items = "predicted"``.

``rows`` lets the simulator train all of its surrogates anew on each attack, or their rows that the
target users' lists are made of, and prints the display rate of what either chooses and the CPU
seconds that choosing took. One preparation serves both.

MovieLens-100K's latest events, 3 % x 15, five targets, as in the suite `quick`; on Amazon Beauty 20
targets. Each victim is attacked through the other two of bprmf, fpmc and transrec.
"""

import argparse
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from loki_bench.answer_checks import NamedArrays
from loki_bench.interactions import Sequences
from loki_bench.pipeline.craft import Poison, craft, prepare
from loki_bench.pipeline.dataset import DataFolder, load_split, write_dataset
from loki_bench.pipeline.retrain import evaluate
from loki_bench.pipeline.surrogate import fit_surrogate
from loki_bench.pipeline.training_data import TrainingData, shown_to_defense
from loki_bench.plugins.registry import Registry, discover
from loki_bench.plugins.specs import DefenseSpec
from loki_bench.records.store import Store
from loki_bench.suite.cell import Cell
from loki_bench.suite.resolve import prepare as resolved
from loki_bench.suite.suite import load_suite
from loki_bench.timing import Timed

WEIGHTS = (0.0, 0.1, 1.0)
FILTERS = ("target-burst", "pca", "fap", "degree", "next-item", "profile", "cooccurrence")
K = 10
BEAUTY: dict[str, Any] = {
    "dataset": "amazon-beauty",
    "protocol": {"n_targets": 20, "n_target_users": 20},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["stealth", "stale", "rows"])
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("--victims", nargs="+", default=["fpmc"])
    parser.add_argument("--dataset", default="ml-100k", choices=["ml-100k", "amazon-beauty"])
    chosen = parser.parse_args()
    changed: dict[str, Any] = {
        "seeds": chosen.seeds,
        "victims": chosen.victims,
        "integrity_rows": False,
        "isolation": "in-process",
        "attackers": ["none", *({"name": "loki", "parameters": {"stealth": w}} for w in WEIGHTS)],
    }
    if chosen.what == "stale":
        predicted = {"name": "loki", "parameters": {"last_items": "predicted"}}
        changed |= {"attackers": ["none", "covisit", "loki", predicted]}
        changed |= {"knowledge": {"until": ["T-2"]}}
    if chosen.what == "rows":
        rows = {"name": "loki", "parameters": {"decision": "simulator-rows"}}
        changed |= {"attackers": ["none", "covisit", "loki", rows]}
    if chosen.dataset == "amazon-beauty":
        changed |= BEAUTY
    quick = load_suite("quick")
    suite = type(quick).model_validate({**quick.model_dump(), **changed})
    registry = discover()
    ready = resolved(suite, registry, download=False)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder), warn=print)
        data = write_dataset(store, ready.interactions, ready.dataset.fingerprint)
        crafted = Crafted(data, share_plans=chosen.what != "stale")
        columns = ["display rate"]
        if chosen.what == "stealth":
            columns += [f"{name} (recall)" for name in FILTERS]
        if chosen.what == "rows":
            columns += ["CPU s"]
        print(" | ".join(["victim", "seed", "attack", *columns]))
        for cell in ready.grid.cells:
            if cell.attacker.name == "none":
                continue
            timed = crafted.by(cell)
            poison = timed.value.poison
            found = [f"{displayed(data, cell, poison):.4f}"]
            if chosen.what == "stealth":
                found += [told_apart(registry, data, cell, poison, name) for name in FILTERS]
            if chosen.what == "rows":
                found += [f"{timed.cpu_seconds:.1f}"]
            row = [cell.victim.name, str(cell.seed), cell.attacker.label, *found]
            print(" | ".join(row), flush=True)


@dataclass
class Crafted:
    """Poisons of cells, in this process; surrogates are trained once.

    ``share_plans``: attacks on one goal differ in nothing that is prepared.
    """

    data: DataFolder
    share_plans: bool

    def __post_init__(self) -> None:
        self.files: dict[str, Bytes] = {}
        self.plans: dict[object, NamedArrays] = defaultdict(dict)

    def by(self, cell: Cell) -> Timed[Poison]:
        files = tuple(self.file(cell, used) for used in cell.surrogates)
        plan = None
        if cell.prepares:
            key = (cell.victim.name, cell.seed, "" if self.share_plans else cell.attacker.label)
            if key not in self.plans:
                self.plans[key] = prepare(self.data, cell, files).value
            plan = self.plans[key]
        return craft(self.data, cell, files, None, plan)

    def file(self, cell: Cell, used: Any) -> "Bytes":
        name = cell.surrogate_id(used)
        if name not in self.files:
            self.files[name] = Bytes(fit_surrogate(self.data, cell, used).value)
        return self.files[name]


@dataclass
class Bytes:
    """A file of the store that was never written."""

    content: bytes

    def mapped(self) -> NDArray[np.uint8]:
        return np.frombuffer(self.content, np.uint8)


def displayed(data: DataFolder, cell: Cell, poison: Sequences) -> float:
    """The victim's display rate at 10 without a defense."""
    ranks = evaluate(data, cell, TrainingData.undefended(poison)).value.target_ranks
    return float((ranks <= K)[~np.isnan(ranks)].mean())


def told_apart(
    registry: Registry, data: DataFolder, cell: Cell, poison: Sequences, name: str
) -> str:
    """AUC of a filter's suspicion, and its recall at 1 % of false positives."""
    _, split = load_split(data)
    random = np.random.default_rng(cell.seed_of("defense-order"))
    shown, order = shown_to_defense(split.train.with_users(poison), random)
    spec, _ = registry.find(DefenseSpec, name)
    defense = spec.build()
    defense.keep(shown, seed=0)
    suspicion: NDArray[np.float64] = defense.suspicion[np.argsort(order)]
    is_fake = np.arange(len(suspicion)) >= split.train.n_users
    genuine = np.sort(suspicion[~is_fake])[::-1]
    recall = float((suspicion[is_fake] > genuine[int(0.01 * len(genuine))]).mean())
    return f"{roc_auc_score(is_fake, suspicion):.3f} ({recall:.3f})"


if __name__ == "__main__":
    main()
