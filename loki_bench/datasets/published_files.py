"""Which published data files the built-in datasets are read from: names, addresses, checksums.

Plugin discovery imports this module, so it holds facts and imports nothing heavy.
"""

from dataclasses import dataclass

__all__ = ["BEAUTY", "LASTFM", "MOVIELENS_100K_SHA256", "SPORTS", "TOYS", "PublishedFile"]

_S3REC = (
    "https://raw.githubusercontent.com/RUCAIBox/CIKM2020-S3Rec/"
    "2a81540ae18615d88ef88227b0c066e5b74781e5/data/"
)

MOVIELENS_100K_SHA256 = "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff"
"""Of ``ml-100k.inter`` inside RecBole 1.2.1's wheel."""


@dataclass(frozen=True, kw_only=True)
class PublishedFile:
    """One data file that others have published.

    Attributes
    ----------
    dataset : str
        Name of the dataset that is read from it.
    local_names : tuple of str
        Under which names it is looked for in the data folder; a download gets the first one.
    url : str
        Where it is downloaded from.
    sha256 : str
        Of the file's bytes, 64 hexadecimal digits.
    """

    dataset: str
    local_names: tuple[str, ...]
    url: str
    sha256: str


BEAUTY = PublishedFile(
    dataset="amazon-beauty",
    local_names=("beauty.txt", "Beauty.txt"),
    url=_S3REC + "Beauty.txt",
    sha256="226cce9c3105299ca0db9615d7d3fb32b3175e90da43100ae352599f0f0107b8",
)
TOYS = PublishedFile(
    dataset="amazon-toys",
    local_names=("toys.txt", "Toys_and_Games.txt"),
    url=_S3REC + "Toys_and_Games.txt",
    sha256="176c680c688d497598c4a89a03b402c0fe78d795e5db335c2e78dd5f2d778a3f",
)
SPORTS = PublishedFile(
    dataset="amazon-sports",
    local_names=("sports.txt", "Sports_and_Outdoors.txt"),
    url=_S3REC + "Sports_and_Outdoors.txt",
    sha256="2a095e0648872beb9982408958290f5d655db5be2911c3756b5446de9f0b8de2",
)
LASTFM = PublishedFile(
    dataset="lastfm",
    local_names=("lastfm.txt", "LastFM.txt"),
    url=_S3REC + "LastFM.txt",
    sha256="9ded486adb5b0fe9dc761950afa0a9a05e93ff018992e0c52bf11afec529f802",
)
