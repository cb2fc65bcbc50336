"""Any of RecBole's model classes by its name: trained as it is, or refused with a reason."""

import pickle
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from loki_bench.errors import InvalidAnswerError, ParameterError, PluginError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.ranking import masked_ranks
from loki_bench.split import leave_one_out
from loki_bench.testing import parametrize_with_checks, planted
from loki_bench_recbole import model_index
from loki_bench_recbole.any_model import AnyModel
from loki_bench_recbole.hooks import loki_bench_recommenders
from loki_bench_recbole.model_index import find_model, model_names

README = Path(__file__).parents[1] / "README.md"
[SPEC] = [spec for spec in loki_bench_recommenders() if spec.name == "recbole"]
QUICK = {"epochs": 25, "learning_rate": 0.02, "batch_size": 64, "max_length": 10}


def table_of(first):
    """The table of the README whose first column has this head: rows by their first column."""
    lines = README.read_text("utf-8").splitlines()
    [head] = [n for n, line in enumerate(lines) if line.startswith(f"| {first} |")]
    end = next(n for n in range(head, len(lines)) if not lines[n].startswith("|"))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[head + 2 : end]]
    return {row[0]: row[1] for row in rows}


def ranks_of(model, test):
    scores = model.score_next(test.users, test.histories)
    return masked_ranks(scores, test.histories, test.items[:, None])[:, 0]


def test_a_sequential_model_continues_a_walk_round_a_cycle(cycle):
    model = AnyModel(model="GRU4Rec", model_parameters={"hidden_size": 32}, **QUICK)
    model.fit(cycle.train, validation=None, seed=0)
    assert np.nanmean(ranks_of(model, cycle.test) <= 2) > 0.9
    assert model.n_training_samples == cycle.train.n_events - cycle.train.n_users
    assert model.model.gru_layers.hidden_size == 32


@pytest.mark.parametrize("name", ["NeuMF", "MultiDAE", "EASE"])
def test_general_models_of_every_form_show_even_users_even_items(name, blocks):
    # pairs with labels and scores of pairs alone; whole users; a closed form
    model = AnyModel(model=name, **QUICK).fit(blocks.train, validation=blocks.validation, seed=0)
    assert np.mean(ranks_of(model, blocks.test) <= 3) > 0.95
    assert model.n_training_samples == blocks.train.n_events
    assert 0 < model.fit_report["validation_ndcg@10"] <= 1


def test_a_fit_is_its_seeds_and_pickles_and_leaves_the_process_alone(small, held_out):
    users = np.array([0, 9, 3], dtype=np.int32)
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), list(sys.argv)  # noqa: NPY002
    scores = [
        AnyModel(model="SRGNN", epochs=2)
        .fit(small, validation=held_out, seed=seed)
        .score_next(users, small.take(users))
        for seed in (5, 5, 6)
    ]
    assert np.array_equal(scores[0], scores[1])
    assert not np.array_equal(scores[0], scores[2])
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert sys.argv == before[2]
    assert not torch.is_anomaly_enabled()
    model = AnyModel(model="SHAN", epochs=1).fit(small, validation=None, seed=5)
    copy = pickle.loads(pickle.dumps(model))
    assert np.array_equal(
        copy.score_next(users, small.take(users)), model.score_next(users, small.take(users))
    )
    assert model.score_next(users[:0], Sequences.empty()).shape == (0, 30)
    assert np.isfinite(model.score_next(users[:1], Sequences.of([[]]))).all()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Sasrec", r"RecBole has no model 'Sasrec' \(did you mean 'SASRec'\?\)"),
        ("KGAT", "needs a knowledge graph"),
        ("DeepFM", "is a context-aware model"),
        ("XGBoost", "is no torch model"),
        ("FDSA", "reads attributes of the items"),
        ("RecVAE", "is trained by a trainer of its own"),
        ("BERT4Rec", "ask for the recommender 'bert4rec'"),
        ("Random", "draws its scores anew"),
        ("Pop", "counts the batches in which an item stands"),
        ("GCMC", "its ranking is upside down"),
    ],
)
def test_a_model_that_can_not_be_used_is_refused_with_the_reason(name, reason):
    with pytest.raises(ParameterError, match=reason):
        AnyModel(model=name)


