"""Victims crossed with the regimes of a suite: how each is trained, under a name."""

from collections.abc import Sequence

from loki_bench.content_ids import canonical_json
from loki_bench.errors import SuiteError
from loki_bench.plugins.registry import Registry
from loki_bench.plugins.specs import RecommenderSpec
from loki_bench.suite.cell import CellRegime
from loki_bench.suite.components import ComponentRef, resolve
from loki_bench.suite.suite import Choice, Regime

__all__ = ["crossed_victims"]


def crossed_victims(
    victims: Sequence[Choice], regimes: Sequence[Regime], registry: Registry
) -> list[tuple[ComponentRef, CellRegime]]:
    """Every victim in every regime, in the order of the suite.

    Raises
    ------
    SuiteError
        A victim can't be fine-tuned, or two regimes train it alike.
    PluginError, ParameterError
        There is no such victim, or it does not take a regime's parameters.
    """
    found: list[tuple[ComponentRef, CellRegime]] = []
    names: dict[str, str] = {}
    for choice in victims:
        spec, origin = registry.find(RecommenderSpec, choice.name)
        for regime in regimes:
            if regime.regime == "fine-tune" and not spec.fine_tunes:
                raise SuiteError(
                    f"key 'regimes': recommender '{spec.name}' can't go on from given weights "
                    f"(its spec does not say fine_tunes), so it can't be trained as "
                    f"'{regime.name}'; leave it out of 'victims', or that regime out"
                )
            component = resolve(spec, origin, {**choice.parameters, **regime.parameters})
            trained = canonical_json({"victim": component.identity, "epochs": regime.epochs})
            if (other := names.setdefault(trained, regime.name)) != regime.name:
                raise SuiteError(
                    f"key 'regimes': '{other}' and '{regime.name}' train '{spec.name}' alike; "
                    "leave one of them out"
                )
            own = spec.in_present_words(regime.parameters)
            told = CellRegime(
                name=regime.name, parameters=dict(own), fine_tune_epochs=regime.epochs
            )
            found.append((component, told))
    return found
