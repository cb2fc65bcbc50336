"""Which parameters have one row a user is found by asking the model."""

from neural_doubles import Opaque

from loki_bench.influence.fake_users.borrowed_rows import user_tables
from loki_bench.influence.objectives.autograd import AutogradObjective


def test_user_tables_are_told_from_item_tables_of_the_same_length(factor_case):
    train, model, _ = factor_case
    objective = AutogradObjective(Opaque(model), model.training_samples(train, seed=0))
    expected = [2 * k for k, kind in enumerate(model.kinds) if kind == "user"]
    assert user_tables(objective, train.n_users) == expected
