"""Views of small worlds for the attacks."""

from collections.abc import Callable

import numpy as np
import pytest

from loki_bench.contracts import AttackerView, Budget, Goal, ids
from loki_bench.interactions import Interactions, Sequences


def history_of(rows, n_items):
    sequences = Sequences.of(rows)
    return Interactions(sequences.offsets, sequences.items, n_items=n_items)


@pytest.fixture(scope="session")
def view_of() -> Callable[..., AttackerView]:
    """A view of these rows; what is not given is a small goal and a small budget."""

    def build(
        rows,
        *,
        n_items,
        targets,
        users,
        n_fake_users=4,
        n_actions=5,
        lengths=None,
        kind="promote",
        seed=0,
        **granted,
    ):
        drawn = None if lengths is None else np.array(lengths, dtype=np.int64)
        return AttackerView(
            history=history_of(rows, n_items),
            goal=Goal(items=ids(targets), users=ids(users), kind=kind),
            budget=Budget(
                n_fake_users=n_fake_users if drawn is None else len(drawn),
                n_actions=n_actions if drawn is None else max(lengths),
                lengths=drawn,
            ),
            seed=seed,
            **granted,
        )

    return build
