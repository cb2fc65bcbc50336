"""Finds the installed plugins, asks each what it declares, and answers questions by name.

This project's own are imported. A third party's are read by whoever :func:`discover` is given for
it, outside this process; where nobody is given, as in the conformance kit, they are imported too.

A plugin that can't be loaded is left out and named; it fails a run only if the run needs one of
its components. Two plugins may declare one name: that is an error only when the name is asked
for. Every load and every hook call is guarded, because one broken plugin must not take the
command line down: pluggy's own ``load_setuptools_entrypoints`` is unguarded, and silently drops
the second of two distributions whose entry points share a name.
"""

import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import pluggy

from loki_bench.errors import NameClashError, PluginError, UnknownComponentError
from loki_bench.plugins import hookspecs
from loki_bench.plugins.ownership import is_own_plugin, normal_name
from loki_bench.plugins.spec_data import MOST_SPECS
from loki_bench.plugins.specs import (
    AttackerSpec,
    ComponentSpec,
    DatasetSpec,
    DefenseSpec,
    InfluenceEstimatorSpec,
    MetricSpec,
    RecommenderSpec,
    nearest,
)

if TYPE_CHECKING:
    from loki_bench.event_log import EventLog

__all__ = [
    "BrokenPlugin",
    "Component",
    "ForeignCode",
    "ForeignPluginError",
    "Origin",
    "Registry",
    "declared_by",
    "discover",
]

HOOKS: Mapping[str, type[ComponentSpec]] = {
    "loki_bench_datasets": DatasetSpec,
    "loki_bench_recommenders": RecommenderSpec,
    "loki_bench_attackers": AttackerSpec,
    "loki_bench_influence_estimators": InfluenceEstimatorSpec,
    "loki_bench_metrics": MetricSpec,
    "loki_bench_defenses": DefenseSpec,
}

S = TypeVar("S", bound=ComponentSpec)

_DISTRIBUTION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
MOST_CHARACTERS = 100


@dataclass(frozen=True, order=True)
class Origin:
    """The installed distribution that a component came from."""

    distribution: str
    version: str

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"


@dataclass(frozen=True)
class Component:
    """A declared component and where it came from: the distribution, and its entry point."""

    spec: ComponentSpec
    origin: Origin
    plugin: str = ""


@dataclass(frozen=True)
class BrokenPlugin:
    """A plugin that was left out, and why."""

    name: str
    origin: Origin
    reason: str

    def __str__(self) -> str:
        return f"plugin '{self.name}' of {self.origin}: {self.reason}"


class ForeignPluginError(PluginError):
    """What a third party's plugin declares can't be had; the text is a sentence that says why."""


class ForeignCode(Protocol):
    """Runs what a third party wrote, outside the process that asks."""

    def specs(self, entry: EntryPoint) -> list[ComponentSpec]:
        """What a plugin declares, each with the facts of its target.

        Raises ``ForeignPluginError``.
        """
        ...

    def read_dataset(
        self, spec: DatasetSpec, parameters: Mapping[str, object], *, folder: Path, download: bool
    ) -> "EventLog":
        """A dataset's events, see :meth:`~loki_bench.contracts.DatasetLoader.read`."""
        ...

    def ceiling_of(self, spec: MetricSpec, *, n_targets: int, k: int | None) -> float | None:
        """See :meth:`MetricSpec.ceiling_of`."""
        ...


class Registry:
    """All declared components.

    Parameters
    ----------
    components : iterable of Component
    broken : iterable of BrokenPlugin
        Plugins that were left out; error messages name them.
    foreign : ForeignCode, optional
        Runs third parties' datasets and ceilings, whose code this process does not import.
    """

    def __init__(
        self,
        components: Iterable[Component],
        broken: Iterable[BrokenPlugin] = (),
        foreign: ForeignCode | None = None,
    ) -> None:
        self.foreign = foreign
        self._components = sorted(
            components, key=lambda c: (c.spec.kind, c.spec.name, c.origin, c.spec.target)
        )
        self.broken = tuple(sorted(broken, key=lambda b: (b.origin, b.name)))

    def components(self, kind: str | None = None) -> list[Component]:
        """All components, or those of one kind, ordered by kind and name."""
        return [c for c in self._components if kind in (None, c.spec.kind)]

    def with_components(self, components: Iterable[Component]) -> "Registry":
        """These components and some more, such as those of a notebook."""
        return Registry([*self._components, *components], self.broken, self.foreign)

    def ceiling_of(self, spec: MetricSpec, *, n_targets: int, k: int | None) -> float | None:
        """See :meth:`MetricSpec.ceiling_of`; a third party's function runs outside this process."""
        if spec.ceiling and spec.target_facts is not None and self.foreign is not None:
            return self.foreign.ceiling_of(spec, n_targets=n_targets, k=k)
        return spec.ceiling_of(n_targets=n_targets, k=k)

    def find(self, spec_type: type[S], name: str) -> tuple[S, Origin]:
        """The one component of a kind with that name; by a former name with a warning.

        Raises
        ------
        UnknownComponentError
            Lists the known names, the nearest one, and the plugins that were left out.
        NameClashError
            Names the distributions that declare the name.
        """
        kind = spec_type.kind
        known = [c for c in self._components if isinstance(c.spec, spec_type)]
        found = [c for c in known if c.spec.name == name]
        if not found and (found := [c for c in known if name in c.spec.former_names]):
            warnings.warn(
                f"the {kind} '{name}' is called '{found[0].spec.name}' now; the next release will "
                "not know the old name",
                FutureWarning,
                stacklevel=3,
            )
        if not found:
            names = sorted({c.spec.name for c in known})
            left_out = "".join(f"; skipped {plugin}" for plugin in self.broken)
            raise UnknownComponentError(
                f"no plugin declares the {kind} '{name}'{nearest(name, names)}; "
                f"known: {', '.join(names) or 'none'}{left_out}"
            )
        if len(found) > 1:
            owners = [str(c.origin) for c in found]
            if len(set(owners)) < len(owners):  # of one distribution its entry points differ
                owners = [f"plugin '{c.plugin}' of {c.origin}" for c in found]
            raise NameClashError(
                f"the {kind} '{name}' is declared by {' and '.join(owners)}; "
                "leave one out with --disable-plugin, or uninstall it"
            )
        spec = found[0].spec
        assert isinstance(spec, spec_type)  # noqa: S101  # for the type checker: filtered above
        return spec, found[0].origin


