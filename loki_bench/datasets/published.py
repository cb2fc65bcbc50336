"""The published one-line-a-user datasets: three Amazon categories and LastFM."""

from pathlib import Path
from typing import ClassVar

from loki_bench.contracts import DatasetLoader
from loki_bench.datasets.filters import RowFilters, SequenceFilters
from loki_bench.datasets.kept_logs import kept_or_read
from loki_bench.datasets.parameters import check_k_core
from loki_bench.datasets.published_files import BEAUTY, LASTFM, SPORTS, TOYS, PublishedFile
from loki_bench.datasets.reading import Reading
from loki_bench.datasets.verified_file import verified_file
from loki_bench.event_log import EventLog
from loki_bench.interactions import Interactions

__all__ = ["AmazonBeauty", "AmazonSports", "AmazonToys", "LastFM", "PublishedDataset"]


class PublishedDataset(DatasetLoader):
    """A dataset read from a :class:`PublishedFile`, from the data folder or else downloaded.

    Parameters
    ----------
    k_core : int
        Users and items with fewer events are dropped until none is left; 0 drops nothing. The
        default, 5, is what the paper does (section 4.1); these files were published so, and it
        changes nothing in them.
    """

    file: ClassVar[PublishedFile]

    def __init__(self, *, k_core: int = 5) -> None:
        self.k_core = check_k_core(k_core, dataset=self.file.dataset)

    def load(self, folder: Path, *, download: bool) -> Interactions:
        """Read the file; see ``DatasetLoader.load``."""
        return self.read(folder, download=download).interactions

    def read(self, folder: Path, *, download: bool) -> EventLog:
        """Read the file; see ``DatasetLoader.read``."""
        return kept_or_read(
            [verified_file(self.file, folder, download=download)],
            Reading(dataset=self.file.dataset, format="sequences"),
            rows=RowFilters(),
            sequences=SequenceFilters(k_core=self.k_core),
        )


class AmazonBeauty(PublishedDataset):
    """Amazon reviews of beauty products: 22,363 users, 12,101 items, 198,502 events."""

    file = BEAUTY


class AmazonToys(PublishedDataset):
    """Amazon reviews of toys and games: 19,412 users, 11,924 items, 167,597 events."""

    file = TOYS


class AmazonSports(PublishedDataset):
    """Amazon reviews of sports goods: 35,598 users, 18,357 items, 296,337 events."""

    file = SPORTS


class LastFM(PublishedDataset):
    """Artists heard on Last.fm: 1,090 users, 3,646 items, 52,551 events."""

    file = LASTFM
