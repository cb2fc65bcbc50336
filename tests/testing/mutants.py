"""How a broken component says which check must reject it."""

import inspect
import warnings
from dataclasses import dataclass, field

import numpy as np

from loki_bench.testing import Subject


@dataclass
class Mutant:
    check: str
    subject: Subject
    # other checks that can't but fail with it
    also: frozenset = field(default_factory=frozenset)

    def __str__(self):
        return f"{self.subject.spec.target.partition(':')[2]}-{self.check}"


def breaks(check, *, also=(), reference=None, **spec):
    """Mark a class or function with the check that it must fail."""

    def mark(component):
        component.mutant = (check, frozenset(also), reference, spec)
        return component

    return mark


def mutants_in(module, spec_type, **defaults):
    """The marked components of a module as mutants."""
    found = []
    for name, component in vars(module).items():
        if "mutant" not in getattr(component, "__dict__", {}):
            continue
        check, also, reference, given = component.mutant
        spec = spec_type(
            name=name.lower().replace("_", "-"),
            summary=(inspect.getdoc(component) or name).splitlines()[0],
            target=f"{module.__name__}:{name}",
            **{**defaults, **given},
        )
        found.append(Mutant(check, Subject(spec=spec, reference=reference), also))
    return found


def state_of_the_global_generator():
    """A number that says which state numpy's global generator is in, without touching it."""
    return int(np.random.get_state()[1][0]) % 1000  # noqa: NPY002


def change_the_warning_filters():
    warnings.simplefilter("ignore", UserWarning)