def test_the_readme_lists_all_models_that_are_refused_with_their_reasons():
    told = {
        name.strip("`"): reason
        for names, reason in table_of("refused").items()
        for name in names.split(", ")
    }
    assert set(told) == set(model_index._REFUSED)
    for name, reason in told.items():
        with pytest.raises(ParameterError, match=re.escape(f"it {reason};")):
            AnyModel(model=name)


def test_an_unknown_parameter_of_a_model_is_named_with_the_known_ones():
    wrong = r"FEARec takes no parameter 'n_layer' \(did you mean 'n_layers'\?\); it takes: n_layers"
    with pytest.raises(ParameterError, match=wrong):
        AnyModel(model="FEARec", model_parameters={"n_layer": 1})


def test_a_value_that_a_model_refuses_is_told_in_one_sentence(small):
    model = AnyModel(model="SASRec", model_parameters={"n_heads": 5}, epochs=1)
    with pytest.raises(InvalidAnswerError, match=r"SASRec failed .*look at its parameters"):
        model.fit(small, validation=None, seed=0)


def test_recboles_default_parameters_are_read_with_their_types():
    defaults = find_model("FEARec").defaults
    assert defaults["hidden_size"] == 64
    assert defaults["layer_norm_eps"] == 1e-12
    assert defaults["dual_domain"] is False
    assert defaults["hidden_act"] == "gelu"
    assert find_model("NAIS").defaults["reg_weights"] == [1e-7, 1e-7, 1e-5]
    assert find_model("FEARec").kind == "sequential"
    assert find_model("EASE").kind == "general"


def test_without_recbole_the_error_says_what_to_type(monkeypatch):
    monkeypatch.setattr(model_index.importlib.util, "find_spec", lambda name: None)
    model_index._targets.cache_clear()
    with pytest.raises(PluginError, match=r"type: pip install --no-deps recbole==1\.2\.1"):
        AnyModel(model="SRGNN")
    model_index._targets.cache_clear()


@pytest.mark.slow
@parametrize_with_checks(
    [SPEC],
    parameters={
        "recbole": {
            "model": "GRU4Rec",
            "model_parameters": {"hidden_size": 16, "embedding_size": 16},
            **QUICK,
            "epochs": 40,
        }
    },
)
def test_the_kit(check, subject):
    check(subject)


PARAMETERS = {
    # RecBole's default weight of the norms, 0.01, leaves vectors of so little data no length
    "FISM": {"model_parameters": {"reg_weights": [0.0001, 0.0001]}},
    # it reads the last place, which in shorter sequences is padding: here none is shorter
    "NextItNet": {"max_length": 3},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", model_names())
def test_every_model_learns_what_was_planted(name):
    """A score that is turned round, or counts something else, is no better than chance."""
    given = {**QUICK, **PARAMETERS.get(name, {}), "model": name}
    if find_model(name).kind == "general":
        split = planted.two_groups()
        model = AnyModel(**given).fit(split.train, validation=split.validation, seed=0)
        users = np.arange(split.train.n_users, dtype=np.int32)
        assert planted.share_of_pairs_right(model.score_next(users, split.train)) > 0.7
        return
    split = planted.cycle()
    model = AnyModel(**given).fit(split.train, validation=split.validation, seed=0)
    assert np.nanmean(ranks_of(model, split.test) == 1) > 0.3  # by chance a sixth


@pytest.mark.slow
def test_the_table_in_the_readme_says_what_every_model_did():
    """Every model, three epochs on walks of 200 users over 110 items."""
    generator = np.random.default_rng(3)
    lengths = generator.integers(6, 12, size=200)
    rows = Sequences.of([(generator.integers(110) + np.arange(length)) % 110 for length in lengths])
    split = leave_one_out(Interactions(rows.offsets, rows.items, n_items=110))
    users = np.arange(7, dtype=np.int32)
    found = {"general": [], "sequential": []}
    for name in model_names():
        model = AnyModel(model=name, epochs=3, batch_size=64, max_length=10)
        model.fit(split.train, validation=split.validation, seed=1)
        many = model.score_next(users, split.train.take(users))
        alone = model.score_next(users[:1], split.train.take(users[:1]))
        if np.allclose(many[:1], alone, atol=1e-5) and np.isfinite(many).all():
            found[find_model(name).kind].append(name)
    assert {kind: table_of("kind")[kind].split(", ") for kind in found} == found
