"""A surrogate: a recommender that the host trains for attackers, on what they may see."""

from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from loki_bench.engine.step import Values
from loki_bench.engine.workers import Workers
from loki_bench.pipeline.dataset import CellStep, DataFolder, load_split
from loki_bench.records.store import Store, StoredFile
from loki_bench.sandbox.carry_out import with_recommender
from loki_bench.sandbox.foreign_recommender import pickled
from loki_bench.suite.cell import Cell, SurrogateRef
from loki_bench.suite.evaluated_users import evaluated
from loki_bench.suite.granted_data import granted_data
from loki_bench.timing import Timed

__all__ = ["FitSurrogate", "fit_surrogate"]


@dataclass(frozen=True)
class FitSurrogate(CellStep[StoredFile]):
    """Trains a surrogate. Its value is the file: the bytes stay in the store."""

    kind: ClassVar[str] = "surrogate"
    seconds: ClassVar[float] = 60.0

    surrogate: SurrogateRef

    @cached_property
    def key(self) -> str:
        return f"surrogate/{self.cell.surrogate_id(self.surrogate)}"

    @property
    def who(self) -> str:
        return f"surrogate '{self.surrogate.recommender.name}'"

    @property
    def name(self) -> str:
        return f"{self.kind} {self.surrogate.recommender.label}"

    @property
    def work(self) -> str:
        return f"fit of {self.surrogate.recommender.label}"

    def stored(self, store: Store, values: Values) -> StoredFile | None:
        return store.sealed_file(self._file)

    def submit(self, workers: Workers, values: Values) -> "Future[Timed[bytes]]":
        return workers.submit(fit_surrogate, self.data, self.cell, self.surrogate)

    def keep(self, store: Store, values: Values, given: bytes) -> StoredFile:
        store.write_sealed(self._file, given)
        file = store.sealed_file(self._file)
        assert file is not None  # noqa: S101  # for the type checker: it was written above
        return file

    @property
    def _file(self) -> str:
        return f"work/surrogates/{self.cell.surrogate_id(self.surrogate)}.pickle"


def fit_surrogate(data: DataFolder, cell: Cell, surrogate: SurrogateRef) -> Timed[bytes]:
    """Train a surrogate on what the attacker may see; returns the pickled recommender.

    Its seed is the surrogate's own role: never the victim's, even for the victim's class.
    """
    split = evaluated(granted_data(load_split(data)[1], cell), cell.protocol, cell.seed)
    seed = cell.seed_of(f"surrogate/{surrogate.recommender.name}")
    # What the attacker knows, used as a platform would: the last known event validates.
    return with_recommender(
        surrogate.recommender,
        lambda made: pickled(made.fit(split.train, validation=split.validation, seed=seed)),
        isolation=cell.isolation,
        limits=data.limits,
        closed=data.folder,
    )
