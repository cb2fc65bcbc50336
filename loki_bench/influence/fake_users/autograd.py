"""First-order influence of fake users on any differentiable recommender.

The same mathematics as the closed form of ``kernels.fake_user``, with derivatives from torch and
many fake users in one pass. A model without a user table has nothing to fold in: a fake user's
influence is then a sum over its samples, and all steps of all sequences come out of one pass.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from loki_bench.contracts import TrainingSamples
from loki_bench.errors import InvalidAnswerError
from loki_bench.influence.fake_users.autograd_fold_in import fold_in_rows
from loki_bench.influence.fake_users.borrowed_rows import BorrowedRows
from loki_bench.influence.fake_users.options import FakeUserOptions
from loki_bench.influence.fake_users.scorer import (
    check_items,
    check_next_items,
    differences_of_prefixes,
    differences_within,
    finite,
)
from loki_bench.influence.kernels.negatives import SampleRules, choose_negatives
from loki_bench.influence.objectives.autograd import AutogradObjective
from loki_bench.influence.objectives.derivatives import linearised
from loki_bench.interactions import Interactions, Sequences

__all__ = ["AutogradFakeUsers"]

FloatArray = NDArray[np.floating]


@dataclass(frozen=True, kw_only=True, eq=False)
class _FakeSamples:
    """Training samples of fake users, ``samples.users`` counting them from 0.

    ``weights`` (n,) is 1 / n_negatives times the samples that training makes of an event,
    ``events`` (n,) the place of the event in its row.
    """

    samples: TrainingSamples
    weights: NDArray[np.float64]
    events: NDArray[np.int64]


class AutogradFakeUsers:
    """``-s . G`` for fake users of a differentiable recommender.

    Parameters
    ----------
    objective : AutogradObjective
    s : array of shape (size,)
        Solution of ``H s = grad f``.
    options : FakeUserOptions
    train : Interactions
        What the model was trained on.
    rules : SampleRules
    seed : int
        Only for ``fake_user = "random"``.
    """

    def __init__(
        self,
        objective: AutogradObjective,
        s: FloatArray,
        options: FakeUserOptions,
        *,
        train: Interactions,
        rules: SampleRules,
        seed: int,
    ) -> None:
        self._objective = objective
        self._s = objective.unflatten(s)
        self._options = options
        self._n_users, self._n_items = train.n_users, train.n_items
        self._rules = rules
        self._borrowed = BorrowedRows(objective, train.n_users)
        self._tables = self._borrowed.tables
        self._fold = options.fake_user == "fold-in" and bool(self._tables)
        rng = np.random.default_rng(seed)
        self._start = [self._starting_rows(t, rng) for t in self._tables]
        for t in self._tables:  # no sample of a fake user touches a genuine user's row
            self._s[t] = torch.zeros_like(self._s[t])
        self._with_histories = objective.samples.histories is not None
        self._counts_samples = self._tables_with_l2_per_sample()
        self._counting = [t for t in self._counts_samples if t not in self._tables]
        self._along_s = {t: (objective.parameters[t].detach() * self._s[t]) for t in self._counting}
        self._known_rho: dict[tuple[int, int, int], float] = {}
        # one coefficient for a whole tensor grows with the number of samples, whichever they are
        self._same_for_all = all(objective.l2[t].numel() == 1 for t in self._counting)

    def influence(self, candidates: Sequences) -> NDArray[np.float64]:
        """As ``InfluenceEstimator.influence``."""
        check_items(candidates.items, self._n_items)
        out = np.zeros(len(candidates))
        for block in self._blocks(len(candidates)):
            rows = [candidates[int(r)].tolist() for r in block]
            out[block] = self._values(rows, self._first_rows(rows))[0]
        return finite(out)

    def marginal_influence(
        self, prefixes: Sequences, next_items: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """As ``InfluenceEstimator.marginal_influence``: a difference of two fold-ins."""
        following = check_next_items(prefixes, next_items)
        return differences_of_prefixes(self.influence, prefixes, following)

    def sequence_rewards(self, sequences: Sequences) -> NDArray[np.float64]:
        """As ``InfluenceEstimator.sequence_rewards``; each fold-in starts at the one before it."""
        check_items(sequences.items, self._n_items)
        if not self._tables:
            return self._rewards_of_samples(sequences)
        values = np.zeros(sequences.n_events)
        for block in self._blocks(len(sequences)):
            lengths = sequences.lengths[block]
            fake_rows = self._first_rows([sequences[int(r)].tolist() for r in block])
            for t in range(int(lengths.max(initial=0))):
                alive = np.flatnonzero(lengths > t)
                users = block[alive]
                rows = [sequences[int(r)][: t + 1].tolist() for r in users]
                found, moved = self._values(rows, [p[alive] for p in fake_rows])
                values[sequences.offsets[users] + t] = found
                for kept, new in zip(fake_rows, moved, strict=True):
                    kept[alive] = new
        return differences_within(sequences, finite(values))

    def _rewards_of_samples(self, sequences: Sequences) -> NDArray[np.float64]:
        """The rewards where a prefix's influence is the sum of its samples' own.

        But for a sequence in which an item served as a negative before it came: then the samples
        before it are not the same with it and without it.
        """
        out = np.zeros(sequences.n_events)
        rows = [row.tolist() for row in sequences]
        anew = np.array([self._draws_a_later_item(row) for row in rows], dtype=bool)
        simple = np.flatnonzero(~anew)
        made = self._samples([rows[int(r)] for r in simple])
        if len(made.samples):
            place = sequences.offsets[simple][made.samples.users] + made.events
            np.add.at(out, place, -made.weights * self._moved(made.samples))
        if anew.any():
            few = sequences.take(np.flatnonzero(anew))
            out[np.repeat(anew, sequences.lengths)] = differences_of_prefixes(
                self.influence, few.prefixes(), few.items
            )
        return finite(out)

    def _blocks(self, n: int) -> Iterator[NDArray[np.int64]]:
        """At most as many fake users at once as there are rows to borrow."""
        for start in range(0, n, self._n_users):
            yield np.arange(start, min(start + self._n_users, n), dtype=np.int64)

    def _first_rows(self, rows: list[list[int]]) -> list[Tensor]:
        """Where the row of each user starts: see ``kernels.fake_row.first_row``."""
        items = torch.tensor([row[0] if row else 0 for row in rows], dtype=torch.int64)
        return [start[items % len(start)] for start in self._start]

    def _starting_rows(self, table: int, rng: np.random.Generator) -> Tensor:
        # Not `samples.first_rows`: that takes the spread and the mean of users with events, in
        # float64. Published results of this kind of model were taken over every row of the table.
        values = self._objective.parameters[table].detach()
        if self._options.fake_user == "random":
            size = (self._n_items, *values.shape[1:])
            noise = rng.normal(scale=float(values.std()), size=size)
            return torch.as_tensor(noise, dtype=values.dtype, device=values.device)
        if self._options.fake_user == "transition-only":
            return torch.zeros_like(values[:1])
        return values.mean(dim=0, keepdim=True)

    def _samples(self, rows: list[list[int]]) -> "_FakeSamples":
        """The samples of fake users 0, 1, 2 ... and their weights."""
        rules = self._rules
        users, lasts, positives, negatives, weights, events = [], [], [], [], [], []
        histories = []
        for user, row in enumerate(rows):
            for event, item in enumerate(row):
                weight = rules.first_weight if event == 0 else rules.later_weight
                for negative in self._negatives_of(row, event, len(row)) if weight else ():
                    users.append(user)
                    lasts.append(row[event - 1] if event else -1)
                    positives.append(item)
                    negatives.append(negative)
                    weights.append(weight / rules.n_negatives)
                    events.append(event)
                    histories.append(row[:event])
        return _FakeSamples(
            samples=TrainingSamples(
                users=np.array(users, dtype=np.int32),
                last_items=np.array(lasts, dtype=np.int32),
                positives=np.array(positives, dtype=np.int32),
                negatives=np.array(negatives, dtype=np.int32),
                histories=Sequences.of(histories) if self._with_histories else None,
            ),
            weights=np.array(weights, dtype=np.float64),
            events=np.array(events, dtype=np.int64),
        )

    def _negatives_of(self, row: list[int], event: int, length: int) -> list[int]:
        """The negatives of one event of a user with the items ``row[:length]``."""
        chosen = np.empty(self._rules.n_negatives, dtype=np.int32)
        items = np.array(row, dtype=np.int32)
        some = choose_negatives(self._rules, items, event, length, chosen)
        return chosen.tolist() if some else []

    def _draws_a_later_item(self, row: list[int]) -> bool:
        """Whether an event's negatives were others before the events after it."""
        if row and not self._negatives_of(row, 0, len(row)):
            return True
        everything = set(row)
        return any(
            not everything.isdisjoint(self._negatives_of(row, event, event + 1))
            for event in range(len(row))
        )

    def _values(
        self, rows: list[list[int]], fake_rows: list[Tensor]
    ) -> tuple[NDArray[np.float64], list[Tensor]]:
        """``-s . G`` of each fake user and its row, from a first guess of the rows."""
        made = self._samples(rows)
        out = np.zeros(len(rows))
        if not len(made.samples):
            return out, fake_rows
        if self._fold:
            fake_rows = fold_in_rows(
                self._borrowed,
                made.samples,
                made.weights,
                self._ridges(made.samples, made.weights, len(rows)),
                fake_rows,
            )
        with self._borrowed.holding(fake_rows):
            moved = self._moved(made.samples)
        np.add.at(out, made.samples.users, -made.weights * moved)
        return out, fake_rows

    def _moved(self, samples: TrainingSamples) -> NDArray[np.float64]:
        """Derivative of each sample's loss and regulariser along s, shape (n,)."""
        along = linearised(self._objective.model, samples, keep=False).jvp(self._s)
        return np.asarray(along.double().cpu().numpy() + self._rho(samples), dtype=np.float64)

    def _rho(self, samples: TrainingSamples) -> NDArray[np.float64]:
        """Derivative along s of the regulariser that each sample charges to clean rows."""
        if not self._counting:
            return np.zeros(len(samples))
        out = np.empty(len(samples))
        for at in range(len(samples)):
            key = (
                int(samples.last_items[at]),
                int(samples.positives[at]),
                int(samples.negatives[at]),
            )
            if self._same_for_all:
                key = (0, 0, 0)
            if key not in self._known_rho:
                one = samples.take(np.array([at]))
                coefficients = self._objective.model.l2_coefficients(one)
                self._known_rho[key] = sum(
                    float((coefficients[t].detach() * self._along_s[t]).sum())
                    for t in self._counting
                )
            out[at] = self._known_rho[key]
        return out

    def _ridges(
        self, samples: TrainingSamples, weights: NDArray[np.float64], n: int
    ) -> list[Tensor]:
        """The L2 coefficients of the borrowed rows, each of shape (n, 1)."""
        model, ridges = self._objective.model, []
        coefficients = model.l2_coefficients(samples)
        active = np.unique(samples.users)
        for t in self._tables:
            table = self._objective.parameters[t]
            if self._options.fold_in_l2 is not None:
                ridges.append(torch.full((n, 1), self._options.fold_in_l2, dtype=table.dtype))
                continue
            full = coefficients[t].detach().expand(table.shape).reshape(len(table), -1)
            # weights differ from 1 where negatives are averaged over
            share = weights.sum() / len(weights)
            ridge = full[:n, :1] * (share if t in self._counts_samples else 1.0)
            if not bool((ridge[active] > 0).all()):
                raise InvalidAnswerError(
                    f"{type(model).__name__} has no L2 term on its user rows, so a fake user's row "
                    "is unbounded: give the influence estimator fold_in_l2 (1 to 3 is a good start)"
                )
            ridges.append(ridge.clamp(min=torch.finfo(table.dtype).tiny))
        return ridges

    def _tables_with_l2_per_sample(self) -> list[int]:
        """The parameters whose L2 term grows with the samples that touch them."""
        empty = TrainingSamples(
            users=np.empty(0, dtype=np.int32),
            last_items=np.empty(0, dtype=np.int32),
            positives=np.empty(0, dtype=np.int32),
            negatives=np.empty(0, dtype=np.int32),
            histories=Sequences.empty() if self._with_histories else None,
        )
        without = self._objective.model.l2_coefficients(empty)
        with_all = self._objective.l2
        return [t for t, (a, b) in enumerate(zip(without, with_all, strict=True)) if (a != b).any()]
