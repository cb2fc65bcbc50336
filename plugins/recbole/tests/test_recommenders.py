"""What all recommenders keep to; planted truth, contract and equality with RecBole."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from loki_bench.errors import InvalidAnswerError, ParameterError, UsageError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.ranking import masked_ranks
from loki_bench.split import HeldOut
from loki_bench_recbole.bert4rec import BERT4Rec
from loki_bench_recbole.bprmf import BPRMF
from loki_bench_recbole.caser import Caser
from loki_bench_recbole.fpmc import FPMC
from loki_bench_recbole.gru4rec import GRU4Rec
from loki_bench_recbole.lightgcn import LightGCN
from loki_bench_recbole.narm import NARM
from loki_bench_recbole.sasrec import SASRec
from loki_bench_recbole.transrec import TransRec

SMALL_SASREC = {"hidden_size": 8, "inner_size": 12, "epochs": 3}
SMALL_CASER = {"embedding_size": 8, "n_horizontal": 3, "n_vertical": 2, "epochs": 3}
QUICK = {
    "bert4rec": lambda **given: BERT4Rec(**{**SMALL_SASREC, **given}),
    "bprmf": lambda **given: BPRMF(**{"embedding_size": 8, "epochs": 3, **given}),
    "caser-bpr": lambda **given: Caser(**{**SMALL_CASER, "loss": "BPR", **given}),
    "caser-ce": lambda **given: Caser(**{**SMALL_CASER, "loss": "CE", **given}),
    "fpmc": lambda **given: FPMC(**{"embedding_size": 8, "epochs": 3, **given}),
    "gru4rec-bpr": lambda **given: GRU4Rec(
        **{"embedding_size": 8, "hidden_size": 12, "epochs": 3, "loss": "BPR", **given}
    ),
    "gru4rec-ce": lambda **given: GRU4Rec(
        **{"embedding_size": 8, "hidden_size": 12, "epochs": 3, "loss": "CE", **given}
    ),
    "lightgcn": lambda **given: LightGCN(**{"embedding_size": 8, "epochs": 3, **given}),
    "narm-ce": lambda **given: NARM(
        **{"embedding_size": 8, "hidden_size": 6, "epochs": 3, "loss": "CE", **given}
    ),
    "sasrec-bpr": lambda **given: SASRec(**{**SMALL_SASREC, "loss": "BPR", **given}),
    "sasrec-ce": lambda **given: SASRec(**{**SMALL_SASREC, "loss": "CE", **given}),
    "transrec": lambda **given: TransRec(**{"embedding_size": 8, "epochs": 3, **given}),
    "bprmf-torch": lambda **given: BPRMF(
        **{"embedding_size": 8, "epochs": 3, "trainer": "torch", **given}
    ),
    "fpmc-torch": lambda **given: FPMC(
        **{"embedding_size": 8, "epochs": 3, "trainer": "torch", **given}
    ),
    "bprmf-lbfgs": lambda **given: BPRMF(
        **{"embedding_size": 8, "epochs": 9, "trainer": "lbfgs", **given}
    ),
    "transrec-torch": lambda **given: TransRec(
        **{"embedding_size": 8, "epochs": 3, "trainer": "torch", **given}
    ),
}
every_iterated = pytest.mark.parametrize(
    "build",
    [QUICK[name] for name in QUICK if "lbfgs" not in name],
    ids=[name for name in QUICK if "lbfgs" not in name],
)
every = pytest.mark.parametrize("build", QUICK.values(), ids=QUICK)
NO_SURROGATES = ("bert4rec", "lightgcn")
every_differentiable = pytest.mark.parametrize(
    "build",
    [QUICK[name] for name in QUICK if name not in NO_SURROGATES],
    ids=[name for name in QUICK if name not in NO_SURROGATES],
)


def of_size(build, d):
    """The parameters that give vectors of length d."""
    if build().name in ("bert4rec", "sasrec"):
        return {"hidden_size": d, "n_heads": 1}
    return {"embedding_size": d}


def weights(model):
    return [tensor.detach().numpy().copy() for tensor in model.parameters()]


def as_recbole_reads(model, histories):
    """Histories of which RecBole's class reads what ours reads of the given ones."""
    if model.name == "caser":  # the last five
        return Sequences.of([row[-5:] for row in histories])
    if model.name == "bert4rec":  # it always leaves out the first item
        return Sequences.of([[0, *row[1 - len(model.parameters()[3]) :]] for row in histories])
    return histories


