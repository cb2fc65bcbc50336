"""What each surrogate of a suite's pool pays for, and what its solve costs.

    python benchmarks/surrogate_rewards.py --seed 0 [--suite beauty] [--reward contrast]
        [--trained FOLDER]

trains the surrogates of the suite as a run does, fits the influence estimator that `loki` is lent
by default, and prints for each surrogate the CPU seconds and residual of the solve, milliseconds a
fake user, and the mean influence of fake users who repeat a pattern of items: `T` a target, `o` an
item of a target user, `p` one of the 50 most popular, `c` any item; in standard deviations over
all of them. With `--trained` fitted surrogates are kept in a folder and taken from there.
"""

import argparse
import pickle
import time
from pathlib import Path
from typing import get_args

import numpy as np
from tabulate import tabulate

from loki_bench.attackers.draws import equal_length_sequences
from loki_bench.attackers.loki.target_samples import Reward, objective_of, target_samples
from loki_bench.plugins.registry import discover
from loki_bench.plugins.specs import AttackerSpec, InfluenceEstimatorSpec, RecommenderSpec
from loki_bench.seeds import seed_for
from loki_bench.split import leave_one_out
from loki_bench.suite.goal import draw_goal
from loki_bench.suite.resolve import load_dataset
from loki_bench.suite.suite import load_suite

PATTERNS = ("T", "oT", "To", "oTT", "ooT", "o", "c", "pT")
N_FAKE_USERS, N_ACTIONS = 48, 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--suite", default="beauty")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reward", default="contrast", choices=get_args(Reward))
    parser.add_argument("--trained", type=Path)
    arguments = parser.parse_args()
    suite, registry, seed = load_suite(arguments.suite), discover(), arguments.seed
    _, interactions = load_dataset(suite.dataset, registry, download=False)
    split = leave_one_out(interactions)
    goal = draw_goal(split, suite.protocol, seed)
    users, items = target_samples(split.history, goal.users, goal.items)
    written = {p: fake_users(p, split.history, goal, seed) for p in PATTERNS}
    attacker, _ = registry.find(AttackerSpec, "loki")
    attack_seed = seed_for(seed_for(seed, "attacker/loki"), "influence")
    rows = []
    for surrogate in suite.surrogates:
        file = arguments.trained and arguments.trained / f"{surrogate.name}-{seed}.pkl"
        started = time.process_time()
        if file and file.exists():
            model = pickle.loads(file.read_bytes())
        else:
            spec, _ = registry.find(RecommenderSpec, surrogate.name)
            model = spec.build(surrogate.parameters).fit(
                split.train,
                validation=split.validation,
                seed=seed_for(seed, f"surrogate/{surrogate.name}"),
            )
            if file:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(pickle.dumps(model))
        trained = time.process_time()
        objective = objective_of(
            model, split.history, users, items, reward=arguments.reward, seed=attack_seed
        )
        spec, _ = registry.find(InfluenceEstimatorSpec, attacker.influence)
        estimator = spec.build(attacker.influence_parameters)
        estimator.fit(model, split.train, objective, seed=attack_seed)
        solved = time.process_time()
        estimator.sequence_rewards(written["T"].take(range(2)))  # compiles
        compiled = time.process_time()
        returns = np.array([estimator.influence(written[p]) for p in PATTERNS])
        ended = time.process_time()
        means = (returns.mean(axis=1) / returns.std()).round(2)
        report = estimator.report
        rows.append(
            [
                surrogate.name,
                f"{trained - started:.0f}",
                f"{solved - trained:.1f}",
                f"{report['iterations']:.0f}",
                f"{report.get('scaled_residual', report['relative_residual']):.2g}",
                f"{report.get('sampled_share', 1.0):.2f}",
                f"{1e3 * (ended - compiled) / returns.size:.1f}",
                *means.tolist(),
            ]
        )
        print(surrogate.name, report, flush=True)
    head = ["surrogate", "train CPU s", "solve CPU s", "iterations", "residual", "share", "ms"]
    print(tabulate(rows, headers=[*head, *PATTERNS], tablefmt="github"))


def fake_users(pattern, history, goal, seed):
    """Fake users who repeat a pattern, with items that differ where there are enough."""
    rng = np.random.default_rng([seed, *pattern.encode()])
    own = [history[int(user)] for user in goal.users]
    popular = np.argsort(-np.bincount(history.items, minlength=history.n_items))[:50]
    rows = np.empty((N_FAKE_USERS, N_ACTIONS), dtype=np.int32)
    for row in rows:
        taken = []
        for step in range(N_ACTIONS):
            group = pattern[step % len(pattern)]
            members = {
                "T": goal.items,
                "o": own[rng.integers(len(own))],
                "p": popular,
                "c": np.arange(history.n_items),
            }[group]
            new = np.setdiff1d(members, taken)
            taken.append(int(rng.choice(new if len(new) else members)))
        row[:] = taken
    return equal_length_sequences(rows)


if __name__ == "__main__":
    main()
