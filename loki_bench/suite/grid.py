"""Expands a suite into cells, and refuses what can't be run before anything is computed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TypeAlias, TypeVar, get_args

from loki_bench.contracts import Outcome
from loki_bench.errors import LokiBenchError, SuiteError
from loki_bench.plugins.ownership import is_own_distribution
from loki_bench.plugins.registry import Origin, Registry
from loki_bench.plugins.specs import (
    AttackerSpec,
    ComponentSpec,
    DefenseSpec,
    InfluenceEstimatorSpec,
    MetricSpec,
    Need,
    RecommenderSpec,
)
from loki_bench.split import Split
from loki_bench.suite.actions import GENUINE
from loki_bench.suite.budgets import budgets_of, is_largest
from loki_bench.suite.cell import (
    ALL_EVENTS,
    ALL_USERS,
    MOST_CELLS,
    Cell,
    CellBudget,
    CellKnowledge,
    CellRegime,
    DatasetRef,
    OracleGrant,
    SurrogateRef,
)
from loki_bench.suite.components import HANDED_IN, ComponentRef, resolve
from loki_bench.suite.defended_victims import refuse_unfit_defenses
from loki_bench.suite.goal import N_UNTARGETED, draw_goal, draw_placebo_goal
from loki_bench.suite.handed_in import HandedIn
from loki_bench.suite.list_lengths import refuse_beyond_lists
from loki_bench.suite.regimes import crossed_victims
from loki_bench.suite.suite import (
    CellProtocol,
    Choice,
    NumberOfUsers,
    Protocol,
    Simulator,
    SplitRef,
    Suite,
)

__all__ = ["ChosenMetric", "Grid", "chosen_metric", "expand", "number_evaluated", "planned"]

S = TypeVar("S", bound=ComponentSpec)

ChosenDefense: TypeAlias = "tuple[DefenseSpec, ComponentRef] | tuple[None, None]"
"""A defense by spec and component; neither for no defense."""

ChosenVictim: TypeAlias = "tuple[ComponentRef, CellRegime | None]"
"""A victim and the regime that it is trained in; None where the suite names none."""

MOST_EVENTS = 2**31 - 1
MOST_EVALUATED = 50_000
"""Users that are evaluated where a suite does not say how many."""

_QUERIES: frozenset[Need] = frozenset({"queries", "sequence-queries"})


@dataclass(frozen=True, kw_only=True)
class ChosenMetric:
    """A metric of a suite: ``display_rate@10`` is the metric ``display_rate`` with ``k = 10``.

    ``ceiling`` is the highest value that the suite's protocol leaves room for, where its spec says
    how to compute it.
    """

    label: str
    spec: MetricSpec
    k: int | None
    ceiling: float | None
    origin: Origin

    @property
    def foreign_origin(self) -> str | None:
        """A third party's distribution and its version, on which values depend; else None.

        This project's own metrics are as its protocol version says.
        """
        own = is_own_distribution(self.origin.distribution)
        return None if own else str(self.origin)

    def answer_for(self, outcome: Outcome) -> object:
        """What the metric's function answers, unchecked; its target is imported here."""
        function = replace(self.spec, target_facts=None).resolve()
        answer: object = function(outcome) if self.k is None else function(outcome, k=self.k)
        return answer


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The cells of a suite in the order of its file, and the metrics of each."""

    cells: tuple[Cell, ...]
    metrics: tuple[ChosenMetric, ...]


def expand(
    suite: Suite,
    registry: Registry,
    dataset: DatasetRef,
    split: Split,
    *,
    split_ref: SplitRef | None = None,
    handed_in: Sequence[HandedIn] = (),
) -> Grid:
    """All cells of a suite.

    Parameters
    ----------
    split : Split
        Of the dataset.
    split_ref : SplitRef or None
        What the cells are told of it; None is leave-one-out.
    handed_in : sequence of HandedIn
        The poison of each seed for the suite's attackers that are one.

    Raises
    ------
    UsageError
        A component is unknown or refuses its parameters, K exceeds the catalogue, a target does
        not exist, a budget gives no fake user, or an attacker needs what the suite does not
        grant. The message begins with the suite's name.
    """
    try:
        _refuse_too_large(suite, dataset)
        metrics = _metrics(suite, registry, dataset)
        for seed in suite.seeds:
            draw_goal(split, suite.protocol, seed)
            if suite.integrity_rows:
                draw_placebo_goal(split, suite.protocol, seed)
        protocol = _protocol(suite, dataset, split_ref)
        for choice in (*suite.victims, *suite.surrogates):
            spec, component = _resolved(registry, RecommenderSpec, choice)
            if spec.answers == "top-k":
                refuse_beyond_lists(spec, component, suite, metrics)
        cells = _cells(suite, registry, dataset, protocol, metrics, handed_in)
        return Grid(cells=tuple(cells), metrics=metrics)
    except LokiBenchError as error:
        raise type(error)(f"suite '{suite.name}': {error}") from error


def planned(
    suite: Suite, registry: Registry, dataset: DatasetRef, *, split_ref: SplitRef | None
) -> Grid:
    """The same cells for a reader of results, who has the components and may lack the data.

    Targets are not looked up, and cells of poison in a file are left out: its content is in their
    ids. Raises ``UsageError`` as :func:`expand` does.
    """
    written = [choice for choice in suite.attackers if choice.name != HANDED_IN]
    suite = suite.model_copy(update={"attackers": written})
    protocol = _protocol(suite, dataset, split_ref)
    _refuse_too_large(suite, dataset)
    metrics = _metrics(suite, registry, dataset)
    return Grid(
        cells=tuple(_cells(suite, registry, dataset, protocol, metrics, ())), metrics=metrics
    )


def _protocol(suite: Suite, dataset: DatasetRef, split_ref: SplitRef | None) -> CellProtocol:
    """The suite's protocol, with what the data makes of it."""
    asked = suite.protocol.model_dump() | {
        "evaluate_users": number_evaluated(suite.protocol.evaluate_users, dataset.n_users)
    }
    return CellProtocol(**asked, repeats=suite.repeats, split=split_ref)