def discover(
    *,
    disabled: Iterable[str] = (),
    strict: bool = False,
    entries: Iterable[EntryPoint] | None = None,
    foreign: ForeignCode | None = None,
) -> Registry:
    """Collect what every installed plugin declares.

    Parameters
    ----------
    disabled : iterable of str
        Entry-point or distribution names to leave out, as package indexes compare them.
    strict : bool
        Raise when any plugin is broken.
    entries : iterable of EntryPoint, optional
        Instead of those installed, for tests.
    foreign : ForeignCode, optional
        Asked what third parties' plugins declare. Without it they are imported here: the host
        asks :func:`loki_bench.sandbox.installed.installed_plugins` instead.

    Raises
    ------
    PluginError
        ``strict`` and a plugin is broken, or a disabled name matches no plugin.
    """
    found = list(entries if entries is not None else entry_points(group="loki_bench"))
    left_out = {normal_name(name): name for name in disabled}
    if left_out:
        known = {normal_name(n) for e in found for n in (e.name, _origin(e).distribution)}
        if unknown := sorted(left_out[name] for name in left_out.keys() - known):
            raise PluginError(
                f"--disable-plugin {unknown[0]}: no such plugin; "
                f"installed: {', '.join(sorted({e.name for e in found})) or 'none'}"
            )
    components: list[Component] = []
    broken: list[BrokenPlugin] = []
    for entry in found:
        origin = _origin(entry)
        if left_out and left_out.keys() & {
            normal_name(entry.name),
            normal_name(origin.distribution),
        }:
            continue
        if problem := _unfit_names(entry, origin):
            broken.append(BrokenPlugin(_shown(entry.name), _shown_origin(origin), problem))
            continue
        try:
            if foreign is None or is_own_plugin(entry):
                specs = declared_by(entry)
            else:
                specs = foreign.specs(entry)
            components += [Component(spec, origin, entry.name) for spec in specs]
        except ForeignPluginError as error:
            broken.append(BrokenPlugin(entry.name, origin, str(error)))
        except (Exception, SystemExit) as error:  # whatever a plugin's module may raise
            reason = f"{type(error).__name__}: {error}"
            broken.append(BrokenPlugin(entry.name, origin, reason))
    registry = Registry(components, broken, foreign)
    if strict and broken:
        raise PluginError("; ".join(str(plugin) for plugin in registry.broken))
    return registry


def declared_by(entry: EntryPoint) -> list[ComponentSpec]:
    """Import one plugin and call its hooks; raises whatever that raises.

    A manager of its own keeps plugins apart.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT_NAME)
    manager.add_hookspecs(hookspecs)
    manager.register(entry.load(), name=entry.name)
    manager.check_pending()  # a misspelt hook name is an error, not silence
    declared: list[ComponentSpec] = []
    for hook, spec_type in HOOKS.items():
        call: Callable[[], list[object]] = getattr(manager.hook, hook)
        for specs in call():
            declared += _checked(hook, spec_type, specs)
    return declared


def _checked(hook: str, spec_type: type[ComponentSpec], specs: object) -> list[ComponentSpec]:
    if isinstance(specs, (list, tuple)) and len(specs) > MOST_SPECS:
        raise ValueError(f"{hook}() returned {len(specs)} specs; at most {MOST_SPECS} are taken")
    if not isinstance(specs, (list, tuple)) or not all(isinstance(s, spec_type) for s in specs):
        raise TypeError(f"{hook}() must return a list of {spec_type.__name__}, got {specs!r}")
    return list(specs)


def _origin(entry: EntryPoint) -> Origin:
    if entry.dist is None:
        return Origin("unknown", "0")
    told = entry.dist.metadata
    # PackageMetadata promises no get
    name, version = (told[key] if key in told else "" for key in ("Name", "Version"))  # noqa: SIM401
    return Origin(name, version)


def _unfit_names(entry: EntryPoint, origin: Origin) -> str:
    """What is wrong with the names that a plugin goes by; empty where nothing is."""
    if not _DISTRIBUTION.fullmatch(origin.distribution):
        return "its distribution's name is none that a package index takes"
    if not origin.version:
        return "its distribution's metadata names no version, under which results are kept"
    for what, text in (("version", origin.version), ("name", entry.name)):
        if not text or not text.isprintable() or len(text) > MOST_CHARACTERS:
            return f"its {what} must be one line of at most {MOST_CHARACTERS} printable characters"
    return ""


def _shown(name: str) -> str:
    return ascii(name)[1:-1][:MOST_CHARACTERS]


def _shown_origin(origin: Origin) -> Origin:
    return Origin(_shown(origin.distribution), _shown(origin.version))