def padded(histories, width=0):
    """RecBole's batch of histories: ids from 1, zeros on the right, length at least 1."""
    width = max([1, width, *histories.lengths])
    ids = torch.zeros(len(histories), width, dtype=torch.long)
    for row, history in enumerate(histories):
        ids[row, : len(history)] = torch.from_numpy(history.astype(np.int64)) + 1
    return ids, torch.from_numpy(np.maximum(histories.lengths, 1))


def recbole_batch(users, histories, width=0, **items):
    ids, lengths = padded(histories, width)
    shifted = {name: torch.from_numpy(value.astype(np.int64)) + 1 for name, value in items.items()}
    return {
        "user_id": torch.from_numpy(users.astype(np.int64)) + 1,
        "item_id_list": ids,
        "item_length": lengths,
        **shifted,
    }


def width_of(model):
    """The one width that RecBole's class takes, 0 for any; of our model or of RecBole's."""
    return 5 if "caser" in (getattr(model, "name", ""), type(model).__name__.lower()) else 0


def one_by_one(method, users, histories, **items):
    """What RecBole answers to each row alone: SASRec's answer to an empty history attends to all
    of the batch's padding, and so depends on how wide the others make it."""
    return torch.cat(
        [
            method(
                recbole_batch(
                    users[row : row + 1],
                    histories.take([row]),
                    width_of(method.__self__),
                    **{name: value[row : row + 1] for name, value in items.items()},
                )
            ).reshape(1, -1)
            for row in range(len(users))
        ]
    ).squeeze(1)


def sample_histories(samples, train):
    """Each sample's history found by walking through the sequences once more."""
    rows = []
    for user in range(train.n_users):
        sequence = train[user]
        n_samples = int((samples.users == user).sum())
        rows += [sequence[:end] for end in range(len(sequence) - n_samples, len(sequence))]
    return Sequences.of(rows)


# --------------------------------------------------------------------------- equality with RecBole


@every
def test_scores_equal_recboles_full_sort_predict(build, small):
    model = build().fit(small, validation=None, seed=1)
    users = np.array([0, 3, 9, 8, 3], dtype=np.int32)
    histories = small.take(users)
    scores = model.score_next(users, histories)
    with torch.no_grad():
        theirs = one_by_one(
            model.model.full_sort_predict, users, as_recbole_reads(model, histories)
        )
    theirs = theirs.view(len(users), -1)[:, 1:].numpy()
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, theirs, atol=1e-5 if "trans" in model.name else 1e-6)


@every_differentiable
def test_target_scores_equal_recboles_predict(build, small):
    model = build().fit(small, validation=None, seed=1)
    users = np.array([0, 3, 9, 8, 3], dtype=np.int32)
    histories = small.take(users)
    items = np.array([0, 29, 4, 4, 7], dtype=np.int32)
    ours = model.target_score(users, histories, items)
    theirs = one_by_one(
        model.model.predict, users, as_recbole_reads(model, histories), item_id=items
    )
    np.testing.assert_allclose(ours.detach(), theirs.detach(), atol=1e-6)