def number_evaluated(asked: NumberOfUsers | None, n_users: int) -> int | None:
    """How many users of a dataset are evaluated; None is all of them.

    A sample of all is no sample: whoever asks for as many as there are gets the ids of who does
    not ask.

    Parameters
    ----------
    asked : int, "all" or None
        ``evaluate_users`` of a suite; None takes ``MOST_EVALUATED`` of more than these.
    n_users : int
        Of the dataset.
    """
    most = MOST_EVALUATED if asked is None else asked
    return None if most == "all" or most >= n_users else most


def _metrics(suite: Suite, registry: Registry, dataset: DatasetRef) -> tuple[ChosenMetric, ...]:
    """The metrics by their labels of today, each once."""
    found: dict[str, ChosenMetric] = {}
    for label in suite.metrics:
        metric = chosen_metric(registry, label, dataset.n_items, suite.protocol)
        if metric.spec.reads_untargeted and suite.protocol.n_target_users == "all":
            raise SuiteError(
                f"key 'metrics': '{metric.label}' is about users who were not targeted, and "
                "n_target_users = 'all' leaves none; leave one of the two out"
            )
        if found.setdefault(metric.label, metric) is not metric:
            raise SuiteError(f"key 'metrics': '{metric.label}' is listed twice, once as '{label}'")
    return tuple(found.values())


def _refuse_too_large(suite: Suite, dataset: DatasetRef) -> None:
    """What no machine computes or keeps is a slip of the pen."""
    budgets = budgets_of(suite.budget, dataset)
    n_attacks = len(suite.attackers) * len(suite.simulator) * len(suite.defenses)
    n_attacks *= len(suite.knowledge.until) * len(suite.knowledge.users)
    n_victims = len(suite.victims) * max(len(suite.regimes), 1)
    n_cells = len(budgets) * n_attacks * n_victims * len(suite.seeds)
    if n_cells > MOST_CELLS:
        raise SuiteError(f"it has {n_cells} cells; at most {MOST_CELLS} are run")
    most = max((budget.n_fake_users for budget in budgets), default=0)
    if most > dataset.n_users:
        raise SuiteError(
            f"key 'budget.fake_users': {most} fake users beside {dataset.n_users} genuine ones; at "
            "most as many are injected"
        )
    n_events = max((b.n_fake_users * b.actions for b in budgets if b.actions != GENUINE), default=0)
    if n_events > MOST_EVENTS:
        raise SuiteError(
            f"table 'budget': fake users have {n_events} events; at most {MOST_EVENTS} are injected"
        )


