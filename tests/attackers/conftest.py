"""Views for attackers, built from plain lists."""

import numpy as np
import pytest

from loki_bench.contracts import AttackerView, Budget, Goal, ids
from loki_bench.interactions import Interactions, Sequences


@pytest.fixture
def view_of():
    """A view of a history given as lists, with everything else small unless given."""

    def build(
        rows,
        *,
        n_items,
        targets,
        users=(0,),
        kind="promote",
        n_fake_users=5,
        n_actions=6,
        lengths=None,
        seed=0,
    ):
        sequences = Sequences.of(rows)
        return AttackerView(
            history=Interactions(sequences.offsets, sequences.items, n_items=n_items),
            goal=Goal(items=ids(list(targets)), users=ids(list(users)), kind=kind),
            budget=Budget(n_fake_users=n_fake_users, n_actions=n_actions)
            if lengths is None
            else Budget(
                n_fake_users=len(lengths),
                n_actions=max(lengths, default=1),
                lengths=np.array(lengths, dtype=np.int64),
            ),
            seed=seed,
        )

    return build