@every_differentiable
def test_losses_and_gradients_equal_recboles_calculate_loss(build, small):
    model = build().fit(small, validation=None, seed=1)
    samples = model.training_samples(small, seed=3)
    ours = model.sample_loss(samples)
    batch = recbole_batch(
        samples.users,
        as_recbole_reads(model, sample_histories(samples, small)),
        width_of(model),
        item_id=samples.positives,
        neg_item_id=samples.negatives,
    )
    module = model.model
    theirs = module.calculate_loss(batch)
    if model.name == "transrec":  # detached norms of what the batch touches, and the L1 norm of T
        items = module.item_embedding(batch["item_id"])
        users = module.user_embedding(batch["user_id"])
        biases = module.bias(batch["item_id"])
        shared = module.T.abs().sum()
        theirs = theirs - shared
        theirs = theirs - (sum(v.norm().detach() for v in (items, users, biases)) / len(samples))
    assert ours.shape == (len(samples),)
    np.testing.assert_allclose(ours.mean().item(), theirs.item(), atol=1e-6)
    module.zero_grad()
    theirs.backward()
    gradients = torch.autograd.grad(ours.mean(), model.parameters())
    expected = {
        "bprmf": lambda: [module.user_embedding, module.item_embedding],
        "caser": lambda: [module.item_embedding, module.user_embedding],
        "fpmc": lambda: [module.UI_emb, module.IU_emb, module.LI_emb, module.IL_emb],
        "gru4rec": lambda: [module.item_embedding],
        "narm": lambda: [module.item_embedding],
        "sasrec": lambda: [module.item_embedding],
        "transrec": lambda: [module.user_embedding, module.item_embedding, module.bias],
    }[model.name]()
    for gradient, table in zip(gradients, expected, strict=False):
        np.testing.assert_allclose(gradient, table.weight.grad[1:], atol=1e-6)
    if model.name == "gru4rec":
        network = [*module.gru_layers.parameters(), *module.dense.parameters()]
        module.zero_grad()
        module.calculate_loss(batch).backward()
        for gradient, tensor in zip(gradients[1:], network, strict=True):
            np.testing.assert_allclose(gradient, tensor.grad, atol=1e-6)
    if model.name in ("caser", "narm"):
        tables = expected
        network = [p for p in module.parameters() if not any(p is t.weight for t in tables)]
        named = {id(p): p for p in network}
        trained = model.parameters()[len(tables) :]
        assert {id(p) for p in trained} == set(named)
        for gradient, tensor in zip(gradients[len(tables) :], trained, strict=True):
            np.testing.assert_allclose(gradient, tensor.grad, atol=1e-6)
    if model.name == "sasrec":
        network = [module.position_embedding.weight, *module.LayerNorm.parameters()]
        network += module.trm_encoder.parameters()
        assert {id(p) for p in network} == {
            id(p) for p in module.parameters() if p is not module.item_embedding.weight
        }
        for gradient, tensor in zip(gradients[1:], network, strict=True):
            np.testing.assert_allclose(gradient, tensor.grad, atol=1e-6)


# --------------------------------------------------------------------------- planted truth

PLANTED_SASREC = {
    "hidden_size": 16,
    "inner_size": 16,
    "n_layers": 1,
    "dropout": 0.1,
    "attention_dropout": 0.1,
    "epochs": 40,
    "learning_rate": 0.02,
    "batch_size": 64,
}


@pytest.mark.parametrize(
    "model",
    [
        FPMC(embedding_size=16, epochs=60),
        FPMC(embedding_size=16, epochs=80, trainer="torch", learning_rate=0.02, batch_size=32),
        GRU4Rec(
            embedding_size=16,
            hidden_size=16,
            epochs=60,
            learning_rate=0.02,
            batch_size=32,
            loss="BPR",
        ),
        GRU4Rec(
            embedding_size=16,
            hidden_size=16,
            epochs=40,
            learning_rate=0.02,
            batch_size=32,
            loss="CE",
        ),
        Caser(embedding_size=16, epochs=40, learning_rate=0.02, batch_size=64, dropout=0.1),
        NARM(embedding_size=16, hidden_size=16, epochs=40, learning_rate=0.02, batch_size=64),
        SASRec(**PLANTED_SASREC, loss="BPR"),
        SASRec(**PLANTED_SASREC, loss="CE"),
        TransRec(embedding_size=16, epochs=60),
        TransRec(embedding_size=16, epochs=80, trainer="torch", learning_rate=0.02, batch_size=32),
    ],
    ids=[
        "fpmc",
        "fpmc-torch",
        "gru4rec-bpr",
        "gru4rec-ce",
        "caser",
        "narm",
        "sasrec-bpr",
        "sasrec-ce",
        "transrec",
        "transrec-torch",
    ],
)
def test_a_walk_round_a_cycle_is_continued(model, cycle):
    model.fit(cycle.train, validation=None, seed=0)
    test = cycle.test
    scores = model.score_next(test.users, test.histories)
    ranks = masked_ranks(scores, test.histories, test.items[:, None])[:, 0]
    # walks of seven and eight steps come back to no item that they have seen: 12 items
    assert np.nanmean(ranks <= 2) > 0.9