def _cells(
    suite: Suite,
    registry: Registry,
    dataset: DatasetRef,
    protocol: CellProtocol,
    metrics: Sequence[ChosenMetric],
    handed_in: Sequence[HandedIn],
) -> Iterator[Cell]:
    found = [_resolved(registry, RecommenderSpec, choice) for choice in suite.victims]
    recommenders = [spec for spec, _ in found]
    listing = {spec.name: spec for spec in recommenders if spec.answers == "top-k"}
    victims: Sequence[ChosenVictim] = (
        crossed_victims(suite.victims, suite.regimes, registry)
        if suite.regimes
        else [(victim, None) for _, victim in found]
    )
    pool = [(*_resolved(registry, RecommenderSpec, choice), choice) for choice in suite.surrogates]
    specs = {spec.name: spec for spec in recommenders}
    chosen = list(suite.attackers)
    if suite.integrity_rows and "none" not in [choice.name for choice in chosen]:
        chosen.insert(0, Choice(name="none"))
    attackers = [(*_resolved(registry, AttackerSpec, choice), choice) for choice in chosen]
    defenses = [_defense(registry, choice) for choice in suite.defenses]
    if named := [spec for spec, _ in defenses if spec]:
        refuse_unfit_defenses(registry, named, recommenders, suite.regimes)
    budgets = budgets_of(suite.budget, dataset)
    n_untargeted = N_UNTARGETED if any(m.spec.reads_untargeted for m in metrics) else 0
    if any(choice.name != "none" for choice in chosen):
        _refuse_no_fake_user(budgets, dataset)
    for seed in suite.seeds:
        for budget in budgets:
            for spec, attacker, choice in attackers:
                poison = next((p for p in handed_in if (p.seed, p.choice) == (seed, choice)), None)
                if poison:
                    own: Sequence[CellBudget] = [poison.budget_in(budgets, dataset.n_users)]
                else:
                    own = _budgets_for(spec, budgets)
                if budget not in own:
                    continue
                attack = poison.component if poison else attacker
                needs = spec.needs_with(attack.parameters)
                _refuse_ungranted(suite, spec, needs)
                influence, is_default = _influence(registry, spec, needs, choice)
                has_placebo = _has_placebo(suite, attack, budget, own)
                known = _knowledge(suite, spec, needs)
                asked = _victims_for(spec, needs, recommenders, victims)
                for knowledge, (victim, regime) in product(known, asked):
                    listed = listing.get(victim.name)
                    list_length = listed.list_length_with(victim.parameters) if listed else None
                    for simulator, surrogates in _surrogates_for(
                        (specs[victim.name], victim), suite, needs, pool, attack.name
                    ):
                        for (defense_spec, defense), placebo in _variants(
                            defenses, has_placebo=has_placebo
                        ):
                            yield Cell(
                                dataset=dataset,
                                protocol=protocol,
                                budget=budget,
                                victim=victim,
                                victim_list_length=list_length,
                                attacker=attack,
                                simulator=simulator,
                                surrogates=surrogates,
                                influence=influence,
                                influence_is_default=is_default,
                                is_baseline=spec.baseline and not attack.changed,
                                oracle=_oracle(suite, needs, dataset),
                                sees_history="history" in needs,
                                knowledge=knowledge,
                                n_untargeted=n_untargeted,
                                regime=regime,
                                isolation=suite.isolation,
                                defense=defense,
                                defense_form=defense_spec.form if defense_spec else "filter",
                                placebo=placebo,
                                # What is asked of the victim belongs to one attack alone.
                                prepares=spec.prepares and not needs & _QUERIES,
                                seed=seed,
                            )


def _victims_for(
    spec: AttackerSpec,
    needs: frozenset[Need],
    recommenders: Sequence[RecommenderSpec],
    victims: Sequence[ChosenVictim],
) -> Sequence[ChosenVictim]:
    """Those that can answer what an attack asks; it has no row against others.

    Where a suite has no other victim it is refused.
    """
    if "sequence-queries" not in needs:
        return victims
    able = {spec.name for spec in recommenders if spec.answers_sequences}
    found = [(victim, regime) for victim, regime in victims if victim.name in able]
    if not found:
        listed = ", ".join(spec.name for spec in recommenders)
        raise SuiteError(
            f"attacker '{spec.name}' asks the victim about sequences that nobody has, and none of "
            f"the suite's victims can answer without training on them ({listed}); add one whose "
            "scores a history alone decides, such as gru4rec"
        )
    return found


