"""Every built-in component keeps the promises of its kind; what does not says why."""

import hashlib
import math
import statistics
from dataclasses import replace
from importlib.metadata import entry_points

import pytest

from loki_bench import builtin
from loki_bench.testing import PluginSubject, Subject, parametrize_with_checks, run_checks

# --------------------------------------------------------------------------- attacks

LOKI = {
    "n_iterations": 2,
    "episodes_per_iteration": 4,
    "updates_per_iteration": 1,
    "n_clusters": 3,
    "n_factors": 4,
}


@parametrize_with_checks(
    # replay writes nothing: what it reads is tested where it is read
    [spec for spec in builtin.loki_bench_attackers() if spec.name != "replay"],
    parameters={"loki": LOKI},
)
def test_every_attack(check, subject):
    check(subject)


@parametrize_with_checks(
    [spec for spec in builtin.loki_bench_attackers() if spec.name == "loki"],
    parameters={"loki": {**LOKI, "weights": "fit"}},
)
def test_loki_where_it_asks_the_victim(check, subject):
    check(subject)


# --------------------------------------------------------------------------- influence estimators


@parametrize_with_checks(
    builtin.loki_bench_influence_estimators(),
    expected_failures={
        "gradient-dot": {
            "check_estimator_scale_is_that_of_an_exact_refit": "a gradient product without "
            "curvature: its sizes are those of a step of length 1, and its ranks alone mean "
            "something"
        }
    },
)
def test_every_influence_estimator(check, subject):
    check(subject)


# --------------------------------------------------------------------------- metrics

# Written down once more, as loops over single pairs: what the metrics' vector forms must equal.


def _mean(values):
    return sum(values) / len(values) if values else math.nan


def _pairs(outcome):
    return [(u, v) for u, row in enumerate(outcome.target_ranks) for v, _ in enumerate(row)]


def _display_rate(outcome, k):
    ranks = [outcome.target_ranks[pair] for pair in _pairs(outcome)]
    return _mean([float(rank <= k) for rank in ranks if not math.isnan(rank)])


def _user_display_rate(outcome, k):
    rows = [[r for r in row if not math.isnan(r)] for row in outcome.target_ranks]
    return _mean([float(min(row) <= k) for row in rows if row])


def _demotion_rate(outcome, k):
    shown = [pair for pair in _pairs(outcome) if outcome.clean_target_ranks[pair] <= k]
    return _mean([float(not outcome.target_ranks[pair] <= k) for pair in shown])


def _target_rank(outcome):
    ranks = sorted(r for r in outcome.target_ranks.ravel() if not math.isnan(r))
    half = len(ranks) // 2
    return _mean(ranks[half : half + 1] if len(ranks) % 2 else ranks[half - 1 : half + 1])


def _hr(outcome, k):
    return _mean([float(rank <= k) for rank in outcome.test_ranks if not math.isnan(rank)])


def _ndcg(outcome, k):
    ranks = [rank for rank in outcome.test_ranks if not math.isnan(rank)]
    return _mean([1 / math.log2(1 + rank) if rank <= k else 0.0 for rank in ranks])


def _hr_change(outcome, k):
    clean = [float(r <= k) for r in outcome.clean_test_ranks if not math.isnan(r)]
    return _hr(outcome, k) - _mean(clean)


def _length_ks(outcome):
    genuine = outcome.genuine_lengths.tolist()
    both = genuine + outcome.poison.lengths.tolist()
    return max(abs(_mean([x <= n for x in genuine]) - _mean([x <= n for x in both])) for n in both)


def _clean_hr_lost(outcome, k):
    if outcome.defended is None:
        return 0.0
    before = [float(r <= k) for r in outcome.defended.undefended_test_ranks if not math.isnan(r)]
    after = [float(r <= k) for r in outcome.clean_test_ranks if not math.isnan(r)]
    return _mean(before) - _mean(after)


def _clean_ndcg_lost(outcome, k):
    if outcome.defended is None:
        return 0.0
    before = _ndcg(replace(outcome, test_ranks=outcome.defended.undefended_test_ranks), k)
    return before - _ndcg(replace(outcome, test_ranks=outcome.clean_test_ranks), k)


def _dropped(outcome):
    """How much of each genuine and of each fake user is dropped."""
    n, defended = len(outcome.genuine_lengths), outcome.defended
    amounts = [0.0] * (n + len(outcome.poison))
    if defended is not None:
        weights = defended.kept if defended.user_weights is None else defended.user_weights
        amounts = [1 - float(weight) for weight in weights]
    return amounts[:n], amounts[n:]


def _detection_precision(outcome):
    genuine, fake = _dropped(outcome)
    whole = sum(genuine) + sum(fake)
    return sum(fake) / whole if whole else math.nan


def _detection_recall(outcome):
    return _mean(_dropped(outcome)[1])


def _false_positive_rate(outcome):
    return _mean(_dropped(outcome)[0])


def _detection_auc(outcome):
    if outcome.defended is None:
        return math.nan
    n, rating = len(outcome.genuine_lengths), outcome.defended.suspicion
    pairs = [(fake, genuine) for fake in rating[n:] for genuine in rating[:n]]
    return _mean([float(f > g) + 0.5 * float(f == g) for f, g in pairs])