@pytest.mark.parametrize(
    "model",
    [
        BPRMF(embedding_size=8, epochs=40),
        BPRMF(embedding_size=8, epochs=60, trainer="torch", learning_rate=0.02, batch_size=64),
        LightGCN(embedding_size=8, epochs=60, learning_rate=0.02, batch_size=64),
    ],
    ids=["compiled", "torch", "lightgcn"],
)
def test_even_users_are_shown_even_items(model, blocks):
    model.fit(blocks.train, validation=None, seed=0)
    users = blocks.test.users
    scores = model.score_next(users, blocks.test.histories)
    ranks = masked_ranks(scores, blocks.test.histories, blocks.test.items[:, None])[:, 0]
    # a user of 10 own-parity items knows 7 of them: 3 are left, before all 10 of the others
    assert np.mean(ranks <= 3) > 0.95


# --------------------------------------------------------------------------- the contract


@every
def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(build, small, held_out):
    first = build().fit(small, validation=held_out, seed=11)
    again = build().fit(small, validation=held_out, seed=11)
    other = build().fit(small, validation=held_out, seed=12)
    for a, b in zip(weights(first), weights(again), strict=True):
        assert np.array_equal(a, b)
    assert first.fit_report == again.fit_report
    assert not np.array_equal(weights(first)[0], weights(other)[0])


@every
def test_a_fit_repeats_wherever_its_arrays_lie_in_memory(build, small):
    first = build(**of_size(build, 5)).fit(small, validation=None, seed=11)
    ballast = []
    for size in (3, 17, 5, 61, 9):
        ballast += [np.empty(size, dtype=np.float32) for _ in range(7)]
        again = build(**of_size(build, 5)).fit(small, validation=None, seed=11)
        for a, b in zip(weights(first), weights(again), strict=True):
            assert np.array_equal(a, b)


@every
def test_a_refit_forgets_the_first_fit(build, small):
    once = build().fit(small, validation=None, seed=2)
    smaller = small.with_sequences(small.without_last(1))
    twice = build().fit(smaller, validation=None, seed=9).fit(small, validation=None, seed=2)
    for a, b in zip(weights(once), weights(twice), strict=True):
        assert np.array_equal(a, b)
    assert once.n_training_samples == twice.n_training_samples


@every
def test_batches_of_none_one_and_many_agree(build, small):
    model = build().fit(small, validation=None, seed=1)
    users = np.array([5, 9, 0], dtype=np.int32)
    many = model.score_next(users, small.take(users))
    assert model.score_next(users[:0], Sequences.empty()).shape == (0, 30)
    for row, user in enumerate(users):
        one = model.score_next(users[row : row + 1], small.take([user]))
        assert one.shape == (1, 30)
        np.testing.assert_allclose(one[0], many[row], atol=1e-6)


@every
def test_after_an_empty_history_scores_are_finite(build, small):
    model = build().fit(small, validation=None, seed=1)
    scores = model.score_next(np.array([9], dtype=np.int32), Sequences.of([[]]))
    assert np.isfinite(scores).all()


def test_gru4rec_reads_an_empty_history_as_one_zero_vector(small):
    model = GRU4Rec(embedding_size=4, hidden_size=5, epochs=1).fit(small, validation=None, seed=1)
    with torch.no_grad():
        outputs, _ = model.model.get_submodule("gru_layers")(torch.zeros(1, 1, 4))
        state = model.model.get_submodule("dense")(outputs)[0, 0]
        expected = (model.parameters()[0] @ state).numpy()
    scores = model.score_next(np.array([9], dtype=np.int32), Sequences.of([[]]))[0]
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-6)
    assert np.abs(scores).max() > 0