def _budgets_for(spec: AttackerSpec, budgets: Sequence[CellBudget]) -> Sequence[CellBudget]:
    """Those that an attack can keep: one that takes no lengths has no row with genuine ones.

    Where a suite has no other budget it is refused.
    """
    if spec.takes_lengths:
        return budgets
    found = [budget for budget in budgets if budget.actions != GENUINE]
    if not found:
        raise SuiteError(
            f"attacker '{spec.name}' does not take a length for each fake user (its spec does not "
            "say takes_lengths), and 'actions' in the table [budget] is 'genuine' alone; add a "
            "number of actions for it, or leave the attacker out of this suite"
        )
    return found


def _has_placebo(
    suite: Suite, attack: ComponentRef, budget: CellBudget, own: Sequence[CellBudget]
) -> bool:
    """Whether an attack has one under a budget, of those that it is run with.

    A poison that was handed in can't be given other targets.
    """
    if attack.name == "none" or attack.is_handed_in:
        return False
    if isinstance(suite.integrity_rows, bool):
        return suite.integrity_rows
    return is_largest(budget, own)


def _variants(
    defenses: list[ChosenDefense], *, has_placebo: bool
) -> list[tuple[ChosenDefense, bool]]:
    """Every defense, and one placebo beside the first: it is about the attack."""
    plain: list[tuple[ChosenDefense, bool]] = [(defense, False) for defense in defenses]
    return [*plain[:1], *([(defenses[0], True)] if has_placebo else []), *plain[1:]]


def _surrogates_for(
    against: tuple[RecommenderSpec, ComponentRef],
    suite: Suite,
    needs: frozenset[Need],
    pool: list[tuple[RecommenderSpec, ComponentRef, Choice]],
    attacker: str,
) -> Iterator[tuple[Simulator | None, tuple[SurrogateRef, ...]]]:
    """Every simulator of the suite with the surrogates that it provides against this victim.

    An attack without surrogates has one row, whatever simulators the suite compares.
    """
    if "surrogates" not in needs:
        yield None, ()
        return
    victim = against[1]
    for simulator in suite.simulator:
        if simulator == "single":
            for _, recommender, _ in pool:
                yield simulator, (SurrogateRef(recommender=recommender, weight=1.0),)
            continue
        if simulator == "white-box":
            yield simulator, (SurrogateRef(recommender=victim, weight=1.0),)
            continue
        voting = tuple(
            SurrogateRef(recommender=recommender, weight=choice.weight)
            for spec, recommender, choice in pool
            if simulator == "all" or not _is_same_model(against, (spec, recommender))
        )
        if not voting:
            raise SuiteError(
                f"no surrogate is left for attacker '{attacker}' against victim '{victim.name}' "
                f"with simulator '{simulator}'; add another recommender to the key 'surrogates'"
            )
        yield simulator, voting


def _is_same_model(
    one: tuple[RecommenderSpec, ComponentRef], other: tuple[RecommenderSpec, ComponentRef]
) -> bool:
    """By the model class where both say theirs, else by name or target."""
    first, second = (spec.model_class_with(used.parameters) for spec, used in (one, other))
    if first and second:
        return first == second
    return one[1].name == other[1].name or one[1].target == other[1].target


def _refuse_no_fake_user(budgets: Sequence[CellBudget], dataset: DatasetRef) -> None:
    """An attack without any fake user is the clean victim, and would be ranked beside others."""
    n_users = dataset.n_users
    for budget in budgets:
        if budget.n_fake_users == 0:
            raise SuiteError(
                f"key 'budget.fake_users': {budget.fake_users:g} of {n_users} users is no fake "
                f"user, so an attack would inject nothing; one fake user is {1 / n_users:.2g} of "
                "them"
            )


def _refuse_ungranted(suite: Suite, spec: AttackerSpec, needs: frozenset[Need]) -> None:
    """What an attacker needs is compared with what the suite grants before anything is fitted."""
    unknown = needs - frozenset(get_args(Need))
    if unknown:
        raise SuiteError(
            f"attacker '{spec.name}' needs {', '.join(sorted(map(repr, unknown)))}, which no suite "
            f"can grant; a spec may name: {', '.join(get_args(Need))}"
        )
    if "surrogates" in needs and not suite.surrogates and set(suite.simulator) != {"white-box"}:
        raise SuiteError(
            f"attacker '{spec.name}' needs surrogates, and the suite's key 'surrogates' is empty"
        )
    if needs & _QUERIES and not suite.knowledge.queries:
        raise SuiteError(
            f"attacker '{spec.name}' needs queries to the victim, and the suite grants none; set "
            "'queries' in the table [knowledge]"
        )


