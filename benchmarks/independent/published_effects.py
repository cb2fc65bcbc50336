"""What a sceptic runs first: do published attacks work on victims that are not loki-bench's own?

Nothing of loki_bench is imported: numpy and numba alone. Data, k-core, leave-one-out split, BPR-MF
and FPMC by plain stochastic gradient descent, ranks and display rates are written here anew, from
the papers (Rendle et al., UAI 2009 and WWW 2010; Zhang et al., WWW 2020, section 4). Of a published
leaderboard only poison, targets, target users and the figures to compare with are read.

Run: ``LOKI_BENCH_DATA=folder python benchmarks/independent/published_effects.py [BOARD ...]``. The
exit status is 1 where something does not agree.

What must agree:

- an effect that is published (the display rate is 0.05 or more above that without poison, mean over
  seeds) is there: ours is above that without poison in every seed;
- the order: two attacks that the board tells apart come in the board's order. Of two that it calls
  tied, either may be first.

How large an effect is depends on how a victim is trained. Where ours differs from theirs by more
than half of theirs, and by more than 0.05, the line says so; that is no disagreement.

Beside it the stored ranks are counted once more: they must give the published display rate exactly.
"""

import argparse
import gzip
import hashlib
import importlib.util
import io
import json
import os
import sys
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numba import njit

ROOT = Path(__file__).resolve().parents[2]
BOARDS = ("quick", "loki-fresh")
ATTACKS = ("none", "popular", "covisit", "loki")
K = 10
SLACK = 0.05

SIZE, LOOK_EVERY, PATIENCE, MOST_EPOCHS = 64, 10, 3, 400
RATE = {"bprmf": 0.05, "fpmc": 0.05}
L2 = {"bprmf": 0.02, "fpmc": 0.03}
LOOKED_AT = 1000  # validation events, at most


# -------------------------------------------------------------------------------------------- data


def read(name, folder, last_events=None, k_core=5):
    """Each user's items as whole numbers, oldest first: names are numbered by length, then text."""
    sequences = {}
    if name == "ml-100k":
        recbole = importlib.util.find_spec("recbole")  # found, not imported: its wheel has the file
        if recbole is None:
            raise SystemExit("the file of ml-100k: pip install --no-deps recbole==1.2.1")
        path = Path(recbole.submodule_search_locations[0]) / "dataset_example/ml-100k/ml-100k.inter"
        rows = [line.split("\t") for line in path.read_text("utf-8").splitlines()[1:]]
        for user, item, _, _ in sorted(rows, key=lambda row: float(row[3])):  # stable
            sequences.setdefault(user, []).append(item)
    else:
        path = folder / {"amazon-beauty": "beauty.txt", "lastfm": "lastfm.txt"}[name]
        if not path.is_file():
            raise SystemExit(f"{path} is not there: LOKI_BENCH_DATA names the folder that has it")
        for line in path.read_text("utf-8").splitlines():
            user, *items = line.split()
            sequences[user] = items
    if last_events is not None:
        sequences = {user: items[-last_events:] for user, items in sequences.items()}
    sequences = core(sequences, k_core)
    number = {
        name: n for n, name in enumerate(sorted_names({i for s in sequences.values() for i in s}))
    }
    return [
        np.array([number[item] for item in sequences[user]]) for user in sorted_names(sequences)
    ], len(number)


def sorted_names(names):
    return sorted(names, key=lambda name: (len(name), name))


def core(sequences, k):
    """Drop users and items with fewer than ``k`` events until none is left."""
    while True:
        counts = Counter(item for items in sequences.values() for item in items)
        kept = {u: [i for i in items if counts[i] >= k] for u, items in sequences.items()}
        kept = {user: items for user, items in kept.items() if len(items) >= k}
        if sum(map(len, kept.values())) == sum(map(len, sequences.values())):
            return kept
        sequences = kept


def split(sequences):
    """Leave one out: what trains, validation items, what is known at the test, test items.

    Of T events T - 2 train, event T - 1 validates, and T - 1 are known when event T is asked for.
    Users with fewer than three events only train; their held-out items are -1.
    """
    train = [s[:-2] if len(s) >= 3 else s for s in sequences]
    validation = np.array([s[-2] if len(s) >= 3 else -1 for s in sequences])
    known = [s[:-1] if len(s) >= 3 else s for s in sequences]
    test = np.array([s[-1] if len(s) >= 3 else -1 for s in sequences])
    return train, validation, known, test


