"""Damaged leaderboards and every command that reads one: an answer or a sentence, no traceback."""

import gzip
import io
import os
import shutil
import sys
import zipfile
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import pytest
from damage import ESCAPED, damage
from made_up_estimators import estimators
from watched_child import watched
from workers_here import Here

from loki_bench.cli.main import main
from loki_bench.engine.workers import LocalWorkers
from loki_bench.plugins.registry import discover

TOYS = Path(__file__).parents[1] / "toys"
N_DAMAGED = 3000
SEED = 20

SUITE = """
name = "paper-overall"
family = "toys"
seeds = [0, 1]
victims = ["counts"]
surrogates = ["counts", "follows"]
attackers = ["none", "random", "asks-surrogates", "raises"]
metrics = ["display_rate@5", "hr@5"]
dataset = "toy"
integrity_rows = false
isolation = "in-process"
[protocol]
n_targets = 3
n_target_users = 10
[budget]
fake_users = 0.2
actions = 5
"""

SIBLING = SUITE.replace('"paper-overall"\nfamily', '"other"\nfamily').replace(', "raises"', "")

BOARD = "results/toys/paper-overall"

STATUSES = {0, 1, 2, 11, 12, 13, 14, 15}


class HereForLong(Here):
    """Workers of this process, as the command opens them."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None


@pytest.fixture
def here(monkeypatch, tmp_path):
    """The commands compute in this process, and find plugins once."""
    monkeypatch.syspath_prepend(TOYS)
    found = cache(lambda *a, **b: discover())
    for module in ("loki_bench.cli.options", "loki_bench.benchmark.benchmark"):
        monkeypatch.setattr(f"{module}.installed_plugins", lambda **options: found())
    monkeypatch.setattr(LocalWorkers, "open", lambda *arguments, **options: HereForLong())
    monkeypatch.setattr("os.fsync", lambda file: None)  # nothing here outlives the machine
    monkeypatch.chdir(tmp_path)


def typed(*arguments):
    """Type a command; its exit status, and all that it says."""
    before, out, err = sys.argv, sys.stdout, sys.stderr
    sys.argv, sys.stdout, sys.stderr = ["loki-bench", *map(str, arguments)], *_streams()
    try:
        main()
    except SystemExit as ended:
        return ended.code, sys.stdout.getvalue() + sys.stderr.getvalue()
    finally:
        sys.argv, sys.stdout, sys.stderr = before, out, err


def _streams():
    class Text(io.StringIO):
        """What a terminal of UTF-8 takes."""

        def write(self, text):
            text.encode()
            return super().write(text)

    return Text(), Text()


@pytest.fixture
def whole(here, tmp_path):
    """Results, published folders and a submitted file, none of them damaged."""
    folder = tmp_path / "whole"
    folder.mkdir()
    (folder / "toy.toml").write_text(SUITE)
    (folder / "other.toml").write_text(SIBLING)
    results = folder / "results"
    for suite in ("toy", "other"):
        status, said = typed("run", folder / f"{suite}.toml", "--results", results)
        assert status in (0, 1), said
    board = results / "toys" / "paper-overall"
    estimators(folder / "fidelity")
    for arguments in (
        ("publish", board, folder / "published"),
        ("publish", results / "toys", folder / "family"),
        ("publish", board, folder / "sampled", "--max-artefacts", 0, "--max-sample", 0.01),
        ("submit", board, "--plugin", "toy-plugin", "--output", folder / "rows.zip"),
        ("report", board, "--output", board / "leaderboard.html"),
        ("figures", board),
    ):
        status, said = typed(*arguments)
        assert status == 0, said
    shutil.copytree(folder / "fidelity", folder / "again")
    bare = Path(shutil.copytree(results, folder / "bare"))  # without what was submitted
    (folder / "few.toml").write_text(SUITE.replace(', "asks-surrogates", "raises"', ""))
    shutil.rmtree(bare)
    status, said = typed("run", folder / "few.toml", "--results", bare)
    assert status == 0, said
    return folder


def bombs():
    """Small files that unpack to gigabytes."""
    zeros = bytes(2**24)

    def zipped(name, n, first=b""):
        buffer = io.BytesIO()
        with (
            zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open(name, "w", force_zip64=True) as file,
        ):
            file.write(first)
            for _ in range(n):
                file.write(zeros)
        return buffer.getvalue()

    first = io.BytesIO()
    shape = {"descr": "<f8", "fortran_order": False, "shape": (2**24 * 96 // 8,)}
    np.lib.format.write_array_header_1_0(first, shape)
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb") as file:
        for _ in range(130):
            file.write(zeros)
    return {
        "npz": zipped("ranks.npy", 96, first.getvalue()),  # a true array of 1.5 GiB
        "gz": buffer.getvalue(),
        "manifest.json": zipped("manifest.json", 96),
    }


# What each command does with one of the copies. `folder` holds a copy of all of them, one damaged.
READERS = {
    "results": (
        ("status", "toy.toml", "--json"),
        ("plan", "toy.toml"),
        ("leaderboard", "toy.toml", "--json"),
        ("leaderboard", "toy.toml", "--per-seed", "seeds.csv"),
        ("run", "toy.toml"),
        ("run", "other.toml"),
        ("run", "toy.toml", "--retry-failed"),
        ("run", "toy.toml", "--attacker", "random", "--seed", "0"),
        ("verify", BOARD),
        ("verify", BOARD, "--json"),
        ("verify", BOARD, "--level", "1", "--level", "5"),
        ("report", BOARD, "--output", "page.html"),
        ("report", BOARD, "--output", f"{BOARD}/leaderboard.html"),
        ("figures", BOARD, "--output", "drawn"),
        ("compare", BOARD, "published"),
        ("compare", "published", BOARD, "--json"),
        ("merge", "toy.toml", "results", "--results", "merged"),
        ("merge", "few.toml", "results", "--results", "bare"),
        ("publish", BOARD, "packed"),
        ("publish", "results/toys", "packed"),
        ("submit", BOARD, "--plugin", "toy-plugin"),
        ("claims", "results/toys"),
        ("reproduce", BOARD + "/records/{record}.json"),
        ("reproduce", "{record}", "--results", "results/toys"),
        ("accept", BOARD, "rows.zip"),
    ),
    "published": (
        ("verify", "published"),
        ("verify", "published", "--level", "1", "--level", "5"),
        ("report", "published", "--output", "page.html"),
        ("report", "published", "--output", "published/leaderboard.html"),
        ("figures", "published"),
        ("compare", "published", BOARD),
        ("submit", "published", "--plugin", "toy-plugin", "--output", "more.zip"),
        ("publish", BOARD, "published"),
        ("publish", "published", "again"),
        ("accept", "published", "rows.zip"),
    ),
    "family": (
        ("verify", "family/paper-overall"),
        ("verify", "family/other", "--level", "1"),
        ("report", "family/other", "--output", "page.html"),
        ("compare", "family/paper-overall", "family/other"),
        ("claims", "family"),
        ("claims", "family", "--check"),
        ("publish", "results/toys", "family"),
        ("submit", "family/paper-overall", "--plugin", "toy-plugin"),
    ),
    "sampled": (
        ("verify", "sampled"),
        ("verify", "sampled", "--level", "2"),
        ("compare", "sampled", BOARD),
        ("spread", "sampled"),
        ("publish", "sampled", "again"),
        ("submit", "sampled", "--plugin", "toy-plugin"),
        ("accept", "sampled", "rows.zip"),
    ),
    "fidelity": (
        ("verify", "fidelity"),
        ("verify", "fidelity", "--level", "5"),
        ("report", "fidelity", "--output", "page.html"),
        ("figures", "fidelity", "--output", "drawn"),
        ("compare", "fidelity", "again"),
        ("publish", "fidelity", "packed"),
        ("submit", "fidelity", "--plugin", "toy-plugin"),
    ),
    "rows.zip": (
        ("verify", "rows.zip"),
        ("report", "rows.zip", "--output", "page.html"),
        ("compare", "rows.zip", "published"),
        ("accept", "bare/toys/paper-overall", "rows.zip"),
        ("accept", "bare/toys/paper-overall", "rows.zip"),
        ("figures", "rows.zip", "--output", "drawn"),
    ),
}


def listing(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def one_damaged(number, whole, around, unpacks):
    """Damage one leaderboard in a copy of all, and give it to two commands."""
    random = Random(f"{SEED} {number}")  # noqa: S311
    folder, outside, temporary = around / "copy", around / "outside", around / "tmp"
    for old in (folder, outside, temporary):
        shutil.rmtree(old, ignore_errors=True)
    outside.mkdir()
    temporary.mkdir()
    (outside / "secret").write_text("secret")
    shutil.copytree(whole, folder)
    os.chdir(folder)
    what = random.choices(sorted(READERS), weights=(3, 2, 3, 6, 3, 2))[0]
    part = {"results": folder / BOARD}.get(what, folder / what)
    how = damage(part, random, outside=outside, bombs=unpacks)
    records = sorted(path.stem for path in (folder / f"{BOARD}/records").glob("*.json"))
    for command in random.sample(READERS[what], 2):
        asked = [word.format(record=random.choice(records or ["0"])) for word in command]
        try:
            status, said = typed(*asked)
        except BaseException as error:
            raise AssertionError(f"{how}: {asked}") from error
        assert status in STATUSES, (how, asked, status)
        assert "Traceback" not in said, (how, asked, said)
        assert len(said) < 200_000, (how, asked, len(said), said[:3000])
        assert status != 2 or len(said) < 4000, (how, asked, said[:3000])
    assert listing(outside) == {"secret"}, (how, command)
    assert (outside / "secret").read_text() == "secret", (how, command)
    assert listing(temporary) == set(), (how, command)
    assert listing(around) - {"copy", "outside", "tmp", "outside/secret"} == {
        f"copy/{name}" for name in listing(folder)
    }
    assert not Path(ESCAPED).exists()


@pytest.mark.slow
def test_three_thousand_damaged_leaderboards_give_no_traceback(whole, tmp_path, monkeypatch):
    around = tmp_path / "around"
    around.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(around / "tmp"))
    unpacks = bombs()
    wrong = watched(
        N_DAMAGED, lambda number: one_damaged(number, whole, around, unpacks), seconds=60
    )
    assert not wrong, "\n".join(f"{n}: {what}" for n, what in list(wrong.items())[:40])