def _knowledge(
    suite: Suite, spec: AttackerSpec, needs: frozenset[Need]
) -> list[CellKnowledge | None]:
    """Each of the suite's for this attack; None is all that there is to know.

    To take knowledge away from an attack that has no use for it would repeat a row under another
    name. The null attack, which a suite adds, has one row.
    """
    asked = suite.knowledge
    crossed = product(asked.until, asked.users)
    found = [
        None if (u, s) == (ALL_EVENTS, ALL_USERS) else CellKnowledge(until=u, users=s)
        for u, s in crossed
    ]
    if found == [None] or spec.name == "none":
        return [None]
    if not needs or (spec.ignores_events and suite.protocol.goal == "promote"):
        raise SuiteError(
            f"attacker '{spec.name}' looks at nobody's events, so 'until' and 'users' in the table "
            "[knowledge] change nothing for it; leave the attacker out of this suite, or the keys"
        )
    return found


def _oracle(suite: Suite, needs: frozenset[Need], dataset: DatasetRef) -> OracleGrant | None:
    if not needs & _QUERIES:
        return None
    knowledge = suite.knowledge
    if knowledge.list_length > dataset.n_items:
        raise SuiteError(
            f"key 'knowledge.list_length': {knowledge.list_length} is larger than the catalogue "
            f"of {dataset.n_items} items"
        )
    return OracleGrant(
        queries=knowledge.queries,
        list_length=knowledge.list_length,
        sequences="sequence-queries" in needs,
    )


def _influence(
    registry: Registry, spec: AttackerSpec, needs: frozenset[Need], choice: Choice
) -> tuple[ComponentRef | None, bool]:
    """The estimator that the attacker is given, and whether it is the one that its spec names."""
    if "influence" not in needs:
        if choice.influence is not None:
            raise SuiteError(f"attacker '{choice.name}' takes no influence estimator")
        return None, False
    default = Choice(name=spec.influence, parameters=dict(spec.influence_parameters))
    chosen = choice.influence or default
    return _resolved(registry, InfluenceEstimatorSpec, chosen)[1], chosen == default


def _defense(registry: Registry, choice: Choice) -> ChosenDefense:
    """Spec and component; None for ``none``, which is no component but the absence of one."""
    if choice.name != "none":
        return _resolved(registry, DefenseSpec, choice)
    if choice.parameters:
        raise SuiteError(f"defense 'none' takes no parameter '{next(iter(choice.parameters))}'")
    return None, None


def _resolved(registry: Registry, spec_type: type[S], choice: Choice) -> tuple[S, ComponentRef]:
    spec, origin = registry.find(spec_type, choice.name)
    return spec, resolve(spec, origin, choice.parameters)


def chosen_metric(registry: Registry, label: str, n_items: int, protocol: Protocol) -> ChosenMetric:
    """The metric of a label such as ``display_rate@10``; raises ``UsageError`` if it is none."""
    name, at, cutoff = label.partition("@")
    spec, origin = registry.find(MetricSpec, name)
    if spec.takes_k != bool(at):
        expected = f"{spec.name}@10" if spec.takes_k else spec.name
        raise SuiteError(f"key 'metrics': '{label}' should read like '{expected}'")
    is_number = cutoff.isascii() and cutoff.isdecimal() and len(cutoff) <= 9
    if at and (not is_number or int(cutoff) < 1):
        raise SuiteError(
            f"key 'metrics': '{label}': the cut-off must be a whole number from 1, in the digits "
            "0 to 9"
        )
    k = int(cutoff) if at else None
    if k is not None and k > n_items:
        raise SuiteError(
            f"key 'metrics': '{label}': K = {k} is larger than the catalogue of {n_items} items"
        )
    return ChosenMetric(
        label=spec.name if k is None else f"{spec.name}@{k}",
        spec=spec,
        k=k,
        ceiling=registry.ceiling_of(
            spec, n_targets=len(protocol.targets) or protocol.n_targets, k=k
        ),
        origin=origin,
    )