# ----------------------------------------------------------------------------------------- training


@njit
def sgd_epoch(order, users, last, wanted, others, tables, rate, l2):
    """One step a sample on log(1 + exp(-x)), x = <P_u, Q_i - Q_j> + <L_l, M_i - M_j>."""
    p, q, l_table, m = tables
    for s in order:
        u, a, i, j = users[s], last[s], wanted[s], others[s]
        x = np.float32(0)
        for k in range(p.shape[1]):
            x += p[u, k] * (q[i, k] - q[j, k])
        for k in range(m.shape[1]):
            x += l_table[a, k] * (m[i, k] - m[j, k])
        pull = np.float32(1) / (np.float32(1) + np.exp(x))
        for k in range(p.shape[1]):
            own, liked, other = p[u, k], q[i, k], q[j, k]
            p[u, k] += rate * (pull * (liked - other) - l2 * own)
            q[i, k] += rate * (pull * own - l2 * liked)
            q[j, k] += rate * (-pull * own - l2 * other)
        for k in range(m.shape[1]):
            own, liked, other = l_table[a, k], m[i, k], m[j, k]
            l_table[a, k] += rate * (pull * (liked - other) - l2 * own)
            m[i, k] += rate * (pull * own - l2 * liked)
            m[j, k] += rate * (-pull * own - l2 * other)


@dataclass
class Factors:
    """P, Q and, for FPMC, L and M; for BPR-MF these have no column."""

    tables: tuple
    validated: float = -1.0
    """NDCG@K of the validation events that were looked at."""

    def scores(self, user, known):
        return self.scores_of([user], [known])[0]

    def scores_of(self, users, known):
        """A row for each user, who did what is known; a column for each item."""
        p, q, l_table, m = self.tables
        return p[users] @ q.T + l_table[[items[-1] for items in known]] @ m.T


def is_among(values, rising):
    return rising[np.minimum(np.searchsorted(rising, values), len(rising) - 1)] == values


def fit(kind, train, n_items, validation, *, seed, epochs=None):
    """Train on all rows of ``train``; the first ``len(validation)`` are genuine users."""
    random = np.random.default_rng(seed)
    lengths = np.array([len(s) for s in train])
    users = np.repeat(np.arange(len(train)), lengths)
    wanted = np.concatenate(train)
    last = np.concatenate([[0], wanted[:-1]])
    first = np.zeros(len(users), dtype=bool)
    first[np.cumsum(lengths)[:-1]] = first[0] = True
    pairs = np.unique(users * n_items + wanted)
    if kind == "fpmc":
        users, wanted, last = users[~first], wanted[~first], last[~first]
    widths = (SIZE, SIZE, SIZE, SIZE) if kind == "fpmc" else (SIZE, SIZE, 0, 0)
    rows = (len(train), n_items, n_items, n_items)
    tables = tuple(
        random.normal(0, 0.1, (n, d)).astype(np.float32) for n, d in zip(rows, widths, strict=True)
    )
    model = Factors(tables)
    looked_at = np.flatnonzero(validation >= 0)
    looked_at = random.permutation(looked_at)[:LOOKED_AT]
    best, best_tables, waited = -1.0, tables, 0
    for epoch in range(1, (MOST_EPOCHS if epochs is None else epochs) + 1):
        others = random.integers(n_items, size=len(users))
        while len(wrong := np.flatnonzero(is_among(users * n_items + others, pairs))):
            others[wrong] = random.integers(n_items, size=len(wrong))
        order = random.permutation(len(users))
        sgd_epoch(
            order, users, last, wanted, others, tables, np.float32(RATE[kind]), np.float32(L2[kind])
        )
        if epoch % LOOK_EVERY or not len(looked_at):
            continue
        score = np.mean([gain(rank) for rank in held_out(model, looked_at, train, validation)])
        if score > best:
            best, best_tables, waited = score, tuple(table.copy() for table in tables), 0
        else:
            waited += 1
            if waited == PATIENCE:
                break
    return Factors(best_tables, best)


# -------------------------------------------------------------------------------- ranks and rates


def ranks(scores, known, items):
    """1 + items above + half of those tied, among items not known; NaN for a known one."""
    scores = scores.copy()
    scores[known] = -np.inf
    wanted = scores[items]
    above = [np.count_nonzero(scores > own) for own in wanted]
    level = [np.count_nonzero(scores == own) - 1 for own in wanted]
    found = 1 + np.array(above) + np.array(level) / 2
    return np.where(np.isinf(wanted), np.nan, found)


