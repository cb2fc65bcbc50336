"""Which victims a suite can't put behind a defense: refused before anything is computed."""

from collections.abc import Callable, Sequence

from loki_bench.errors import SuiteError
from loki_bench.plugins.registry import Registry
from loki_bench.plugins.specs import DefenseSpec, RecommenderSpec
from loki_bench.suite.suite import Regime

__all__ = ["refuse_unfit_defenses"]


def refuse_unfit_defenses(
    registry: Registry,
    defenses: Sequence[DefenseSpec],
    victims: Sequence[RecommenderSpec],
    regimes: Sequence[Regime],
) -> None:
    """Raise ``SuiteError`` where a defense asks of a victim what it can't do.

    A defense that weighs needs a victim that takes weights, one that trains against noise a victim
    that takes noise. One that trains the victim answers
    with scores, so the victim must have them. What either means for a victim that is fine-tuned no
    contract says.
    """
    weighing = [spec.name for spec in defenses if spec.gives_weights]
    training = [spec.name for spec in defenses if spec.form == "training"]
    noisy = [spec.name for spec in defenses if spec.needs_noise]
    still = [spec.name for spec in victims if not spec.takes_noise]
    without = [spec.name for spec in victims if not spec.takes_weights]
    lists = [spec.name for spec in victims if spec.answers == "top-k"]
    tuned = [regime.name for regime in regimes if regime.regime == "fine-tune"]
    if weighing and without:
        able = _able(registry, lambda spec: spec.takes_weights)
        raise SuiteError(
            f"defense '{weighing[0]}' gives weights, and victim '{without[0]}' can't be trained "
            "with any (its spec does not say takes_weights); victims that can: "
            f"{able}"
        )
    if noisy and still:
        able = _able(registry, lambda spec: spec.takes_noise)
        raise SuiteError(
            f"defense '{noisy[0]}' trains against noise, and victim '{still[0]}' can't be trained "
            f"so (its spec does not say takes_noise); victims that can: {able}"
        )
    if training and lists:
        raise SuiteError(
            f"defense '{training[0]}' trains the victim and needs its scores, and victim "
            f"'{lists[0]}' answers lists alone; leave out one of the two"
        )
    if tuned and (other := [*weighing, *training]):
        raise SuiteError(
            f"key 'regimes': defense '{other[0]}' weighs events or trains the victim, which is not "
            f"defined for a victim that is fine-tuned ('{tuned[0]}'); leave out one of the two"
        )


def _able(registry: Registry, can: Callable[[RecommenderSpec], bool]) -> str:
    """Names of the installed recommenders that can."""
    names = sorted(
        c.spec.name
        for c in registry.components("recommender")
        if isinstance(c.spec, RecommenderSpec) and can(c.spec)
    )
    return ", ".join(names) or "none"