@every
def test_unknown_users_and_items_are_refused(build, small, held_out):
    model = build().fit(small, validation=None, seed=1)
    with pytest.raises(ParameterError, match="user 11 is unknown; fit saw users 0 to 10"):
        model.score_next(np.array([11], dtype=np.int32), Sequences.of([[1]]))
    with pytest.raises(ParameterError, match="user -1 is unknown"):
        model.score_next(np.array([-1], dtype=np.int32), Sequences.of([[1]]))
    with pytest.raises(ParameterError, match="item 30 is unknown; fit saw items 0 to 29"):
        model.score_next(np.array([0], dtype=np.int32), Sequences.of([[30]]))
    if model.name not in NO_SURROGATES:
        with pytest.raises(ParameterError, match="item 31 is unknown"):
            model.target_score(
                np.array([0], dtype=np.int32), Sequences.of([[1]]), np.array([31], dtype=np.int32)
            )
    with pytest.raises(ParameterError, match="one history for each user"):
        model.score_next(np.array([0], dtype=np.int32), Sequences.empty())
    beyond = HeldOut(users=held_out.users + 10, histories=held_out.histories, items=held_out.items)
    with pytest.raises(ParameterError, match="user 11 is unknown"):
        build().fit(small, validation=beyond, seed=1)


@every
def test_an_unfitted_recommender_says_so(build):
    with pytest.raises(UsageError, match="call fit first"):
        build().score_next(np.empty(0, dtype=np.int32), Sequences.empty())


@every
def test_nothing_to_train_on_is_refused(build):
    empty = Interactions(np.zeros(4, dtype=np.int64), np.empty(0, dtype=np.int32), n_items=3)
    with pytest.raises(ParameterError, match="nothing to train on"):
        build().fit(empty, validation=None, seed=0)


@every
def test_users_who_all_have_the_whole_catalogue_are_told_that_they_give_no_sample(build):
    sequences = Sequences.of([[0, 1, 2], [2, 1, 0, 1]])
    whole = Interactions(sequences.offsets, sequences.items, n_items=3)
    least = "an event" if build().from_first else "two events"
    with pytest.raises(ParameterError, match=f"at least {least}, and not the whole catalogue"):
        build().fit(whole, validation=None, seed=0)


@every
def test_no_global_generator_is_touched(build, small, held_out):
    torch.manual_seed(123)
    np.random.seed(123)  # noqa: NPY002 - the global generator is what is watched
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    model = build().fit(small, validation=held_out, seed=4)
    model.score_next(held_out.users, held_out.histories)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002


@every
def test_global_generators_do_not_change_the_fit(build, small):
    torch.manual_seed(1)
    first = build().fit(small, validation=None, seed=4)
    torch.manual_seed(2)
    second = build().fit(small, validation=None, seed=4)
    assert np.array_equal(weights(first)[0], weights(second)[0])


@every
def test_no_file_is_written_and_no_setting_changed(build, small, tmp_path, monkeypatch):
    import os
    import sys
    import warnings

    monkeypatch.chdir(tmp_path)

    def settings():
        return (
            # scikit-learn, which RecBole imports, sets two variables of Intel's OpenMP
            {key: value for key, value in os.environ.items() if not key.startswith("KMP_")},
            list(sys.argv),
            list(warnings.filters),
            torch.get_num_threads(),
            torch.is_anomaly_enabled(),  # importing RecBole turns it on
        )

    for name in [name for name in sys.modules if name.startswith("recbole.model.seq")]:
        monkeypatch.delitem(sys.modules, name)
    before = settings()
    build().fit(small, validation=None, seed=4)
    assert settings() == before
    assert not torch.is_anomaly_enabled()
    assert list(tmp_path.iterdir()) == []


@every
def test_a_pickled_model_scores_the_same(build, small):
    model = build().fit(small, validation=None, seed=1)
    model.parameters()
    copy = pickle.loads(pickle.dumps(model))
    users = np.array([0, 9], dtype=np.int32)
    assert np.array_equal(
        copy.score_next(users, small.take(users)), model.score_next(users, small.take(users))
    )
    assert copy.fit_report == model.fit_report
    with torch.no_grad():  # the copy's parameters still share memory with its own model
        copy.parameters()[0].zero_()
    assert not np.array_equal(
        copy.score_next(users, small.take(users)), model.score_next(users, small.take(users))
    )


