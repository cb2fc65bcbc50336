"""Damaged files of poison: each is read, or refused in one sentence; none crashes."""

import io
import json
import random

import numpy as np
import pytest

from loki_bench.attackers.replay import Replay
from loki_bench.errors import UsageError
from loki_bench.interactions import Interactions, Sequences

ROWS = Sequences.of([[0, 1, 2], [2, 3]])
GENUINE = Interactions(
    ROWS.offsets, ROWS.items, n_items=4, user_tokens=("1", "2"), item_tokens=tuple("abcd")
)


def arrays(**named):
    buffer = io.BytesIO()
    np.savez(buffer, **named)
    return buffer.getvalue()


def array(matrix):
    buffer = io.BytesIO()
    np.save(buffer, matrix)
    return buffer.getvalue()


FILES = {
    "a.json": json.dumps({"target_items": ["d"], "fake_users": {"8": ["d", "a"]}}).encode(),
    "b.json": b'[["d", "a", "d"], ["d", "b"]]',
    "c.txt": b'# target_items: ["d"]\n8 d a d\n9 d b\n',
    "d.inter": b"user_id:token\titem_id:token\ttimestamp:float\n8\td\t1\n8\ta\t2\n9\td\t1\n",
    "e.csv": b"user_id,item_id,timestamp\n8,d,1\n8,a,2\n9,d,1\n9,b,2\n",
    "f.npz": arrays(offsets=np.array([0, 2, 3]), items=np.array(list("dab"))),
    "g.npy": array(np.array([[1.0, 0, 0, 1], [0, 1, 0, 1]])),
    "h.npy": array(np.array([[3, 0], [3, -1]])),
}


def damaged(raw, chance):
    content = bytearray(raw)
    for _ in range(chance.choice([1, 1, 2, 5])):
        at = chance.randrange(len(content) or 1)
        what = chance.choice(["flip", "cut", "insert", "twice", "words"])
        if what == "flip" and content:
            content[at] = chance.randrange(256)
        elif what == "cut":
            del content[at : at + chance.choice([1, 4, len(content)])]
        elif what == "insert":
            content[at:at] = chance.choice([b"\x00", b"\xff\xfe", b"[[[", b'"', b"\n", b"1e999"])
        elif what == "twice":
            content += content[at:]
        else:
            content[at:at] = chance.choice([b"null", b"NaN", b"true", b"{}", b"-1", b" d", b"\t"])
    return bytes(content)


def many(folder, n, seed):
    chance = random.Random(seed)  # noqa: S311
    n_read = 0
    for number in range(n):
        name = chance.choice(sorted(FILES))
        path = folder / f"{number}-{name}"
        path.write_bytes(damaged(FILES[name], chance))
        given = chance.choice([{}, {}, {"items": "ids"}, {"rows": "all"}, {"format": "pairs"}])
        replay = Replay(path=str(path), **given)
        try:
            found = replay.fake_rows(replay.read(0), GENUINE, dropped_users={}, dropped_items={})
            assert 0 <= found.poison.items.min() <= found.poison.items.max() < 4
            n_read += 1
        except UsageError as error:
            refusal = str(error)
            assert refusal.count("\n") == 0, (number, refusal)
        except Exception as error:
            raise AssertionError(f"file {number} of seed {seed}, {name}, {given}") from error
        path.unlink()
    return n_read


def test_some_damaged_poison_is_read_or_refused(tmp_path):
    assert 0 < many(tmp_path, 200, seed=1) < 200


@pytest.mark.slow
def test_three_thousand_damaged_files_of_poison_are_read_or_refused(tmp_path):
    assert 0 < many(tmp_path, 3000, seed=2) < 3000
