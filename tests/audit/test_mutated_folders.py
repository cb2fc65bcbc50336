"""Mutated artefacts, records and runs: a report or one sentence, and never a traceback."""

import io
import shutil
import zipfile

import numpy as np
import pytest
from written_again import write_again

from loki_bench.audit.verification import verify
from loki_bench.errors import LokiBenchError, StoreError
from loki_bench.plugins.registry import discover
from loki_bench.records.manifest import read_manifest
from loki_bench.records.store import Store

N_MUTATED = 1000

DEEP = b"[" * 100_000 + b"]" * 100_000


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def of_shape(header):
    """An archive whose one array says anything of itself."""
    text = header.encode().ljust(118) + b"\n"
    array = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("ranks.npy", array + b"\0" * 64)
    return buffer.getvalue()


def about(text):
    return npz(about=np.frombuffer(text, dtype=np.uint8))


MADE = {
    "nothing": b"",
    "no archive": b"PK\x03\x04" + b"\0" * 100,
    "a huge shape": of_shape(
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
    ),
    "a negative shape": of_shape("{'descr': '<f8', 'fortran_order': False, 'shape': (-5,), }"),
    "objects": npz(ranks=np.array([{"a": 1}], dtype=object)),
    "no header": of_shape("{'descr': '<f8', 'fortran_order'"),
    "an unknown type": of_shape("{'descr': 'q9', 'fortran_order': False, 'shape': (1,), }"),
    "deep about": about(DEEP),
    "about that is no object": about(b"3"),
    "about with NaN": about(b'{"meta": {"a": NaN}, "sha256": "0"}'),
    "about that is not UTF-8": about(b"\xff\xfe"),
    "about of another shape": npz(about=np.ones((2, 2))),
    "no about": npz(ranks=np.ones(3)),
    "deep JSON": DEEP,
    "JSON without a digest": b"{}",
    "JSON that is a list": b"[1]",
    "NaN": b'{"a": NaN, "sha256": "0"}',
    "a number of 5,000 digits": b'{"a": ' + b"9" * 5000 + b', "sha256": "0"}',
    "a lone surrogate": b'{"a": "\\ud800", "sha256": "0"}',
    "another encoding": '{"a": 1}'.encode("utf-16"),
}


def flipped(raw, random):
    out = bytearray(raw)
    for _ in range(int(random.integers(1, 4))):
        place = int(random.integers(len(out)))
        out[place] ^= 1 << int(random.integers(8))
    return bytes(out)


def cut(raw, random):
    return raw[: int(random.integers(len(raw)))]


def doubled(raw, random):
    start = int(random.integers(len(raw)))
    return raw[:start] + raw[start // 2 : start] + raw[start:]


def made(raw, random):
    return list(MADE.values())[int(random.integers(len(MADE)))]


KINDS = (flipped, cut, doubled, made)


def looked_at(folder, opened):
    """All that reads a folder: its records, its tables, and a verification of three levels."""
    warned = []
    store = Store(folder, warn=warned.append)
    try:
        manifest = read_manifest(folder)
        records = {i: store.record(i) for i in manifest.record_ids}
        whole = {i: record for i, record in records.items() if record is not None}
        list(store.runs())
        found = verify(folder, levels=(1, 2, 5), registry=discover(), opened=opened)
        if whole:
            write_again(store, manifest, whole)
            again = verify(folder, levels=(1,), registry=discover(), opened=opened)
    except LokiBenchError:
        return 2, 2
    return found.exit_code, again.exit_code


def files(folder, *kinds):
    return sorted(path for kind in kinds for path in (folder / kind).rglob("*.*"))


@pytest.mark.parametrize("content", MADE.values(), ids=MADE)
@pytest.mark.parametrize("kind", ["artefacts/poison", "artefacts/ranks", "runs", "records"])
def test_what_is_no_such_file_is_named(kind, content, leaderboard, opened):
    files(leaderboard, kind)[0].write_bytes(content)
    before, after = looked_at(leaderboard, opened)
    assert before == 11
    assert after == 11 or kind == "records"  # that cell has no record: it is listed no longer


@pytest.mark.slow
def test_a_thousand_mutated_files_give_no_traceback(original, tmp_path, opened):
    random = np.random.default_rng(20)
    n_found = 0
    for number in range(N_MUTATED):
        folder = tmp_path / "toy"
        shutil.copytree(original, folder)
        paths = files(folder, "artefacts", "runs", "records")
        path = paths[int(random.integers(len(paths)))]
        raw = path.read_bytes()
        changed = KINDS[int(random.integers(len(KINDS)))](raw, random)
        path.write_bytes(changed)
        before, after = looked_at(folder, opened)
        if changed != raw:
            assert before != 0, (number, path.name)
            assert after != 0 or path.parent.name == "records", (number, path.name)
            n_found += 1
        shutil.rmtree(folder)
    assert n_found > 900
    assert [path.name for path in tmp_path.iterdir()] == []


def test_deep_json_is_refused_by_the_manifest(leaderboard):
    (leaderboard / "manifest.json").write_bytes(DEEP)
    with pytest.raises(StoreError, match="not as they were written"):
        read_manifest(leaderboard)
