"""Each suite line of the page on own data reads a small file of its kind, to the same sequences."""

import gzip
import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loki_bench.datasets.own_file import OwnFile

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "own-data.md"
LINES = [line for line in PAGE.read_text().splitlines() if line.startswith("dataset = ")]

SEQUENCES = {"1": ["7", "9", "8"], "2": ["8", "7", "9"], "3": ["9", "8", "7"]}
EVENTS = [
    (user, item, 978_300_000 + 60 * at + int(user))
    for at in range(3)
    for user, items in SEQUENCES.items()
    for item in [items[at]]
]


def clock(seconds: int, form: str = "2001-01-01T{:02d}:{:02d}:{:02d}Z") -> str:
    at = seconds - 978_300_000
    return form.format(at // 3600, at // 60 % 60, at % 60)


def table(header: str, *rows: str) -> str:
    return "".join(f"{line}\n" for line in ([header] if header else []) + list(rows))


def events(form: str, header: str = "") -> str:
    return table(header, *(form.format(u=u, i=i, t=t, iso=clock(t)) for u, i, t in EVENTS))


def sessions() -> str:
    rows = [
        f"{user}\t{' '.join(items[:n])}\t{items[n]}"
        for user, items in SEQUENCES.items()
        for n in (1, 2)
    ]
    return table("session_id:token\titem_id_list:token_seq\titem_id:token", *rows)


def parquet(path: Path) -> None:
    users, items, times = zip(*EVENTS, strict=True)
    columns = {"user_id": list(users), "item_id": list(items), "timestamp": list(times)}
    pq.write_table(pa.table(columns), path)


def part(at: int) -> str:
    rows = [f"{u},{items[at]},5.0,{at}," for u, items in SEQUENCES.items()]
    return table("user_id,parent_asin,rating,timestamp,history", *rows)


FILES = {
    "ratings.dat": events("{u}::{i}::5::{t}"),
    "u.data": events("{u}\t{i}\t5\t{t}"),
    "ratings.csv": events("{u},{i},4.5,{t}", "userId,movieId,rating,timestamp")
    + "1,66,3.5,978300001\n",
    "ratings_Beauty.csv": events("{u},{i},5.0,{t}"),
    "All_Beauty.csv": events("{i},{u},5.0,{t}"),
    "All_Beauty.csv.gz": events(
        "{u},{i},5.0,{t}000,x y", "user_id,parent_asin,rating,timestamp,history"
    ),
    "Beauty.train.csv": part(0),
    "Beauty.valid.csv": part(1),
    "Beauty.test.csv": part(2),
    "Beauty.txt": table("", *(f"{u} {' '.join(items)}" for u, items in SEQUENCES.items())),
    "Video.txt": events("{u} {i}"),
    "yelp_academic_dataset_review.json": table(
        "",
        *(
            json.dumps({"user_id": u, "business_id": i, "stars": 5.0, "date": clock(t)})
            for u, i, t in EVENTS
        ),
    ),
    "steam_reviews.json": table(
        "",
        *(
            repr({"username": u, "product_id": i, "date": clock(t)[:10], "text": "it's"})
            for u, i, t in EVENTS
        ),
    ),
    "userid-timestamp-artid-artname-traid-traname.tsv": table(
        "",
        *(f'{u}\t{clock(t)}\t{i}\t"A" b\t\tc' for u, i, t in reversed(EVENTS)),
        f"1\t{clock(978_300_000)}\t\tnobody\t\tc",
    ),
    "loc-gowalla_totalCheckins.txt.gz": events("{u}\t{iso}\t30.2\t-97.7\t{i}"),
    "events.csv": events("{t}000,{u},view,{i},", "timestamp,visitorid,event,itemid,transactionid")
    + "978300001000,1,addtocart,7,\n",
    "train-item-views.csv": table(
        "sessionId;userId;itemId;timeframe;eventdate",
        *(f"{u};NA;{i};{t % 1000};2016-05-09" for u, i, t in reversed(EVENTS)),
    ),
    "diginetica.inter": sessions(),
    "BX-Book-Ratings.csv": table(
        '"User-ID";"ISBN";"Book-Rating"', *(f'"{u}";"{i}";"0"' for u, i, _ in EVENTS)
    ),
    "ml-1m.inter": events(
        "{u}\t{i}\t5\t{t}", "user_id:token\titem_id:token\trating:float\ttimestamp:float"
    ),
}


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.split('"')[3])
def test_each_line_reads_a_file_of_its_kind(line, tmp_path, monkeypatch, named):
    monkeypatch.chdir(tmp_path)
    for name, content in FILES.items():
        data = content.encode("latin-1")
        Path(name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    parquet(Path("events.parquet"))
    parameters = tomllib.loads(line)["dataset"]["parameters"]
    data = OwnFile(**{"k_core": 3, **parameters}).load(tmp_path, download=False)
    assert named(data) == SEQUENCES


def test_the_page_shows_the_files_that_are_made_here():
    shown = {tomllib.loads(line)["dataset"]["parameters"]["path"] for line in LINES}
    parts = {"Beauty.valid.csv", "Beauty.test.csv"}
    assert shown == {*FILES, "events.parquet"} - parts
