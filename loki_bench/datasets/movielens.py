"""MovieLens-100K, read from the file that RecBole carries in its wheel; no download."""

import importlib.util
from pathlib import Path

from loki_bench.contracts import DatasetLoader
from loki_bench.datasets.filters import RowFilters, SequenceFilters
from loki_bench.datasets.kept_logs import kept_or_read
from loki_bench.datasets.parameters import check_k_core, check_last_events
from loki_bench.datasets.published_files import MOVIELENS_100K_SHA256
from loki_bench.datasets.reading import Reading
from loki_bench.datasets.verified_file import check_sha256
from loki_bench.errors import DatasetError
from loki_bench.event_log import EventLog
from loki_bench.interactions import Interactions

__all__ = ["MovieLens100K"]

_NAME = "ml-100k"


class MovieLens100K(DatasetLoader):
    """100,000 ratings of 943 users for 1,682 films; each rating, high or low, is one event.

    Many ratings of a user carry the same second: such events stay in the order of the file.

    Parameters
    ----------
    k_core : int
        Users and items with fewer events are dropped until none is left; 0 drops nothing. The
        default, 5, is what the paper does to its data (section 4.1) and leaves 943 users and
        1,349 items here: an item that is seen less often has factors that are mostly noise.
    last_events : int, optional
        Keep only so many of each user's latest events, before the k-core. Users rate 105 films on
        average, most of them in one evening; a window makes the data as sparse as those of a
        shop. By default all events are kept.
    """

    def __init__(self, *, k_core: int = 5, last_events: int | None = None) -> None:
        self.k_core = check_k_core(k_core, dataset=_NAME)
        self.last_events = check_last_events(last_events, dataset=_NAME)

    def load(self, folder: Path, *, download: bool) -> Interactions:
        """Read the file of RecBole's wheel; neither ``folder`` nor the network is used."""
        return self.read(folder, download=download).interactions

    def read(self, folder: Path, *, download: bool) -> EventLog:
        """Read the file of RecBole's wheel; neither ``folder`` nor the network is used."""
        path = _file_in_recbole()
        check_sha256(path, MOVIELENS_100K_SHA256, dataset=_NAME)
        return kept_or_read(
            [path],
            Reading(dataset=_NAME, format="inter"),
            rows=RowFilters(),
            sequences=SequenceFilters(k_core=self.k_core, last_events=self.last_events),
        )


def _file_in_recbole() -> Path:
    # find_spec looks a top-level package up and, unlike importlib.resources, does not import it
    spec = importlib.util.find_spec("recbole")
    for location in (spec.submodule_search_locations or []) if spec else []:
        path = Path(location) / "dataset_example" / "ml-100k" / "ml-100k.inter"
        if path.is_file():
            return path
    raise DatasetError(
        f"dataset '{_NAME}' is read from the package recbole, which is not installed here; "
        "type: pip install --no-deps recbole==1.2.1"
    )
