"""The fidelity suite: singles, groups and next items, against each truth, as a table of rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from tabulate import tabulate

from loki_bench.contracts import (
    FactorRecommender,
    Goal,
    InfluenceEstimator,
    InfluenceObjective,
)
from loki_bench.fidelity.agreement import Agreement, agreement_of, spearman
from loki_bench.fidelity.converged_factors import ConvergedFactors
from loki_bench.fidelity.fake_user_designs import (
    STRATA,
    design_fake_users,
    draw_goal,
    mean_score_objective,
)
from loki_bench.fidelity.truths import ColdTruth, Truth, TruthName, WarmTruth, changes
from loki_bench.interactions import Interactions, Sequences
from loki_bench.seeds import generator_for, seed_for

__all__ = ["FidelityRow", "FidelitySettings", "fidelity_table", "run_fidelity"]


@dataclass(frozen=True, kw_only=True)
class FidelitySettings:
    """How much to measure.

    Attributes
    ----------
    n_per_stratum : int
        Single fake users of each of the four strata.
    length : int
        Events of each fake user.
    group_shares : tuple of float
        Sizes of groups as shares of the genuine users.
    n_groups : int
        Groups of each size, drawn from the single fake users' design with replacement.
    n_next_items : int
        Continuations of one fake user whose marginal influence is ranked; one is a target.
    n_target_items, n_target_users : int
    popularity : (int, int)
        Least and greatest number of events of a target item.
    truths : tuple of "warm", "cold", "reshuffled"
    seed : int
    """

    n_per_stratum: int = 10
    length: int = 15
    group_shares: tuple[float, ...] = (0.005, 0.01, 0.03)
    n_groups: int = 12
    n_next_items: int = 24
    n_target_items: int = 1
    n_target_users: int = 20
    popularity: tuple[int, int] = (5, 20)
    truths: tuple[TruthName, ...] = ("warm",)
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class FidelityRow:
    """One line of the table.

    Attributes
    ----------
    experiment : str
        ``single``, ``group 1 %`` ... or ``next item``.
    truth : "warm", "cold" or "reshuffled"
    estimator : str
        A name given by the caller, or ``target clicks``: the heuristic to beat.
    stratum : str
        ``all`` or one of the strata.
    agreement : Agreement
    ceiling : float
        Spearman of the truth with itself under another seed (1 for ``warm``): no estimator can be
        expected to pass its square root.
    """

    experiment: str
    truth: TruthName
    estimator: str
    stratum: str
    agreement: Agreement
    ceiling: float


def run_fidelity(
    train: Interactions,
    make_recommender: Callable[[], FactorRecommender],
    estimators: Mapping[str, Callable[[], InfluenceEstimator]],
    settings: FidelitySettings,
) -> list[FidelityRow]:
    """Measure estimators against real retraining.

    Parameters
    ----------
    train : Interactions
        Genuine users' training events; fake users are added to them.
    make_recommender : callable
        Makes an unfitted recommender. For the truth ``warm`` it is fitted once and then brought to
        the minimum of its objective, which needs an L2 term.
    estimators : mapping of str to callable
        Makes an unfitted estimator of each name. Fitted on the converged model for ``warm`` and on
        the recommender as it comes for the others.
    settings : FidelitySettings

    Returns
    -------
    list of FidelityRow
        For every truth: single fake users overall and by stratum, groups (an estimator predicts the
        sum of its members' influences), next items.
    """
    goal = draw_goal(
        train,
        n_items=settings.n_target_items,
        n_users=settings.n_target_users,
        popularity=settings.popularity,
        rng=generator_for(settings.seed, "fidelity/goal"),
    )
    objective = mean_score_objective(train, goal)
    model_seed = seed_for(settings.seed, "fidelity/model")
    model = make_recommender().fit(train, validation=None, seed=model_seed)
    rows: list[FidelityRow] = []
    for name in settings.truths:
        truth: Truth
        retest: Truth | None = None
        if name == "warm":
            converged = ConvergedFactors(model, train, seed=model_seed)
            measured: FactorRecommender = converged
            truth = WarmTruth(converged, train, objective, seed=model_seed)
        else:
            measured = model
            other = seed_for(settings.seed, "fidelity/other")
            seeds = (model_seed, other) if name == "cold" else (other, model_seed)
            truth = ColdTruth(make_recommender, train, objective, seed=seeds[0])
            retest = ColdTruth(make_recommender, train, objective, seed=seeds[1])
        fitted = {
            label: make().fit(measured, train, objective, seed=model_seed)
            for label, make in estimators.items()
        }
        rows += _against(name, truth, retest, fitted, train, goal, objective, settings)
    return rows


def _against(
    name: TruthName,
    truth: Truth,
    retest: Truth | None,
    estimators: Mapping[str, InfluenceEstimator],
    train: Interactions,
    goal: Goal,
    objective: InfluenceObjective,
    settings: FidelitySettings,
) -> list[FidelityRow]:
    rng = generator_for(settings.seed, "fidelity/fake-users")
    design = design_fake_users(
        train, goal, n_per_stratum=settings.n_per_stratum, length=settings.length, rng=rng
    )
    singles = design.sequences
    predicted = {label: e.influence(singles) for label, e in estimators.items()}
    predicted["target clicks"] = _target_clicks(singles, goal)
    rows: list[FidelityRow] = []

    def compare(
        experiment: str,
        groups: list[Sequences],
        guesses: Mapping[str, NDArray[np.float64]],
        strata: NDArray[np.str_] | None,
        base: float = 0.0,
        retest_base: float = 0.0,
    ) -> None:
        true = changes(truth, groups) - base
        ceiling = 1.0
        if retest is not None:
            ceiling = spearman(true, changes(retest, groups) - retest_base)
        for label, guess in guesses.items():
            for stratum in ("all", *(STRATA if strata is not None else ())):
                within = np.full(len(true), True) if stratum == "all" else strata == stratum
                rows.append(
                    FidelityRow(
                        experiment=experiment,
                        truth=name,
                        estimator=label,
                        stratum=stratum,
                        agreement=agreement_of(guess[within], true[within]),
                        ceiling=ceiling,
                    )
                )

    if len(singles):
        compare(
            "single", [singles.take([r]) for r in range(len(singles))], predicted, design.strata
        )
    for share in settings.group_shares:
        size = max(1, round(share * train.n_users))
        members = [rng.integers(0, len(singles), size) for _ in range(settings.n_groups)]
        sums = {
            label: np.array([values[m].sum() for m in members])
            for label, values in predicted.items()
        }
        compare(f"group {100 * share:g} %", [singles.take(m) for m in members], sums, None)
    if settings.n_next_items:
        prefix, following = _next_items(singles, goal, train, settings.n_next_items, rng)
        prefixes = Sequences.of([prefix] * len(following))
        marginals = {
            label: e.marginal_influence(prefixes, following) for label, e in estimators.items()
        }
        marginals["target clicks"] = np.isin(following, goal.items).astype(np.float64)
        longer = [Sequences.of([[*prefix, int(item)]]) for item in following]
        start = Sequences.of([prefix])
        compare(
            "next item",
            longer,
            marginals,
            None,
            base=truth.change(start),
            retest_base=0.0 if retest is None else retest.change(start),
        )
    return rows


def _target_clicks(sequences: Sequences, goal: Goal) -> NDArray[np.float64]:
    return np.array([np.isin(row, goal.items).sum() for row in sequences], dtype=np.float64)


def _next_items(
    singles: Sequences,
    goal: Goal,
    train: Interactions,
    n: int,
    rng: np.random.Generator,
) -> tuple[list[int], NDArray[np.int32]]:
    """A prefix without targets (the last design is one) and the items that may follow it."""
    row = singles[-1].tolist()
    prefix = row[: max(1, len(row) // 2)]
    others = np.setdiff1d(np.arange(train.n_items, dtype=np.int32), [*prefix, *goal.items.tolist()])
    drawn = rng.choice(others, min(n - 1, len(others)), replace=False)
    return prefix, np.concatenate([goal.items[:1], drawn]).astype(np.int32)


def fidelity_table(rows: list[FidelityRow]) -> str:
    """The rows as a Markdown table; ``rho / ceiling`` is divided by the ceiling's square root."""
    table: str = tabulate(
        [
            [
                row.truth,
                row.experiment,
                row.stratum,
                row.estimator,
                row.agreement.n,
                row.agreement.spearman,
                row.agreement.spearman / sqrt(row.ceiling) if row.ceiling > 0 else float("nan"),
                row.agreement.slope,
                row.agreement.relative_error,
                row.agreement.top,
                row.agreement.sign,
            ]
            for row in rows
        ],
        headers=[
            "truth",
            "experiment",
            "stratum",
            "estimator",
            "n",
            "rho",
            "rho / ceiling",
            "slope",
            "relative error",
            "top 10 %",
            "sign",
        ],
        tablefmt="github",
        floatfmt=".3f",
    )
    return table
