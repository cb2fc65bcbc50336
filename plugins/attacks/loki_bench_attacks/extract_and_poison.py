"""Extract a surrogate from the victim's answers, then poison with adversarial co-visitations."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from loki_bench.attackers.draws import lengths_of
from loki_bench.attackers.promoted_items import other_items, promoted_items
from loki_bench.contracts import Attacker, AttackerView, QueryOracle
from loki_bench.errors import InvalidAnswerError, ParameterError, RejectedError
from loki_bench.interactions import Sequences
from loki_bench.parameters import require_count, require_number
from loki_bench.seeds import generator_for, seed_for
from loki_bench_attacks.alternating_profiles import (
    items_to_lift,
    n_fillers_of,
    profiles_of_pairs,
)
from loki_bench_attacks.distilled_model import DistilledModel, ranking_loss
from loki_bench_attacks.implicit_factors import ImplicitFactorisation

__all__ = ["Answered", "ExtractAndPoison", "adversarial_items", "extracted", "questions"]

_WHO = "attacker 'extract-and-poison'"
_LENGTH = 10
"""Most events of a sequence that is made up to be asked about."""

Start: TypeAlias = Literal["target-users", "nothing"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Answered:
    """What the victim showed after a history: int32 arrays of shape (n,) and (k,)."""

    history: NDArray[np.int32]
    shown: NDArray[np.int32]


class ExtractAndPoison(Attacker):
    """After Yue et al. (2021): distil the victim, then alternate targets and adversarial items.

    *Extraction*: the victim is asked about sequences that the attack makes up, each continued by an
    item drawn from the answer (:func:`questions`), and a small model learns to give the same lists
    by the paper's pairwise ranking loss (:mod:`.distilled_model`). *Poisoning*: every fake user
    serves one history, all of them in turn from a random one on, and puts an adversarial item
    before each item to lift: of the items nearest to where the sign of the gradient leads that
    history's last vector so that this item gains (:func:`adversarial_items`). Ours: with
    ``start = "target-users"`` sequences to ask begin with the target users' histories, adversarial
    items are found for those histories, and items' vectors start from a factorisation of what is
    known; the paper is data-free, which ``"nothing"`` is: the attack is then shown nobody's events.
    The imitation is no NARM, SASRec or BERT4Rec.

    Parameters
    ----------
    start : "target-users" or "nothing"
    n_epochs : int, at least 1
        Steps of training, each on all answers.
    step : float, above 0
        How far the sign of the gradient is followed, in standard deviations of the vectors.
    n_nearest : int, at least 1
        How many items nearest to that point a filler is drawn from.
    """

    def __init__(
        self,
        *,
        start: Start = "target-users",
        n_epochs: int = 100,
        step: float = 1.0,
        n_nearest: int = 5,
    ) -> None:
        if start not in get_args(Start):
            raise ParameterError(
                f"{_WHO}: start is {start!r}, expected one of {', '.join(get_args(Start))}"
            )
        self._start, self._n_epochs = start, require_count(_WHO, "n_epochs", n_epochs)
        self._step = require_number(_WHO, "step", step, above=0)
        self._n_nearest = require_count(_WHO, "n_nearest", n_nearest)

    def poison(self, view: AttackerView) -> Sequences:
        """Use the whole budget and all queries; see ``Attacker.poison``."""
        if view.oracle is None:
            raise RejectedError(f"{_WHO} was granted no queries; its spec must need them")
        generator = generator_for(view.seed, "extract-and-poison")
        promoted = promoted_items(view)
        others = other_items(view, promoted)
        n_items = view.history.n_items
        starts = [view.history[user][-_LENGTH:] for user in view.goal.users.tolist()]
        starts = [own for own in starts if len(own)]
        if self._start == "nothing":
            starts = []
        answers = questions(view.oracle, starts, n_items, generator)
        vectors = _first_vectors(view, self._start)
        model = extracted(vectors, answers, n_epochs=self._n_epochs, generator=generator)
        histories = starts or [answered.history for answered in answers]
        rooms = n_fillers_of(view.budget)
        if not len(others) or not histories:
            rooms = np.zeros_like(rooms)
        lifted = items_to_lift(lengths_of(view.budget) - rooms, promoted, generator)
        first = int(generator.integers(max(1, len(histories))))
        fillers = [
            adversarial_items(
                model,
                histories[(first + place) % len(histories)],
                # an odd fake user ends with a filler, for the first of its items to lift
                np.resize(own, room),
                others,
                step=self._step,
                n_nearest=self._n_nearest,
                generator=generator,
            )
            if room
            else np.empty(0, dtype=np.int32)
            for place, (own, room) in enumerate(zip(lifted, rooms.tolist(), strict=True))
        ]
        return profiles_of_pairs(fillers, lifted)


def questions(
    oracle: QueryOracle,
    starts: list[NDArray[np.int32]],
    n_items: int,
    generator: np.random.Generator,
) -> list[Answered]:
    """Ask about sequences until no query is left, and write the answers down.

    Each given start is asked first; then sequences grow: each begins with a random item, in the
    last place of a start where there is one, and is continued by an item drawn from the last
    answer, the first ones likelier, until it has ``_LENGTH`` events more.
    """
    found = []

    def ask(history: NDArray[np.int32]) -> NDArray[np.int32]:
        shown = oracle.top_k_of(history)
        found.append(Answered(history=history, shown=shown))
        return shown

    for own in starts[: oracle.n_left]:
        ask(own)
    while oracle.n_left:
        history = np.array([generator.integers(n_items)], dtype=np.int32)
        if starts:
            history = np.append(starts[generator.integers(len(starts))][:-1], history)
        for _ in range(min(_LENGTH, oracle.n_left)):
            shown = ask(history)
            if not len(shown):
                break
            odds = 1.0 / np.arange(1, len(shown) + 1)
            drawn = generator.choice(shown, p=odds / odds.sum())
            history = np.append(history, drawn).astype(np.int32)
    return found


def extracted(
    vectors: torch.Tensor,
    answers: list[Answered],
    *,
    n_epochs: int,
    generator: np.random.Generator,
    learning_rate: float = 0.02,
) -> DistilledModel:
    """A model that learnt to give the victim's lists, all of them in each step.

    Of lists of different lengths as much is learnt as the shortest has.
    """
    model = DistilledModel(vectors)
    answers = [answered for answered in answers if len(answered.shown)]
    if not answers:
        return model
    k = min(len(answered.shown) for answered in answers)
    shown = torch.from_numpy(
        np.stack([answered.shown[:k] for answered in answers]).astype(np.int64)
    )
    weights = model.weights_of([answered.history for answered in answers])
    optimiser = torch.optim.Adam(model.parameters, lr=learning_rate)
    for _ in range(n_epochs):
        others = torch.from_numpy(generator.integers(len(vectors), size=tuple(shown.shape)))
        optimiser.zero_grad()
        loss = ranking_loss(
            model.scores_after(weights), shown, others, order_margin=0.05, other_margin=0.5
        )
        torch.autograd.backward(loss / len(answers))
        optimiser.step()
    return model


def adversarial_items(
    model: DistilledModel,
    history: NDArray[np.int32],
    targets: NDArray[np.int32],
    candidates: NDArray[np.int32],
    *,
    step: float,
    n_nearest: int,
    generator: np.random.Generator,
) -> NDArray[np.int32]:
    """For each target an item that, in a history's last place, makes it likelier.

    The history's last vector z moves to ``z - step * sd * sign(d loss / dz)``, the loss being the
    cross-entropy of the target, and one of the ``n_nearest`` candidates by cosine is drawn. No
    item is used twice before all near ones are.

    Returns
    -------
    int32 array shaped like ``targets``.

    Raises
    ------
    InvalidAnswerError
        The step leads out of the finite numbers.
    """
    places = torch.from_numpy(candidates.astype(np.int64))
    pool = model.vectors.detach()[places]
    pool = pool / pool.norm(dim=1, keepdim=True).clamp_min(1e-9)
    spread = float(model.vectors.detach().std())
    before = model.vectors.detach()[torch.from_numpy(history.astype(np.int64))]
    chosen: list[int] = []
    for target in targets.tolist():
        last = before[-1].clone().requires_grad_()
        scores = model.scores(torch.cat([before[:-1], last[None]]))
        (slope,) = torch.autograd.grad(torch.logsumexp(scores, dim=0) - scores[target], last)
        moved = before[-1] - step * spread * slope.sign()
        nearness = pool @ moved
        if not bool(torch.isfinite(nearness).all()):
            raise InvalidAnswerError(
                f"{_WHO}: step is {step!r}, which leads out of the finite numbers; give a smaller "
                "one"
            )
        near = nearness.argsort(descending=True, stable=True).tolist()
        fresh = [place for place in near if int(candidates[place]) not in chosen] or near
        chosen.append(int(candidates[fresh[int(generator.integers(min(n_nearest, len(fresh))))]]))
    return np.array(chosen, dtype=np.int32)


def _first_vectors(view: AttackerView, start: Start) -> torch.Tensor:
    """Where the imitation's vectors start: what is known of the items, or at random."""
    seed = seed_for(view.seed, "extract-and-poison/vectors")
    model = ImplicitFactorisation(view.history)
    factors = model.start(0, seed=seed)
    if start == "nothing":
        return factors.items
    items = model.sweeps(factors, torch.zeros(0, view.history.n_items), 8).items
    scaled: torch.Tensor = 0.3 * items / items.norm(dim=1).mean().clamp_min(1e-6)
    return scaled