def _recall_at_1pct_fpr(outcome):
    if outcome.defended is None:
        return math.nan
    n, rating = len(outcome.genuine_lengths), outcome.defended.suspicion.tolist()
    allowed = [t for t in rating if sum(r > t for r in rating[:n]) <= 0.01 * n]
    return _mean([float(fake > min(allowed)) for fake in rating[n:]])


def _fake_length_ks(outcome):
    one, two = outcome.genuine_lengths.tolist(), outcome.poison.lengths.tolist()
    gaps = (abs(_mean([x <= n for x in one]) - _mean([x <= n for x in two])) for n in one + two)
    return max(gaps) if two else math.nan


def _length_excess(outcome):
    one, two = outcome.genuine_lengths.tolist(), outcome.poison.lengths.tolist()
    return max((two.count(n) / len(two) - one.count(n) / len(one) for n in two), default=math.nan)


def _target_patterns(outcome):
    targets = outcome.goal.items.tolist()
    return float(len({tuple(i in targets for i in row.tolist()) for row in outcome.poison}))


def _repeat_excess(outcome):
    n_genuine = sum(outcome.genuine_lengths.tolist())
    if outcome.n_genuine_repeats is None or not n_genuine:
        return math.nan
    again = [i in row[:n] for row in map(list, outcome.poison) for n, i in enumerate(row)]
    return _mean([float(is_repeat) for is_repeat in again]) - outcome.n_genuine_repeats / n_genuine


def _target_popularity_rank(outcome):
    if outcome.genuine_item_counts is None:
        return math.nan
    fakes = outcome.poison.items.tolist()
    counts = [n + fakes.count(item) for item, n in enumerate(outcome.genuine_item_counts.tolist())]
    ranks = [
        1 + sum(n > counts[item] for n in counts) + (counts.count(counts[item]) - 1) / 2
        for item in outcome.goal.items.tolist()
    ]
    return statistics.median(ranks)


def _collateral(outcome, k):
    if outcome.untargeted_ranks is None:
        return math.nan
    pairs = [rank for row in outcome.untargeted_ranks.tolist() for rank in row]
    return _mean([float(rank <= k) for rank in pairs if not math.isnan(rank)])


REFERENCES = {
    "collateral": _collateral,
    "fake_length_ks": _fake_length_ks,
    "length_excess": _length_excess,
    "recall_at_1pct_fpr": _recall_at_1pct_fpr,
    "repeat_excess": _repeat_excess,
    "target_patterns": _target_patterns,
    "target_popularity_rank": _target_popularity_rank,
    "clean_hr_lost": _clean_hr_lost,
    "clean_ndcg_lost": _clean_ndcg_lost,
    "detection_precision": _detection_precision,
    "detection_recall": _detection_recall,
    "detection_auc": _detection_auc,
    "false_positive_rate": _false_positive_rate,
    "display_rate": _display_rate,
    "user_display_rate": _user_display_rate,
    "demotion_rate": _demotion_rate,
    "target_rank": _target_rank,
    "hr": _hr,
    "ndcg": _ndcg,
    "hr_change": _hr_change,
    "length_ks": _length_ks,
}


@parametrize_with_checks(builtin.loki_bench_metrics(), references=REFERENCES)
def test_every_metric(check, subject):
    check(subject)


def test_every_metric_has_a_reference():
    assert set(REFERENCES) == {spec.name for spec in builtin.loki_bench_metrics()}


# --------------------------------------------------------------------------- datasets

DATASETS = {spec.name: spec for spec in builtin.loki_bench_datasets()}
PUBLISHED = ["amazon-beauty", "amazon-toys", "amazon-sports", "lastfm"]
LINES = [f"u{u} " + " ".join(f"i{(u + n) % 7}" for n in range(6)) for u in range(9)]


@parametrize_with_checks([DATASETS["ml-100k"]])
def test_movielens(check, subject):
    check(subject)


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_dataset_with_a_small_file_in_place_of_its_own(name, tmp_path, monkeypatch):
    text = "\n".join(LINES)
    loader = DATASETS[name].resolve()
    small = replace(loader.file, sha256=hashlib.sha256(text.encode()).hexdigest())
    monkeypatch.setattr(loader, "file", small)
    (tmp_path / loader.file.local_names[0]).write_text(text)
    found = list(run_checks([Subject(spec=DATASETS[name], folder=tmp_path)]))
    assert [result.detail for result in found if not result.ok] == []


def test_a_file_of_ones_own(tmp_path):
    (tmp_path / "events.txt").write_text("\n".join(LINES))
    subject = Subject(
        spec=DATASETS["file"], parameters={"path": str(tmp_path / "events.txt")}, folder=tmp_path
    )
    reason = "the terms of a file of one's own are its owner's"
    expected = {"file": {"check_dataset_names_its_licence_and_homepage": reason}}
    found = list(run_checks([subject], expected_failures=expected))
    assert [result.detail for result in found if not result.ok] == []


def test_the_plugin_as_a_whole():
    [entry] = entry_points(group="loki_bench", name="builtin")
    found = list(run_checks([PluginSubject(entry=entry)]))
    assert [result.detail for result in found if not result.ok] == []


def test_no_dataset_is_left_out():
    assert set(DATASETS) == {"ml-100k", "file", *PUBLISHED}
