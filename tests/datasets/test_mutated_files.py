"""Thousands of damaged files: each is read, or refused in one sentence; none hangs or crashes."""

import random
import signal
import sys
from pathlib import Path

import pytest
from watched_child import watched

from loki_bench.cli import main as command_line
from loki_bench.datasets.own_file import OwnFile
from loki_bench.datasets.summary import suite_line, summarise
from loki_bench.errors import UsageError

CASES = sorted((Path(__file__).parent / "cases").iterdir())
SECONDS = 60
FITTING: dict[str, dict[str, object]] = {
    "BX-Book-Ratings.csv": {
        "user_column": "User-ID",
        "item_column": "ISBN",
        "timestamp_column": "",
        "rating_column": "Book-Rating",
    },
    "Ratings_only_2018.csv": {"columns": ["item_id", "user_id", "rating", "timestamp"]},
    "amazon2023.csv": {"item_column": "parent_asin"},
    "reviews.csv.gz": {"item_column": "parent_asin"},
    "events.csv": {"user_column": "visitorid", "item_column": "itemid", "duplicates": "drop"},
    "gowalla_checkins.txt": {"columns": ["user_id", "timestamp", "lat", "lon", "item_id"]},
    "lastfm.inter": {"item_column": "artist_id", "timestamp_column": ""},
    "lastfm1k.tsv": {"columns": ["user_id", "timestamp", "item_id", "a", "b", "c"]},
    "review.json": {"item_column": "business_id", "timestamp_column": "date"},
    "steam_reviews.json": {
        "user_column": "username",
        "item_column": "product_id",
        "timestamp_column": "date",
    },
    "u.data": {"columns": ["user_id", "item_id", "rating", "timestamp"]},
}
NAMES = ["user_id", "item_id", "timestamp", "visitorid", "itemid", "parent_asin", "rating", "event"]
SCRAPS = [
    b'"', b"'", b",", b"\t", b";", b"::", b"|", b" ", b"\n", b"\r", b"\r\n", b"\x00", b"\xff",
    b"\xef\xbb\xbf", b"\xff\xfe", b"nan", b"NULL", b"\\N", b"{", b"}", b"[", b"]", b"#", b"%",
    b"1e400", b"-1", b"9" * 40, b"1.5", b"2009-02-30", b"\xe2\x80\xa8", b"\x1f", b":token",
]  # fmt: skip


def damaged(content: bytes, chance: random.Random) -> bytes:
    """One to four small damages: bytes, scraps, lines and ends."""
    data = bytearray(content)
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(9)
        if kind == 0 and data:
            data[at % len(data)] = chance.randrange(256)
        elif kind in (1, 2):
            data[at:at] = chance.choice(SCRAPS)
        elif kind == 3:
            del data[at : at + chance.randint(1, 40)]
        elif kind == 4:
            del data[at:]
        elif kind == 5:
            data += content[: chance.randrange(len(content) + 1)]
        elif kind == 6:
            lines = bytes(data).splitlines(keepends=True)
            chance.shuffle(lines)
            data = bytearray(b"".join(lines))
        elif kind == 7:
            old, new = chance.choice(SCRAPS[:11]), chance.choice(SCRAPS[:11])
            data = bytearray(bytes(data).replace(old, new))
        else:
            data = bytearray(chance.choice(CASES).read_bytes()[: at + 1] + bytes(data))
    return bytes(data)


def parameters(case: Path, chance: random.Random) -> dict[str, object]:
    """Those that fit the file before it was damaged, and sometimes others."""
    given = {"k_core": chance.choice([0, 2, 2]), **FITTING.get(case.name, {})}
    options = {
        "user_column": [*NAMES, 0],
        "item_column": [*NAMES, 1, 4],
        "timestamp_column": [*NAMES, "", 2, 3, ["timestamp", "rating"]],
        "format": ["auto", "inter", "csv", "tsv", "sequences", "pairs", "json", "parquet"],
        "separator": [",", "\t", "::", " ", ";", "~"],
        "encoding": ["latin-1", "utf-16", "utf-8", "ascii", "cp1252", "utf-7"],
        "columns": [["user_id", "item_id", "rating", "timestamp"], ["user_id", "item_id"]],
        "header": [True, False],
        "where": [{"event": "view"}, {"rating": ["5.0", "4.0"]}],
        "min_rating": [3],
        "missing": ["drop"],
        "duplicates": ["drop"],
        "repeats": ["drop-later"],
        "last_events": [2, 5],
        "times": ["%Y-%m-%d", "%d/%m/%Y"],
        "n_items": [200],
    }
    for key in chance.sample(sorted(options), chance.choice([0, 0, 0, 1, 1, 2, 4])):
        given[key] = chance.choice(options[key])
    return given


class HungError(BaseException):
    """It takes too long; nothing that looks for errors catches it."""


def too_long(number: int, frame: object) -> None:
    raise HungError(f"not read in {SECONDS} seconds")


def read_or_refuse(path: Path, given: dict[str, object]) -> bool:
    """Whether the file was read; anything but a sentence of ours passes through."""
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(SECONDS)
    try:
        log = OwnFile(path=str(path), **given).read(path.parent, download=False)
        shown = summarise(log, suite_line("file", {"path": str(path), **given}))
        assert shown.n_read - sum(shown.dropped.values()) == shown.n_events > 0
        assert str(shown)
        assert shown.as_json()
        return True
    except UsageError as error:
        refusal = str(error)
    finally:
        signal.alarm(0)
    assert "\n" not in refusal
    return False


def one(tmp_path: Path, number: int, seed: int) -> bool:
    """Damage one file and read it; whether it was read."""
    chance = random.Random(f"{seed} {number}")  # noqa: S311
    case = chance.choice(CASES)
    path = tmp_path / f"{number}-{case.name}"
    path.write_bytes(damaged(case.read_bytes(), chance))
    given = parameters(case, chance)
    try:
        return read_or_refuse(path, given)
    except Exception as error:
        raise AssertionError(f"file {number} of seed {seed}, {case.name}, {given}") from error
    finally:
        path.unlink()


def test_some_damaged_files_are_read_or_refused(tmp_path):
    assert 0 < sum(one(tmp_path, number, seed=1) for number in range(150)) < 150


@pytest.mark.slow
def test_three_thousand_damaged_files_are_read_or_refused(tmp_path):
    def read_one(number: int) -> None:
        if one(tmp_path, number, seed=2):
            with (tmp_path / "read").open("ab") as file:
                file.write(b".")

    wrong = watched(3000, read_one, seconds=SECONDS + 20)
    assert not wrong, wrong
    assert 0 < (tmp_path / "read").stat().st_size < 3000
    assert [path.name for path in tmp_path.iterdir()] == ["read"]


def test_the_command_ends_with_0_or_2_for_damaged_files(tmp_path, monkeypatch, capsys):
    chance = random.Random(3)  # noqa: S311
    for number in range(20):
        case = chance.choice(CASES)
        path = tmp_path / f"{number}-{case.name}"
        path.write_bytes(damaged(case.read_bytes(), chance))
        monkeypatch.setattr(sys, "argv", ["loki-bench", "datasets", "show", str(path)])
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        assert ended.value.code in (0, 2)
        said = capsys.readouterr()
        assert bool(said.err) == (ended.value.code == 2)