def held_out(model, users, known, items):
    """The rank of each user's held-out item after what is known; NaN where that has it."""
    found = []
    for block in np.array_split(users, len(users) // 250 + 1):
        scores = model.scores_of(block, [known[user] for user in block])
        found += [
            ranks(own, known[user], items[user : user + 1])[0]
            for own, user in zip(scores, block, strict=True)
        ]
    return found


def gain(rank):
    """NDCG@K of one item; of one without a rank 0."""
    return 1 / np.log2(1 + rank) if rank <= K else 0.0


def display_rate(target_ranks):
    """Share of pairs with a rank whose item is in the list of K."""
    return float(np.mean(target_ranks[~np.isnan(target_ranks)] <= K))


# -------------------------------------------------------------------------------- published boards


class Board:
    """A folder that ``loki-bench publish`` packed, or one suite of a family."""

    def __init__(self, folder):
        self.folder = folder
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        self._hashes = manifest["files"]
        shared = any(pack["shared"] for pack in manifest["packs"].values())
        packs = folder.parent if shared else folder
        self._zip = zipfile.ZipFile(packs / "artefacts.zip")
        with gzip.open(packs / "records.jsonl.gz", "rt", encoding="utf-8") as lines:
            records = [json.loads(line) for line in lines]
        self.records = [
            record["content"]
            for record in records
            if f"records/{record['id']}.json" in self._hashes
            and record["content"]["status"] == "ok"
            and not record["content"]["cell"]["placebo"]
        ]
        table = json.loads((folder / "leaderboard.json").read_text("utf-8"))["tables"][0]
        self._pairs = [pair for pair in table["pairs"] if pair["clear"]]

    def arrays(self, kind, name):
        path = f"artefacts/{kind}/{name}.npz"
        content = self._zip.read(path)
        if hashlib.sha256(content).hexdigest() != self._hashes[path]:
            raise SystemExit(f"{self.folder}: {path} is not the file that the manifest names")
        return np.load(io.BytesIO(content), allow_pickle=False)

    def poison(self, record):
        arrays = self.arrays("poison", record["artefacts"]["poison"])
        return np.split(arrays["items"], arrays["offsets"][1:-1]) if len(arrays["items"]) else []

    def told_apart(self, victim, fake_users):
        """(better, worse) of every pair that is not tied, among the attacks looked at here."""
        return [
            (pair["better"][0], pair["worse"][0])
            for pair in self._pairs
            if pair["where"]["victim"] == victim
            and pair["where"]["fake_users"] == fake_users
            and {pair["better"][0], pair["worse"][0]} <= set(ATTACKS)
        ]


def is_as_large(theirs, ours):
    """Whether two effects are within half of the published one, or near enough."""
    return abs(ours - theirs) <= max(SLACK, abs(theirs) / 2)


def disagreements(rows, told_apart):
    """What does not agree of one victim and budget, in words.

    ``rows`` has (seed, published, ours) of each attack, ``none`` among them, in the order of seeds;
    ``told_apart`` pairs (better, worse).
    """
    theirs, ours = means(rows)
    found = [
        f"the published effect of {attack} is not there"
        for attack in rows
        if theirs[attack] - theirs["none"] >= SLACK
        and any(own[2] <= clean[2] for own, clean in zip(rows[attack], rows["none"], strict=True))
    ]
    return found + [
        f"{better} is published above {worse}, and is not here"
        for better, worse in told_apart
        if better in ours and worse in ours and ours[better] <= ours[worse]
    ]


def means(rows):
    """Mean display rates by attack: the published ones, and ours."""
    return tuple(
        {attack: float(np.mean([row[place] for row in rows[attack]])) for attack in rows}
        for place in (1, 2)
    )


def check(folder, data_folder, n_seeds, every_budget):
    """Print a board's figures beside ours; the disagreements in words."""
    board = Board(folder)
    chosen = [record for record in board.records if record["cell"]["attacker"]["name"] in ATTACKS]
    seeds = sorted({record["cell"]["seed"] for record in chosen})[:n_seeds]
    shares = sorted({record["cell"]["budget"]["fake_users"] for record in chosen})
    shares = shares if every_budget else shares[:1]
    dataset = chosen[0]["cell"]["dataset"]
    parameters = dataset["component"]["parameters"]
    sequences, n_items = read(
        dataset["component"]["name"], data_folder, parameters.get("last_events"),
        parameters["k_core"],
    )  # fmt: skip
    size = (len(sequences), n_items, sum(map(len, sequences)))
    if size != (dataset["n_users"], dataset["n_items"], dataset["n_events"]):
        return [f"{folder}: read {size} users, items and events, and the board says otherwise"]
    train, validation, known, test = split(sequences)
    fitted, found, hits = {}, {}, {}
    for record in chosen:
        cell = record["cell"]
        seed, victim = cell["seed"], cell["victim"]["name"]
        if seed not in seeds or victim not in L2 or cell["budget"]["fake_users"] not in shares:
            continue
        poison = board.poison(record)
        address = (victim, seed, record["artefacts"]["poison"] if poison else "")
        if address not in fitted:
            fitted[address] = fit(victim, train + poison, n_items, validation, seed=seed)
            if not poison:  # is the victim any good? both hit rates, of the same users or a part
                some = np.random.default_rng(seed).permutation(np.flatnonzero(test >= 0))[
                    :LOOKED_AT
                ]
                hit = np.mean(np.array(held_out(fitted[address], some, known, test)) <= K)
                [of] = [m["value"] for m in record["metrics"] if m["label"] == f"hr@{K}"]
                hits.setdefault(victim, []).append((of, hit))
        goal = record["goal"]
        target_ranks = np.array(
            [
                ranks(fitted[address].scores(user, known[user]), known[user], goal["items"])
                for user in goal["users"]
            ]
        )
        [published] = [m["value"] for m in record["metrics"] if m["label"] == f"display_rate@{K}"]
        stored = board.arrays("ranks", record["artefacts"]["ranks"])["target_ranks"]
        if abs(display_rate(stored) - published) > 1e-12:
            return [f"{folder}: stored ranks give {display_rate(stored)}, published {published}"]
        place = (victim, cell["budget"]["fake_users"])
        row = found.setdefault(place, {}).setdefault(cell["attacker"]["name"], [])
        row.append((seed, published, display_rate(target_ranks)))
    wrong = []
    for victim, rates in sorted(hits.items()):
        theirs, ours = np.mean(rates, axis=0)
        print(f"{folder.name}, clean {victim}: HR@{K} published {theirs:.3f}, here {ours:.3f}")
    print(f"\n{folder.name}, display rate@{K}, seeds {', '.join(map(str, seeds))}")
    print(f"{'victim':8}{'fake':>7}  {'attack':10}{'published':>10}{'here':>8}   each seed")
    for (victim, share), unordered in sorted(found.items()):
        rows = {attack: sorted(unordered[attack]) for attack in ATTACKS if attack in unordered}
        theirs, ours = means(rows)
        for attack, own in rows.items():
            effects = [rates[attack] - rates["none"] for rates in (theirs, ours)]
            each = "  ".join(f"{published:.3f} / {here:.3f}" for _, published, here in own)
            size = (
                "" if is_as_large(*effects) else f"  {effects[1] / effects[0]:.1f} times the effect"
            )
            print(
                f"{victim:8}{100 * share:6g}%  {attack:10}{theirs[attack]:10.3f}"
                f"{ours[attack]:8.3f}   {each}{size}"
            )
        told_apart = board.told_apart(victim, share)
        here = disagreements(rows, told_apart)
        ranked = " > ".join(sorted(ours, key=lambda attack: -ours[attack]))
        print(f"{'':17}order here: {ranked}; pairs told apart: {len(told_apart)}; "
              f"{'; '.join(here) or 'all agree'}")  # fmt: skip
        wrong += [f"{folder.name}, {victim}, {100 * share:g} %: {what}" for what in here]
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("boards", nargs="*", type=Path, help="published folders")
    parser.add_argument("--seeds", type=int, default=2, help="how many of a board's seeds")
    parser.add_argument("--every-budget", action="store_true", help="not the smallest alone")
    given = parser.parse_args()
    boards = given.boards or [ROOT / "leaderboards" / name for name in BOARDS]
    data = Path(os.environ.get("LOKI_BENCH_DATA", "."))
    wrong = []
    for board in boards:
        wrong += check(board, data, given.seeds, given.every_budget)
    print("\n" + ("\n".join(wrong) if wrong else "Every effect and every order agrees."))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
