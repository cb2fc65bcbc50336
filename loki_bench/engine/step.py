"""One piece of work: what it needs, what it gives, where that is kept. Attacks are unknown here.

A step names its inputs, which are other steps, and takes their values from a :class:`Values`, which
knows their types: ``values[self.inputs.craft]`` is a ``Poison`` where ``craft`` is a
``Step[Poison]``. Steps are shared by key: what several of them need is done once. A step first
looks into the store, so a second run takes up what is missing.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar, cast

from loki_bench.engine.workers import Workers
from loki_bench.records.store import Codec, Store
from loki_bench.timing import Timed

__all__ = ["Inputs", "Step", "Values", "steps_of"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Inputs: TypeAlias = "tuple[Step[object] | tuple[Step[object], ...] | None, ...]"
"""A named tuple of steps, of tuples of steps, and of None where a step has no such input."""


class Values:
    """What steps have given so far."""

    def __init__(self) -> None:
        self._by_key: dict[str, object] = {}

    def __contains__(self, step: "Step[object]") -> bool:
        return step.key in self._by_key

    def __getitem__(self, step: "Step[T]") -> T:
        return cast("T", self._by_key[step.key])

    def add(self, step: "Step[T]", value: T) -> None:
        """Keep what a step gave."""
        self._by_key[step.key] = value


class Step(ABC, Generic[T_co]):
    """One piece of work that gives a ``T_co``.

    A subclass says what it needs and how its work is submitted; with a codec and an address, what
    it gives is kept in the store and found there again.

    Attributes
    ----------
    kind : str
        Whose guess at the seconds serves, where nothing is known of this very work.
    seconds : float
        To assume where no run tells anything of this kind: only their order matters.
    address_needs_no_inputs : bool
        Whether :meth:`address` reads no value. Such a step is looked up before what it needs, and
        nothing is done for one that is stored.
    codec : Codec or None
        How the value is kept; None where it is not.
    can_be_rejected : bool
        Whether the work is under the rules that a final step is rejected for. Whoever else does
        what it may not has failed.
    """

    kind: ClassVar[str]
    seconds: ClassVar[float]
    address_needs_no_inputs: ClassVar[bool] = False
    codec: Codec[T_co] | None = None
    can_be_rejected: ClassVar[bool] = False

    @cached_property
    @abstractmethod
    def key(self) -> str:
        """What makes two steps the same work."""

    @property
    @abstractmethod
    def who(self) -> str:
        """Whose work it is, for messages: ``"attacker 'random'"``."""

    @property
    def label(self) -> str:
        """For progress lines."""
        return self.who

    @property
    def name(self) -> str:
        """Which step it is among those that one final step needs."""
        return self.kind

    @property
    def work(self) -> str:
        """Whose work with which parameters: what lasts about as long whatever the seed."""
        return self.who

    @cached_property
    def inputs(self) -> Inputs:
        """Steps whose values this one takes, by name."""
        return ()

    @cached_property
    def needs(self) -> "tuple[Step[object], ...]":
        """The inputs in a row."""
        found: list[Step[object]] = []
        for needed in self.inputs:
            if needed is not None:
                found += [needed] if isinstance(needed, Step) else needed
        return tuple(found)

    def address(self, values: Values) -> str:
        """Under which name the value is kept."""
        raise NotImplementedError(f"{type(self).__name__} has a codec and no address")

    def stored(self, store: Store, values: Values) -> T_co | None:
        """The value if the store has it, else None."""
        return None if self.codec is None else store.read(self.codec, self.address(values))

    @abstractmethod
    def submit(self, workers: Workers, values: Values) -> "Future[Timed[Any]]":
        """Start the work; what the job gives is given to :meth:`keep`."""

    def keep(self, store: Store, values: Values, given: Any) -> T_co:
        """Store what the work gave; what is returned becomes the step's value."""
        if self.codec is not None:
            store.write(self.codec, self.address(values), given)
        return cast("T_co", given)


def steps_of(
    final: Step[object], *, is_done: Callable[[Step[object]], bool] = lambda step: False
) -> list[Step[object]]:
    """A step and all that it needs, each after those that it needs.

    What only steps need for which ``is_done`` is true is left out.
    """
    ordered: dict[str, Step[object]] = {}

    def visit(step: Step[object]) -> None:
        if step.key in ordered:
            return
        for needed in () if is_done(step) else step.needs:
            visit(needed)
        ordered[step.key] = step

    visit(final)
    return list(ordered.values())