@every
def test_samples_count_events_and_fake_users_add_to_them(build, small):
    model = build().fit(small, validation=None, seed=1)
    lengths = small.lengths
    from_first = model.name in ("bprmf", "lightgcn")
    expected = lengths.sum() if from_first else np.maximum(lengths - 1, 0).sum()
    assert model.n_training_samples == expected
    if model.name not in NO_SURROGATES:
        assert len(model.training_samples(small, seed=0)) == expected
    poisoned = small.with_users(Sequences.of([[1, 2, 3]]))
    build_again = build().fit(poisoned, validation=None, seed=1)
    added = 3 if from_first else 2
    assert build_again.n_training_samples == expected + added


@every_iterated
def test_validation_chooses_the_epoch_and_no_validation_runs_them_all(build, small, held_out):
    chosen = build(epochs=12, validate_every=1, patience=2).fit(small, validation=held_out, seed=3)
    report = chosen.fit_report
    assert report["epochs"] == min(report["best_epoch"] + 2, 12)
    scores = chosen.score_next(held_out.users, held_out.histories)
    ranks = masked_ranks(scores, held_out.histories, held_out.items[:, None])[:, 0]
    shown = ranks <= 10
    ndcg = np.sum(1 / np.log2(1 + ranks[shown])) / np.isfinite(ranks).sum()
    assert report["validation_ndcg@10"] == pytest.approx(ndcg)
    fixed = build(epochs=int(report["best_epoch"])).fit(small, validation=None, seed=3)
    for a, b in zip(weights(chosen), weights(fixed), strict=True):
        assert np.array_equal(a, b)
    assert fixed.fit_report["epochs"] == report["best_epoch"]


@every_iterated
def test_divergence_is_an_error(build, small):
    with pytest.raises(InvalidAnswerError, match="diverged"):
        build(learning_rate=1e38, l2=1e30).fit(small, validation=None, seed=1)


@every
def test_parameters_that_can_not_be_used_are_refused(build):
    for wrong in (
        of_size(build, 0),
        {"learning_rate": 0.0},
        {"l2": -1.0},
        {"l2": float("nan")},
        {"epochs": 0},
        {"patience": 0},
        {"validate_every": True},
        {"batch_size": 1.5},
        {"device": "abacus"},
        {"device": "meta"},
        {"device": "cpu:3"},
        {"device": 7},
    ):
        with pytest.raises(ParameterError, match=next(iter(wrong))):
            build(**wrong)


def test_a_compiled_trainer_refuses_an_accelerator():
    with pytest.raises(ParameterError, match="give trainer='torch'"):
        BPRMF(device="cuda")


def test_a_seed_beyond_the_range_is_refused(small):
    with pytest.raises(ParameterError, match=r"seed -1 must lie in"):
        BPRMF().fit(small, validation=None, seed=-1)


def test_gru4rec_asks_for_histories(small):
    model = GRU4Rec(embedding_size=4, hidden_size=4, epochs=1).fit(small, validation=None, seed=0)
    samples = BPRMF().training_samples(small, seed=0)
    with pytest.raises(ParameterError, match="no histories"):
        model.sample_loss(samples)


def test_unpickling_in_a_new_process_leaves_torchs_anomaly_detection_off(small, tmp_path):
    # pickle itself would import RecBole's package, which turns it on for the whole process
    fitted = FPMC(embedding_size=4, epochs=1).fit(small, validation=None, seed=1)
    (tmp_path / "fitted.pickle").write_bytes(pickle.dumps(fitted))
    code = (
        "import pickle, sys, torch\n"
        "from pathlib import Path\n"
        "fitted = pickle.loads(Path(sys.argv[1]).read_bytes())\n"
        "assert fitted.model is not None\n"
        "sys.exit(torch.is_anomaly_enabled())\n"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "fitted.pickle"], check=True)
